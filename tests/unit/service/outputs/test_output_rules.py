"""The words and numbers of the result objects."""

from __future__ import annotations

from typing import Any

import pytest

from service.outputs.rules import check_words, finding_rows, fit, grid, plain, probability_words, slice_words


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("p \u2265 0.5 \u2013 \u201cok\u201d", 'p >= 0.5 - "ok"'),
        ("Sch\xe4del 5\u202fmm", "Schadel 5 mm"),
        ("\u982d\u90e8", "??"),
        ("two\nlines  and\ttabs", "two lines and tabs"),
    ],
)
def test_text_folds_to_ascii(text: str, folded: str) -> None:
    assert plain(text) == folded


def test_folding_keeps_a_limit() -> None:
    assert plain("a" * 70, 64) == "a" * 61 + "..."
    assert len(plain("\u2026" * 40, 64)) == 64


@pytest.mark.parametrize(
    ("value", "words"), [(None, "-"), (1.0, "> 0.99"), (0.9949, "0.99"), (0.0, "< 0.01"), (0.5, "0.50")]
)
def test_probability_never_claims_certainty(value: float | None, words: str) -> None:
    assert probability_words(value) == words


def test_slices_are_drawn_true_to_millimetres() -> None:
    assert fit((512, 512), (0.5, 0.5), (512, 512)) == (512, 512)
    assert fit((256, 512), (1.0, 0.5), (500, 500)) == (500, 500)
    assert fit((100, 200), (1.0, 1.0), (300, 90)) == (180, 90)


@pytest.mark.parametrize(("count", "cells"), [(1, (1, 1)), (3, (3, 1)), (4, (2, 2)), (5, (3, 2)), (6, (3, 2))])
def test_thumbnails_share_the_card(count: int, cells: tuple[int, int]) -> None:
    assert grid(count) == cells


def test_kinds_come_most_probable_first_without_any(study: Any) -> None:
    rows = finding_rows(study.verdict.conclusions[0])
    assert [label for label, _ in rows][:2] == ["intraparenchymal", "intraventricular"]
    assert "any" not in dict(rows)


def test_slice_words_name_number_order_and_place(study: Any) -> None:
    conclusion = study.verdict.conclusions[0]
    words = slice_words(conclusion.slices[7], conclusion)
    assert words == "instance 8, slice 8 of 12 in anatomical order, 35.0 mm along the stack"


def test_a_failed_check_says_its_reason(study: Any) -> None:
    words = check_words(study.verdict.conclusions[0].suitability[2])
    assert words == "kVp: not passed, found -, wanted 70 to 150; the header names no kVp"
