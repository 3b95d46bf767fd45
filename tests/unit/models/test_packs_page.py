"""docs/packs.md tells the truth: every field of a card stands in it."""

from dataclasses import fields
from pathlib import Path

import pytest

from models.card import OWN, Card
from models.sections import FILTERS, HEATMAPS, ROUNDINGS, RULES, SEQUENCE_INPUTS, Heatmap, OutputNames, Preprocess
from models.sections import SequenceStage as Stage
from models.seeds.systems import SYSTEMS

PAGE = (Path(__file__).parents[3] / "docs/packs.md").read_text("utf-8")
WORDS = (*FILTERS, *HEATMAPS, *ROUNDINGS, *RULES, *SEQUENCE_INPUTS, *SYSTEMS)


@pytest.mark.parametrize("section", [Card, Preprocess, OutputNames, Stage, Heatmap])
def test_every_field_is_described(section):
    names = {field.name for field in fields(section)} - OWN
    missing = {name for name in names if not any(f"{tick}{name}" in PAGE for tick in ("`", "`["))}
    assert not missing


def test_every_word_a_card_may_use_is_described():
    assert not [word for word in WORDS if word not in PAGE]
