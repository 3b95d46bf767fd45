import numpy as np
import pytest

from models.aggregate import series_scores


def test_one_lone_slice_counts_half_at_five_millimetres():
    scores = series_scores([[0.0], [1.0], [0.0], [0.0]], [0, 5, 10, 15])
    assert scores.series_probabilities.tolist() == [0.5]


def test_two_neighbours_count_in_full_and_two_strangers_do_not():
    together = series_scores([[0], [1], [1], [0]], [0, 5, 10, 15]).series_probabilities[0]
    apart = series_scores([[1], [0], [0], [1]], [0, 5, 10, 15]).series_probabilities[0]
    assert together == 1 and apart == 0.5


def test_the_order_of_arrival_does_not_matter():
    values = np.random.default_rng(0).random((12, 3))
    place = np.arange(12) * 3.0
    shuffled = np.random.default_rng(1).permutation(12)
    straight = series_scores(values, place).series_probabilities
    assert np.array_equal(straight, series_scores(values[shuffled], place[shuffled]).series_probabilities)
    assert np.allclose(straight, series_scores(values[::-1], -place[::-1]).series_probabilities)


def test_thin_slices_need_more_of_them():
    values = np.zeros((20, 1))
    values[5:7] = 1
    assert series_scores(values, np.arange(20)).series_probabilities[0] == pytest.approx(0.2)


def test_slices_on_one_spot_and_single_slices_are_taken_as_they_are():
    assert series_scores([[0.3], [0.7]], [4, 4]).series_probabilities[0] == pytest.approx(0.7)
    assert series_scores([[0.3]], [4]).series_probabilities[0] == pytest.approx(0.3)


@pytest.mark.parametrize(("values", "place"), [([0.5], [0]), ([[0.5]], [0, 1]), (np.zeros((0, 2)), [])])
def test_misshapen_input_is_refused(values, place):
    with pytest.raises(ValueError, match="positions"):
        series_scores(values, place)
