"""The finished sheets, judged by their pixels."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from service.outputs.canvas import BANNER_HEIGHT, HEIGHT, MARGIN, WARNING, WIDTH, wrap
from service.outputs.key_picture import PANEL, PANEL_TOP, draw_key_slice, prepare
from service.outputs.summary_picture import STRIP_BOTTOM, STRIP_TOP, draw_summary

ORIGINAL = (slice(PANEL_TOP, PANEL_TOP + PANEL), slice(MARGIN, MARGIN + PANEL))
OVERLAY = (slice(PANEL_TOP, PANEL_TOP + PANEL), slice(MARGIN + PANEL + 14, MARGIN + 2 * PANEL + 14))


def redness(picture: NDArray[np.uint8]) -> NDArray[np.int16]:
    wide = picture.astype(np.int16)
    return np.maximum(wide[..., 0] - wide[..., 2], 0)


def draw(study: Any) -> NDArray[np.uint8]:
    prepared = prepare(study.source.key_slices[0], study.source.pack.labels)
    return draw_key_slice(prepared, study.verdict.conclusions[0], (1, 3)).pixels()


@pytest.mark.parametrize(("row", "column"), [(100, 160), (60, 90), (180, 128)])
def test_the_reddest_area_is_where_the_network_looked(
    study: Any, with_first_key: Any, activation_at: Any, row: int, column: int
) -> None:
    picture = draw(with_first_key(study, activation=activation_at(row, column)))
    panel = redness(picture[OVERLAY])
    y, x = np.argwhere(panel > panel.max() - 12).mean(axis=0)
    assert abs(y / PANEL * 256 - row) < 12
    assert abs(x / PANEL * 256 - column) < 12


def test_the_original_stays_free_of_colour(study: Any) -> None:
    assert not redness(draw(study)[ORIGINAL]).any()


def test_without_activation_there_is_no_red_area(study: Any, with_first_key: Any) -> None:
    assert not redness(draw(with_first_key(study, activation=None))[OVERLAY]).any()


def test_an_improbable_key_slice_has_no_red_area(study: Any, with_first_key: Any) -> None:
    weak = replace(study.source.key_slices[0].score, probability=0.04, positive=False)
    assert not redness(draw(with_first_key(study, score=weak))[OVERLAY]).any()


def test_every_sheet_carries_the_notice(study: Any, clear_study: Any) -> None:
    sheets = [draw(study)]
    for one in (study, clear_study):
        prepared = [prepare(key, one.source.pack.labels) for key in one.source.key_slices]
        sheets.append(draw_summary(one.verdict, one.verdict.conclusions[0], prepared).pixels())
    for sheet in sheets:
        assert sheet.shape == (HEIGHT, WIDTH, 3)
        foot = sheet[HEIGHT - BANNER_HEIGHT :]
        assert (foot[1, 1] == WARNING).all()
        assert 0.03 < (foot.max(axis=2) < 100).mean() < 0.3


def test_the_strip_shows_every_slice_and_which_are_positive(study: Any) -> None:
    sheet = draw_summary(study.verdict, study.verdict.conclusions[0], []).pixels()
    strip = sheet[STRIP_TOP:STRIP_BOTTOM, MARGIN + 34 : WIDTH - MARGIN]
    foot = strip[-2].astype(int)
    red = (foot[:, 0] - foot[:, 1] > 80).mean()
    green = (foot[:, 1] - foot[:, 0] > 60).mean()
    assert red == pytest.approx(5 / 12, abs=0.03)
    assert green == pytest.approx(7 / 12, abs=0.03)


@pytest.mark.parametrize("count", [1, 300, 1500])
def test_any_number_of_slices_fits(study: Any, count: int) -> None:
    conclusion = study.verdict.conclusions[0]
    scores = tuple(replace(conclusion.slices[0], place_mm=float(at), probability=0.5) for at in range(count))
    sheet = draw_summary(study.verdict, replace(conclusion, slices=scores, key_slices=()), []).pixels()
    strip = sheet[STRIP_BOTTOM - 5, MARGIN + 40 : WIDTH - MARGIN - 6].astype(int)
    assert (strip[:, 1] > 150).mean() > 0.9


def test_more_key_slices_than_fit_are_left_out_of_the_summary(study: Any) -> None:
    prepared = [prepare(study.source.key_slices[0], study.source.pack.labels)] * 9
    draw_summary(study.verdict, study.verdict.conclusions[0], prepared)


def test_missing_pixel_size_and_orientation_still_draw(study: Any, with_first_key: Any) -> None:
    key = study.source.key_slices[0]
    bare = replace(key, header=Dataset(), row_mm=0.0, column_mm=0.0)
    assert prepare(bare, study.source.pack.labels).sides == ("", "", "", "")
    draw(with_first_key(study, header=bare.header, row_mm=0.0, column_mm=0.0))


def test_wide_pixels_are_drawn_wide(study: Any, with_first_key: Any) -> None:
    wide = with_first_key(study, column_mm=study.source.key_slices[0].row_mm * 2)
    prepared = prepare(wide.source.key_slices[0], study.source.pack.labels)
    assert prepared.size(PANEL) == (PANEL, PANEL // 2)


def test_long_text_ends_in_dots() -> None:
    lines = wrap("gap after slice 17 " * 40, 15, 300, 2)
    assert len(lines) == 2
    assert lines[-1].endswith("...")
    assert wrap("", 15, 300, 2) == [""]
