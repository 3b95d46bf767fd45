"""docs/readers.md quotes the papers as the report does, and names what the command writes."""

import re
from pathlib import Path

from models.judge.published import ROWS

PAGE = (Path(__file__).parents[4] / "docs" / "readers.md").read_text("utf-8")
QUOTED = PAGE[PAGE.index("## What the papers report") : PAGE.index("## How to judge a pack")]


def quoted():
    for line in QUOTED.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 8 and re.fullmatch(r"[\d,]+", cells[2]):
            yield cells[2:]


def test_every_quoted_row_is_a_row_of_the_report():
    known = [[row.n.split()[0], row.acc, row.tpr, row.tnr, row.auc, row.loss] for rows in ROWS.values() for row in rows]
    rows = list(quoted())
    assert len(rows) == 13
    for row in rows:
        assert [row[0], *(cell.split(",")[0] for cell in row[1:])] in known, row


def test_it_says_whose_figures_they_are():
    assert "Their data, as published. Nothing in this section was measured by this project" in QUOTED
    assert "Research use only, not for diagnosis; trained on synthetic data" in PAGE
