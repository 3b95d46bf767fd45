"""Rates, areas, losses and bins against SciPy, scikit-learn, definitions and tables worked by hand."""

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed: install the 'train' extra")

from sklearn.calibration import calibration_curve
from sklearn.metrics import average_precision_score, roc_auc_score

from models.judge.calibration import calibration
from models.judge.curves import Sorted, areas, bootstrap, delong, weighted_areas
from models.judge.loss import label_losses, rsna_loss
from models.judge.nouns import LABELS, Units
from models.judge.published import PATIENT_ROWS, TABLE_2
from models.judge.rates import both, count, rates_of, share


def units(truth, score, patient=None, level="slice"):
    truth, score = np.array(truth, bool), np.array(score, float)
    return Units(level, truth, score, score > 0.5, np.arange(len(truth)) if patient is None else np.array(patient))


def crowd(count=300, patients=40, seed=0, digits=2):
    rng = np.random.default_rng(seed)
    patient = rng.integers(0, patients, count)
    truth = (patient % 2 == 0) & (rng.random(count) < 0.4)
    return units(truth, np.clip(rng.normal(0.35 + 0.3 * truth, 0.2), 0, 1).round(digits), patient)


@pytest.mark.parametrize("percent", TABLE_2)
def test_table_2_of_effclass_comes_back_from_its_counts(percent):
    found = rates_of(TABLE_2[percent])
    row = next(row for row in PATIENT_ROWS if f"Table 2, RSNA, {percent}" in row.where)
    ours = [found.exact[name].percent() for name in ("ACC", "TPR", "TNR")]
    ours += [found.logit[name].percent() for name in ("PPV", "NPV")]
    printed = [row.acc, row.tpr, row.tnr, row.ppv, row.npv]
    # the paper prints 91.3 where the exact end is 91.249
    assert ours == [cell.replace("84.4-91.3", "84.4-91.2") for cell in printed]


def test_exact_intervals_are_scipys():
    from scipy.stats import binomtest

    found = rates_of(count(np.array([1] * 9 + [0] * 11, bool), np.array([1] * 7 + [0] * 10 + [1] * 3, bool)))
    assert (found.confusion.tp, found.confusion.fn, found.confusion.fp, found.confusion.tn) == (7, 2, 3, 8)
    for rate in found.exact.values():
        ends = binomtest(rate.hits, rate.of).proportion_ci(0.95, "exact")
        assert (rate.low, rate.high) == pytest.approx((ends.low, ends.high))
    assert found.exact["PPV"].low != found.logit["PPV"].low and found.exact["PPV"].value == 0.7


def test_nothing_counted_gives_no_rate():
    empty = np.array([], bool)
    assert rates_of(count(empty, empty)).exact == {} and both(empty, empty) == {} and share(0, 0) is None
    assert set(both(np.array([True]), np.array([False]))) == {"TPR"}


@pytest.mark.parametrize("digits", [1, 2, 9])
def test_areas_are_scikit_learns_with_and_without_ties(digits):
    own = crowd(digits=digits)
    roc, pr = weighted_areas(Sorted.of(own), np.ones(40))
    assert roc == pytest.approx(roc_auc_score(own.truth, own.score))
    assert pr == pytest.approx(average_precision_score(own.truth, own.score))
    found = areas(own, resamples=50)
    assert (found.roc.value, found.pr.value) == pytest.approx((roc, pr))


def test_a_weight_is_a_repetition():
    own, times = crowd(seed=3), np.random.default_rng(1).integers(0, 4, 40)
    again = np.repeat(np.arange(len(own.truth)), times[own.patient])
    roc, pr = weighted_areas(Sorted.of(own), times.astype(float))
    assert roc == pytest.approx(roc_auc_score(own.truth[again], own.score[again]))
    assert pr == pytest.approx(average_precision_score(own.truth[again], own.score[again]))


def test_the_bootstrap_draws_patients_not_slices():
    own = crowd()
    ten = [np.repeat(each, 10) for each in (own.truth, own.score, own.patient)]
    low, high, _ = bootstrap(own, 400, 1)
    more_low, more_high, _ = bootstrap(units(*ten), 400, 1)
    assert np.allclose(low, more_low) and np.allclose(high, more_high), "ten times the slices are no new patients"
    alone_low, alone_high, _ = bootstrap(units(ten[0], ten[1]), 400, 1)
    assert (alone_high - alone_low)[0] < 0.6 * (high - low)[0]


def test_the_bootstrap_follows_its_seed_and_holds_the_value():
    own = crowd()
    first, again, other = (bootstrap(own, 300, seed) for seed in (1, 1, 2))
    assert np.array_equal(first[0], again[0]) and not np.array_equal(first[0], other[0])
    found = areas(own, 300)
    assert found.roc.low < found.roc.value < found.roc.high and found.pr.low < found.pr.value < found.pr.high


def test_delong_is_its_definition():
    own = crowd(80, 80, digits=1)
    ill, well = own.score[own.truth], own.score[~own.truth]
    above = (ill[:, None] > well) + 0.5 * (ill[:, None] == well)
    variance = above.mean(axis=1).var(ddof=1) / len(ill) + above.mean(axis=0).var(ddof=1) / len(well)
    found = delong(own)
    assert found.value == pytest.approx(above.mean())
    assert found.high - found.value == pytest.approx(1.959964 * np.sqrt(variance), rel=1e-5)


def test_delong_and_bootstrap_agree_on_patients():
    rng = np.random.default_rng(4)
    truth = np.arange(300) % 2 == 0
    found = areas(units(truth, rng.normal(truth * 1.2), level="patient"), 1000)
    assert found.roc.low == pytest.approx(found.delong.low, abs=0.01)
    assert found.roc.high == pytest.approx(found.delong.high, abs=0.01)


@pytest.mark.parametrize(
    ("truth", "why"), [([0, 0], "no positive slice"), ([1, 1], "no negative slice"), ([], "no slice of known truth")]
)
def test_an_area_without_both_classes_says_why(truth, why):
    found = areas(units(truth, np.linspace(0, 1, len(truth))))
    assert found.roc.value is None and found.roc.text() == f"not defined: {why}" == found.pr.text()


def test_one_patient_of_a_kind_gives_a_value_without_interval():
    found = areas(units([1, 0, 0], [0.9, 0.2, 0.3], level="patient"))
    assert found.roc.text() == "1.000 (no interval: too few patients)" and found.delong.value is None


def test_the_rsna_loss_of_a_table_worked_by_hand():
    truth = [[1, 1, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0]]
    given = [[0.8, 0.5, 0.1, 0.1, 0.1, 0.1], [0.2, 0.5, 0.1, 0.1, 0.1, 0.1]]
    # any: -ln .8 both times; epidural: -ln .5 both times; the other four: -ln .9 both times
    by_hand = (2 * -np.log(0.8) + -np.log(0.5) + 4 * -np.log(0.9)) / 7
    assert rsna_loss(truth, given).value == pytest.approx(by_hand) == pytest.approx(0.222982, abs=1e-6)


def test_the_loss_leaves_out_what_is_unknown_and_needs_all_six_labels():
    truth, given = np.zeros((3, 6)), np.full((3, 6), 0.5)
    truth[0] = np.nan
    assert label_losses(truth, given)["any"] == pytest.approx(np.log(2))
    given[:, 5] = np.nan
    assert rsna_loss(truth, given).why == "no truth or no output for subdural"


def test_a_certain_mistake_costs_much_but_not_everything():
    assert np.isfinite(rsna_loss(np.ones((2, 6)), np.zeros((2, 6))).value)
    assert rsna_loss(np.ones((2, 6)), np.ones((2, 6))).value == pytest.approx(0, abs=1e-6)


def test_the_loss_is_told_the_order_of_its_columns():
    truth, given = np.random.default_rng(0).integers(0, 2, (9, 6)), np.random.default_rng(1).random((9, 6))
    turned = [1, 2, 3, 4, 5, 0]
    labels = tuple(LABELS[at] for at in turned)
    assert rsna_loss(truth[:, turned], given[:, turned], labels).value == pytest.approx(rsna_loss(truth, given).value)


def test_bins_are_scikit_learns_and_errors_are_worked_by_hand():
    own = crowd(500, digits=6)
    found = calibration(own)
    share_true, mean = calibration_curve(own.truth, own.score, n_bins=10)
    assert [each.observed.value for each in found.bins] == pytest.approx(list(share_true))
    assert [each.mean for each in found.bins] == pytest.approx(list(mean))
    assert found.brier == pytest.approx(np.mean((own.score - own.truth) ** 2))
    small = calibration(units([1, 0, 1, 1], [0.95, 0.95, 0.05, 1.0]))
    # tenth 0: mean .05, observed 1; tenth 9: mean .96667, observed .66667
    assert small.ece == pytest.approx((1 * 0.95 + 3 * 0.3) / 4)
    assert [(each.observed.hits, each.observed.of) for each in small.bins] == [(1, 1), (2, 3)]
    assert calibration(units([], [])) is None
