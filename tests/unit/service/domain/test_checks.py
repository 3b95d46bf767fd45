"""What a failed line of the card forbids."""

from __future__ import annotations

import pytest

from service.domain.checks import (
    NO_HEAD_CT,
    ONLY_NEGATIVES,
    CheckName,
    blocks_negative,
    blocks_reading,
    clearly_no_head_ct,
    failed,
    line,
    objection,
)


def card(*failing: CheckName):
    return [line(name, name not in failing, "found", "wanted", f"{name} is wrong") for name in reversed(CheckName)]


@pytest.mark.parametrize("name", CheckName)
def test_a_failed_line_forbids_reading_or_a_negative_never_both(name: CheckName) -> None:
    reading, negative = blocks_reading(card(name)), blocks_negative(card(name))
    assert len(reading) + len(negative) == 1
    assert bool(negative) == (name in ONLY_NEGATIVES)


def test_a_clean_card_forbids_nothing() -> None:
    assert not failed(card())
    assert objection(card()) > objection(card(CheckName.COVERAGE)) > objection(card(CheckName.MODALITY))


def test_the_first_objection_is_a_radiologists_whatever_the_order_of_the_lines() -> None:
    wrong = card(CheckName.COUNT, CheckName.CONTRAST, CheckName.GAPS, CheckName.BODY_PART)
    assert [one.name for one in blocks_reading(wrong)] == ["body part", "contrast", "slice count"]


@pytest.mark.parametrize("name", CheckName)
def test_another_region_is_no_head_ct_but_contrast_may_be(name: CheckName) -> None:
    assert clearly_no_head_ct(card(name)) == (name in NO_HEAD_CT)


def test_a_passed_line_has_no_reason() -> None:
    assert not any(one.reason for one in card())
