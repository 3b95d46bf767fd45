"""Published tables, turned back into their percentages and intervals, and the pure parts of the sequence stages."""

import numpy as np
import pytest

pytest.importorskip("scipy", reason="scipy is not installed: install the 'train' extra")

from models.seeds import features
from models.seeds.intervals import Confusion, exact

TABLE_2 = {
    (352, 19, 24, 552): "95.5 (93.9-96.7) | 94.9 (92.1-96.9) | 95.8 (93.9-97.3) | 93.6 (90.8-95.6) | 96.7 (94.9-97.8)",
    # the paper prints 91.3 for the upper end of the sensitivity; the exact end is 91.249
    (327, 44, 17, 559): "93.6 (91.8-95.0) | 88.1 (84.4-91.2) | 97.0 (95.3-98.3) | 95.1 (92.3-96.9) | 92.7 (90.6-94.4)",
}


@pytest.mark.parametrize("counts", TABLE_2)
def test_patient_level_table_of_effclass(counts):
    rates = Confusion(*counts).rates()
    assert sum(counts) == 947 and list(rates) == ["ACC", "TPR", "TNR", "PPV", "NPV"]
    assert " | ".join(rate.percent() for rate in rates.values()) == TABLE_2[counts]


def test_the_one_end_that_differs_from_print():
    assert exact(327, 371).high == pytest.approx(0.91249, abs=1e-5)


def test_clinical_set_of_effclass():
    rates = Confusion(47, 0, 0, 8).rates()
    assert rates["ACC"].percent() == "100.0 (93.5-100.0)"
    assert rates["TPR"].percent() == "100.0 (92.5-100.0)"
    assert rates["TNR"].percent() == "100.0 (63.1-100.0)"


def test_an_exact_interval_has_its_coverage_at_both_ends():
    from scipy.stats import binom

    rate = exact(7, 40)
    assert binom.sf(6, 40, rate.low) == pytest.approx(0.025)
    assert binom.cdf(7, 40, rate.high) == pytest.approx(0.025)
    assert (exact(0, 5).low, exact(5, 5).high) == (0, 1)


def test_empty_rows_have_no_rate_and_nonsense_is_refused():
    assert set(Confusion(0, 0, 1, 9).rates()) == {"ACC", "TNR", "PPV", "NPV"}
    with pytest.raises(ValueError, match="3 of 2"):
        exact(3, 2)


def test_pca_finds_the_plane_and_folds_into_one_matrix():
    rng = np.random.default_rng(0)
    plane = rng.normal(size=(2, 12))
    table = rng.normal(size=(300, 2)) * (5, 2) @ plane + rng.normal(size=12)
    reduced = features.pca(table, 2)(table)
    assert np.allclose(reduced.mean(axis=0), 0, atol=1e-9)
    assert reduced[:, 0].std() > reduced[:, 1].std()
    assert np.isclose((reduced**2).sum(), ((table - table.mean(axis=0)) ** 2).sum())
    assert abs(np.corrcoef(reduced.T)[0, 1]) < 1e-9


def test_pca_refuses_more_components_than_there_are():
    with pytest.raises(ValueError, match="120 components"):
        features.pca(np.zeros((50, 200)))


def test_selections_keep_what_they_name():
    weights = np.array([[0.1, -9, 2, 0], [0.1, 9, -2, 0.5]])
    table = np.array([[1.0, 2, 3, 4], [1, 2, 30, 5]])
    assert features.largest_weight(weights, 2).tolist() == [1, 2]
    assert features.smallest_weight(weights, 2).tolist() == [0, 3]
    assert features.largest_sd(table, 1).tolist() == [2]
    assert features.selection([1, 2], 4)(table).tolist() == [[2, 3], [2, 30]]


def test_spacing_is_signed_and_repeats_its_last():
    assert features.spacing([0, 5, 7.5]).tolist() == [5, 2.5, 2.5]
    assert features.spacing([7.5, 5, 0]).tolist() == [-2.5, -5, -5]
    assert features.spacing([3]).tolist() == [0]
    assert features.spacing(np.arange(0, 40, 5)[::2]).tolist() == [10] * 4


def test_a_scan_scores_as_its_worst_slice():
    assert features.scan_scores([[0.1, 0.9], [0.3, 0.2]]).tolist() == [0.3, 0.9]
