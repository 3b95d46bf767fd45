"""What the validation part decides: temperature, operating point, figures."""

import numpy as np
import pytest

pytest.importorskip("scipy", reason="scipy is not installed: install the 'train' extra")

from models.sections import Rule
from models.train.systems.judge import (
    Scored,
    auc,
    best_temperature,
    figures_of,
    logit,
    operating_point,
    summary,
)

ANY_SLICE = Rule("share", {"share_percent": 0.0})
TEN_PERCENT = Rule("share", {"share_percent": 10.0})


def series(probabilities, bleeds, truth=None):
    truth = np.full(len(probabilities), np.nan) if truth is None else truth
    return Scored(np.asarray(probabilities, np.float64), np.asarray(truth, np.float64), bleeds)


def test_area_under_the_curve_counts_ties_half():
    assert auc([0.1, 0.4, 0.4, 0.9], [0, 0, 1, 1]) == 0.875
    assert np.isnan(auc([0.1, 0.2], [1, 1]))


def test_figures_leave_unknown_truth_out():
    found = figures_of(0.5, [1.0, -1.0, 3.0, 2.0], [1, 0, np.nan, 0])
    assert found == {"loss": 0.5, "accuracy": 2 / 3, "auc": 0.5}


def test_the_temperature_undoes_overconfidence():
    rng = np.random.default_rng(3)
    true = rng.normal(0, 2, 4000)
    hit = rng.random(4000) < 1 / (1 + np.exp(-true))
    said = series(1 / (1 + np.exp(-3 * true)), True, hit)
    assert best_temperature([said]) == pytest.approx(3, rel=0.1)
    assert best_temperature([series([0.2, 0.3], False, [0, 0])]) == 1.0
    assert logit([0.5, 0.0]).tolist() == pytest.approx([0, -16.118], abs=1e-2)


def test_the_threshold_stands_in_the_widest_gap_of_the_best():
    cases = [series([0.1, 0.2], False), series([0.05, 0.3], False), series([0.9, 0.1], True), series([0.8, 0.95], True)]
    found = operating_point(cases, ANY_SLICE)
    assert logit([found])[0] == pytest.approx(logit([0.3, 0.9]).mean(), abs=1e-6)
    assert operating_point(cases[:2], ANY_SLICE) is None
    assert operating_point([series([0.9], False), series([0.2], True)], ANY_SLICE) is None


def test_the_rule_decides_how_many_slices_it_takes():
    bright = np.full(40, 0.1)
    bright[:4] = [0.9, 0.8, 0.7, 0.6]
    one = series(bright, True)
    assert (one.cut(ANY_SLICE), one.cut(TEN_PERCENT)) == (0.9, 0.6)
    assert one.called(0.85, ANY_SLICE) and not one.called(0.85, TEN_PERCENT) and one.called(0.59, TEN_PERCENT)


def test_the_summary_tells_what_can_be_told():
    cases = [series([0.1, 0.2], False, [0, 0]), series([0.7, 0.1], True, [1, 0]), series([0.3, 0.1], True, [1, 0])]
    assert summary(cases, 0.5, ANY_SLICE) == {
        "validation_series": 3.0, "validation_series_auc": 1.0, "validation_sensitivity": 0.5,
        "validation_specificity": 1.0, "validation_slice_auc": 1.0,
    }  # fmt: skip
    assert summary([series([0.1], False)], 0.5, ANY_SLICE) == {"validation_series": 1.0, "validation_specificity": 1.0}
