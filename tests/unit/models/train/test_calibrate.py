"""Where a pack operates: needs torch, which only the `train` extra brings."""

from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed: install the 'train' extra")

from models.judge.nouns import CaseReading, Spot
from models.sections import Rule
from models.train.calibrate import SPECIFIC, best_cut, best_scale, operating_point
from models.train.recipe import set_value

CARD = SimpleNamespace(labels=("any",), temperature=1.0, rule=Rule("run", {"run_mm": 10.0}))


def series(values, bleeding):
    values = np.asarray(values, np.float32)
    truth = np.zeros((len(values), 6))
    truth[:, 0] = bleeding
    return CaseReading(
        patient="p", study="p", series="p", source="phantom", vendor="", thickness_mm=5.0, labels=("any",),
        positions=np.arange(len(values)) * 5.0, probabilities=values[:, None], series_probabilities=values[:1],
        slice_truth=truth, series_truth=np.array([float(bleeding), 0, 0, 0, 0, 0]),
        volumes_ml=np.zeros(5), volume_ml=0.0,
        spot=Spot(0, 0.0, 0.0, np.nan, np.nan), seconds=0.0,
    )  # fmt: skip


def test_the_cut_lies_between_what_bleeds_and_what_does_not():
    worlds = [[series([0.2] * 6, False), series([0.9] * 6, True)], [series([0.4] * 6, False), series([0.95] * 6, True)]]
    point = operating_point(worlds, CARD)
    cut = point.temperature * (np.log(point.slice_threshold / (1 - point.slice_threshold)) - point.bias[0])
    assert np.log(0.4 / 0.6) < cut < np.log(0.9 / 0.1)


def test_each_world_has_the_same_say():
    easy = [series([0.3] * 6, False), series([0.6] * 6, True)]
    hard = [series([0.8] * 6, False), series([0.95] * 6, True)]
    points = [operating_point([easy * 10, hard * times], CARD) for times in (1, 10)]
    cuts = [
        point.temperature * (np.log(point.slice_threshold / (1 - point.slice_threshold)) - point.bias[0])
        for point in points
    ]
    assert cuts[0] == pytest.approx(cuts[1], abs=0.01)


def test_no_world_gets_more_false_alarms_than_allowed():
    sensitivity, low, high = np.array([0.99, 0.9, 0.6, 0.2]), SPECIFIC - 0.01, SPECIFIC + 0.01
    strict = np.stack([sensitivity, [0.5, low, high, 1.0]])
    assert best_cut([strict]) == 2
    assert best_cut([strict, np.stack([sensitivity, [0.5, 0.6, low, 1.0]])]) == 3
    assert best_cut([np.stack([sensitivity, [0.5, 0.6, 0.7, 0.7]])]) == 2  # out of reach: as near as may be


def test_probabilities_come_to_mean_what_they_say():
    rng = np.random.default_rng(0)
    logits = rng.normal(-2, 2, 6000)
    truth = rng.random(6000) < 1 / (1 + np.exp(-logits))
    temperature, bias = best_scale(logits * 3 + 4, truth)
    assert temperature == pytest.approx(3, rel=0.15) and bias == pytest.approx(-4 / 3, abs=0.2)
    assert best_scale(logits + 1, truth, 1.0) == (1.0, pytest.approx(-1, abs=0.15))


def test_the_card_is_rewritten_line_by_line(tmp_path):
    (tmp_path / "card.toml").write_text('sha256 = "a"\n')
    set_value(tmp_path, "sha256", '"b"')
    assert (tmp_path / "card.toml").read_text() == 'sha256 = "b"\n'
    with pytest.raises(ValueError, match="0 lines 'absent = '"):
        set_value(tmp_path, "absent", "1")
