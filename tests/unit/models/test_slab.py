"""Thin slices as slabs: who belongs together, and what their mean is."""

import numpy as np
import pytest

from models import SliceInput, around, thickened


def test_a_slab_is_no_thicker_than_asked_for():
    assert around(range(6), [1.0] * 6, 5.0) == [(1, 2), (0, 2, 3), (0, 1, 3, 4), (1, 2, 4, 5), (2, 3, 5), (3, 4)]
    for step, count in ((0.625, 7), (1.25, 3), (1.5, 3), (2.0, 1), (2.5, 1), (5.0, 1)):
        places = np.arange(21) * step
        assert len(around(places, np.full(21, step), 5.0)[10]) + 1 == count, step


def test_slices_that_overlap_count_with_their_whole_thickness():
    assert around(range(5), [4.0] * 5, 5.0) == [()] * 5
    assert around(range(5), [3.0] * 5, 5.0)[2] == (1, 3)


@pytest.mark.parametrize("thickness", [0.0, float("nan"), 5.0, 8.0])
def test_thick_slices_and_unknown_ones_stand_alone(thickness):
    assert around([0.0, 1.0, 2.0], [thickness] * 3, 5.0) == [()] * 3


def test_the_order_of_the_slices_does_not_matter():
    assert around([2.0, 0.0, 1.0], [2.0] * 3, 5.0) == [(2,), (2,), (0, 1)]


def test_no_place_counts_twice_however_many_lie_there():
    assert around([0.0, 1.0, 1.0, 1.0, 2.0], [2.0] * 5, 5.0) == [(1,), (0, 4), (0, 4), (0, 4), (1,)]
    crowd = around(np.repeat(np.arange(40.0), 200), np.ones(8000), 5.0)
    assert max(len(one) for one in crowd) == 4


def test_the_mean_is_of_slices_on_one_grid():
    one, two = (SliceInput(np.full((4, 4), value, np.float32), 0.5, 0.5) for value in (10.0, 40.0))
    other = SliceInput(np.full((8, 8), 900.0, np.float32), 0.25, 0.25)
    assert thickened(one, [two, other]).hu == pytest.approx(25.0) and one.hu == pytest.approx(10.0)
    assert thickened(one, [other]) is one and thickened(one, []) is one


def test_noise_falls_as_the_number_of_slices_says():
    rng = np.random.default_rng(3)
    slices = [SliceInput(rng.normal(30, 6, (64, 64)).astype(np.float32), 0.5, 0.5) for _ in range(5)]
    assert thickened(slices[2], slices[:2] + slices[3:]).hu.std() == pytest.approx(6 / 5**0.5, rel=0.05)
