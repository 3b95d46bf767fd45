"""At a hundred thousand studies a page comes off an index; no question sorts or loads the list."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, text

from service.domain.verdict import Priority
from service.ledger import tables
from service.ledger.book import Ledger, open_ledger
from service.ledger.inquiry import PAGE, Inquiry, page_query, studies_in_order
from service.ledger.listing import Mark, Wish, list_studies

STUDIES = 100_000
FLAGGED_EACH = 8
MARK = Mark(urgency=0, settled=1, moment=-50_000.0, study_uid="1.2.50000")


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """Old, done and mostly not flagged, as after a few years."""
    folder: Path = tmp_path_factory.mktemp("many")
    ledger = open_ledger(f"sqlite:///{folder / 'ledger.sqlite3'}")
    with ledger.writing() as db:
        db.execute(insert(tables.studies), [row(number) for number in range(STUDIES)])
    yield ledger
    ledger.close()


def row(number: int) -> dict[str, Any]:
    flagged = number % FLAGGED_EACH == 0
    return {
        "study_uid": f"1.2.{number}", "patient": {"name": f"Doe{number}^Jane"}, "patient_id": f"P{number}",
        "header": {"study_uid": f"1.2.{number}", "study_date": f"2024{number % 12 + 1:02d}01"},
        "accession_number": f"A{number}", "state": "done", "received_at": float(number), "last_arrival_at": 0.0,
        "priority": "HIGH" if flagged else "LOW", "urgency": 0 if flagged else 2,
        "verdict": "positive" if flagged else "negative",
    }  # fmt: skip


def plan(ledger: Ledger, inquiry: Inquiry, mark: Mark | None) -> list[str]:
    statement = page_query(inquiry, mark).compile(ledger.engine, compile_kwargs={"literal_binds": True})
    with ledger.reading() as db:
        return [str(one[3]) for one in db.execute(text(f"EXPLAIN QUERY PLAN {statement}"))]


@pytest.mark.parametrize("mark", [None, MARK], ids=["first page", "later page"])
@pytest.mark.parametrize(
    "inquiry",
    [
        Inquiry(),
        Inquiry(flagged=True),
        Inquiry(flagged=True, since=90_000.0),
        Inquiry(priority=Priority.LOW),
        Inquiry(name_like="%doe1%"),
        Inquiry(first_date="20240101", last_date="20240131"),
        Inquiry(flagged=True, published=True),
    ],
)
def test_the_list_is_walked_in_its_own_order(ledger: Ledger, inquiry: Inquiry, mark: Mark | None) -> None:
    steps = plan(ledger, inquiry, mark)
    assert "ix_studies_order" in steps[0]
    assert not [one for one in steps if "TEMP B-TREE" in one], "nothing is sorted"
    assert all("result_sets" not in one or "PRIMARY KEY" in one for one in steps)
    if inquiry.flagged or inquiry.priority:
        assert "urgency=?" in steps[0], "it ends where the flagged end"


@pytest.mark.parametrize(
    ("inquiry", "index"),
    [
        (Inquiry(flagged=True, patient_id="P8"), "ix_studies_patient_id"),
        (Inquiry(accession_number="A8"), "ix_studies_accession_number"),
        (Inquiry(study_uids=("1.2.8", "1.2.16")), "sqlite_autoindex_studies_1"),
    ],
)
def test_who_is_named_is_looked_up(ledger: Ledger, inquiry: Inquiry, index: str) -> None:
    assert index in plan(ledger, inquiry, None)[0]
    assert {one.study.study_uid for one in studies_in_order(ledger, inquiry)} >= {"1.2.8"}


def test_matches_come_a_page_at_a_time(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    from service.ledger import inquiry as room

    page = room._page
    monkeypatch.setattr(room, "_page", lambda *given: asked.append(1) or page(*given))
    found = studies_in_order(ledger, Inquiry(flagged=True))
    first = [next(found).study.study_uid for _ in range(PAGE + 1)]
    assert len(asked) == 2
    assert first[:2] == [f"1.2.{STUDIES - FLAGGED_EACH}", f"1.2.{STUDIES - 2 * FLAGGED_EACH}"], (
        "newest of the done first"
    )


def test_the_page_of_the_worklist_uses_the_same_index(ledger: Ledger) -> None:
    listed, mark = list_studies(ledger, Wish(limit=PAGE))
    asked = [one.study for one, _ in zip(studies_in_order(ledger, Inquiry()), range(PAGE), strict=False)]
    assert listed == asked
    assert mark is not None


def test_a_study_that_moves_meanwhile_is_given_once(tmp_path: Path) -> None:
    ledger = open_ledger(f"sqlite:///{tmp_path / 'ledger.sqlite3'}")
    now = time.time()
    with ledger.writing() as db:
        rows = [row(8 * number) | {"state": "delivering", "received_at": now + number} for number in range(PAGE + 50)]
        db.execute(insert(tables.studies), rows)
    found = studies_in_order(ledger, Inquiry(flagged=True))
    first = next(found).study.study_uid
    with ledger.writing() as db:
        db.execute(tables.studies.update().where(tables.studies.c.study_uid == first).values(state="done"))
    given = [first, *(one.study.study_uid for one in found)]
    ledger.close()
    assert len(given) == len(set(given)) == PAGE + 50
