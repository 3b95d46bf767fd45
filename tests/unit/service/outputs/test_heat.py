"""Window, activation and colour: what is red must be where the network looked, and nowhere else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from service.domain.reading import ActivationMap
from service.outputs.heat import STOPS, blend, body_box, brain_window, colours, heat_of, opacity, palette

LABELS = ("any", "epidural")


def one_cell(row: int, column: int, region: tuple[float, float, float, float]) -> ActivationMap:
    planes = np.zeros((2, 8, 8), np.float16)
    planes[0, row, column] = 4
    return ActivationMap(labels=2, rows=8, columns=8, region=region, data=planes.tobytes())


def test_window_is_centre_40_width_80() -> None:
    hu = np.array([[-1500, 0, 40, 80, 3000, np.nan, np.inf]], np.float32)
    assert brain_window(hu).tolist() == [[0, 0, 128, 255, 255, 0, 0]]


@pytest.mark.parametrize(("row", "column"), [(0, 0), (2, 6), (7, 7)])
def test_the_hottest_pixel_lies_in_the_active_cell(row: int, column: int) -> None:
    heat = heat_of(one_cell(row, column, (16.0, 32.0, 80.0, 96.0)), LABELS, 0.9, (128, 128))
    y, x = np.unravel_index(int(heat.argmax()), heat.shape)
    assert 16 + 8 * row <= y < 24 + 8 * row
    assert 32 + 8 * column <= x < 40 + 8 * column
    assert heat.max() == pytest.approx(0.9, rel=0.15)


def test_outside_the_region_nothing_is_hot() -> None:
    heat = heat_of(one_cell(0, 0, (16.0, 32.0, 80.0, 96.0)), LABELS, 1.0, (128, 128))
    heat[16:80, 32:96] = 0
    assert not heat.any()


def test_a_region_may_reach_beyond_the_slice() -> None:
    heat = heat_of(one_cell(4, 4, (-64.0, -64.0, 192.0, 192.0)), LABELS, 1.0, (128, 128))
    y, x = np.unravel_index(int(heat.argmax()), heat.shape)
    assert 64 <= y < 96
    assert 64 <= x < 96


def test_a_doubtful_slice_is_less_hot_than_a_sure_one() -> None:
    activation = one_cell(3, 3, (0.0, 0.0, 64.0, 64.0))
    sure, doubtful = (heat_of(activation, LABELS, p, (64, 64)) for p in (0.9, 0.3))
    assert doubtful.max() == pytest.approx(sure.max() / 3, rel=1e-3)


@pytest.mark.parametrize("probability", [0.05, 0.0])
def test_an_improbable_slice_stays_grey(probability: float) -> None:
    heat = heat_of(one_cell(3, 3, (0.0, 0.0, 64.0, 64.0)), LABELS, probability, (64, 64))
    grey = np.full((64, 64), 90, np.uint8)
    assert (blend(grey, heat) == 90).all()


@pytest.mark.parametrize("fill", [0.0, np.nan, -1.0])
def test_an_empty_map_stays_grey_even_when_the_slice_is_probable(fill: float) -> None:
    flat = np.full((2, 8, 8), fill, np.float16).tobytes()
    activation = replace(one_cell(0, 0, (0.0, 0.0, 64.0, 64.0)), data=flat)
    assert not heat_of(activation, LABELS, 0.99, (64, 64)).any()
    assert not heat_of(None, LABELS, 0.99, (64, 64)).any()


def test_the_plane_of_any_is_taken_by_name() -> None:
    activation = one_cell(1, 1, (0.0, 0.0, 64.0, 64.0))
    assert not heat_of(activation, ("epidural", "any"), 1.0, (64, 64)).any()


def test_colours_brighten_at_every_step() -> None:
    ramp = colours(np.linspace(0, 1, 101, dtype=np.float32)[None])[0].astype(float)
    luma = ramp @ np.array([0.2126, 0.7152, 0.0722])
    assert (np.diff(luma) > 0).all()
    assert tuple(ramp[-1]) == STOPS[-1][1:]


def test_the_palette_holds_every_colour_with_its_opacity() -> None:
    table, ramp = palette(), np.linspace(0, 1, 256, dtype=np.float32)
    assert table.shape == (256, 4)
    assert np.array_equal(table[:, :3], colours(ramp))
    assert np.array_equal(table[:, 3], np.rint(opacity(ramp) * 255))
    assert not table[:26, 3].any() and table[26, 3]


def test_the_head_is_cut_out_and_an_empty_slice_is_left_whole() -> None:
    grey = np.zeros((128, 128), np.uint8)
    assert body_box(grey) == (slice(0, 128), slice(0, 128))
    grey[30:100, 40:90] = 120
    assert body_box(grey) == (slice(26, 104), slice(36, 94))
