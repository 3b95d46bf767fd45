"""The line around a hot place: closed, around all of it and nothing else, whatever its shape."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from service.outputs.contour import FINEST, outlines


def disc(side: int, row: float, column: float, radius: float) -> NDArray[np.float32]:
    """A cone whose height is 0.5 at ``radius`` from the middle of a pixel."""
    y, x = np.mgrid[0:side, 0:side]
    return np.clip(1 - np.hypot(y - row, x - column) / (2 * radius), 0, 1).astype(np.float32)


def area(loop: NDArray[np.float64]) -> float:
    x, y = loop[:, 0], loop[:, 1]
    return abs(float(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1]))) / 2


@pytest.mark.parametrize("side", [96, FINEST, 2 * FINEST, 3 * FINEST + 5])
def test_a_disc_has_one_closed_round_line(side: int) -> None:
    radius = side / 8
    (loop,) = outlines(disc(side, side / 2, side / 3, radius), 0.5)
    assert np.array_equal(loop[0], loop[-1])
    distance = np.hypot(loop[:, 0] - 0.5 - side / 3, loop[:, 1] - 0.5 - side / 2)
    assert np.abs(distance - radius).max() < 1.0
    assert area(loop) == pytest.approx(np.pi * radius**2, rel=0.02)


def test_a_larger_picture_needs_no_more_points() -> None:
    small = outlines(disc(FINEST, 100, 100, 40), 0.5)[0]
    large = outlines(disc(8 * FINEST, 800, 800, 320), 0.5)[0]
    assert len(large) < 1.1 * len(small)


def test_the_largest_comes_first_and_specks_are_left_out() -> None:
    heat = np.maximum(disc(200, 50, 50, 10), disc(200, 140, 120, 25))
    heat[5, 190] = 1
    loops = outlines(heat, 0.5)
    assert [round(area(one), -2) for one in loops] == [2000, 300]


def test_a_hole_has_a_line_of_its_own() -> None:
    heat = disc(200, 100, 100, 60)
    heat[80:120, 80:120] = 0
    assert len(outlines(heat, 0.5)) == 2


def test_heat_up_to_the_border_is_closed_along_it() -> None:
    loops = outlines(np.ones((64, 40), np.float32), 0.5)
    assert len(loops) == 1
    assert area(loops[0]) == pytest.approx(64 * 40, rel=0.03)
    assert (loops[0].min(), loops[0][:, 0].max(), loops[0][:, 1].max()) == (0.25, 39.75, 63.75)


def test_places_that_touch_at_a_corner_give_closed_lines() -> None:
    heat = np.zeros((64, 64), np.float32)
    heat[10:30, 10:30] = heat[30:50, 30:50] = 1
    loops = outlines(heat, 0.5)
    assert sum(area(one) for one in loops) == pytest.approx(800, rel=0.1)


def test_random_maps_never_leave_an_open_line() -> None:
    for seed in range(20):
        heat = np.random.default_rng(seed).random((40, 50)).astype(np.float32)
        for loop in outlines(heat, 0.5):
            assert np.array_equal(loop[0], loop[-1])
            assert (loop >= 0).all()
            assert (loop <= (50, 40)).all()


def test_nothing_hot_has_no_line() -> None:
    assert outlines(np.zeros((30, 30), np.float32), 0.5) == []
