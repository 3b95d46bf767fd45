"""Drawing by difficulty: needs torch, which only the `train` extra brings."""

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: install the 'train' extra")

from models.classify.net import LocateNet  # noqa: E402
from models.train.compose import Pool, Pools, from_bent, from_phantoms  # noqa: E402
from models.train.data import KINDS, LABELS, SliceSet  # noqa: E402
from models.train.hard import EVEN, by_difficulty, losses, odds_of  # noqa: E402


def pool_of(bleeding, full=False):
    """Flat slices, each with its own density; those that bleed have an epidural square."""
    count = len(bleeding)
    shares = np.zeros((count, len(KINDS), 56, 56), np.uint8)
    shares[bleeding, 0, 20:36, 20:36] = 255
    room = np.kron(shares[:, 0], np.ones((1, 4, 4), np.uint8)) if full else np.zeros((count, 0, 0), np.uint8)
    hu = np.full((count, 224, 224), 30, np.int16) + np.arange(count, dtype=np.int16)[:, None, None]
    return Pool.of(SliceSet(hu, shares, room, np.arange(count, dtype=np.int32)))


def says(value):
    """A network that gives every slice the same logit."""
    torch.manual_seed(0)
    net = LocateNet(len(LABELS)).eval()
    with torch.no_grad():
        net.fc.weight.zero_()
        net.trust.zero_()
        net.trust_peak.zero_()
        net.fc.bias.fill_(value)
    return net


def test_a_slice_is_hard_where_the_network_is_wrong():
    found = losses(pool_of([True, False]), says(4.0))
    assert found[0] < 0.02 and found[1] > 3.9
    assert np.array_equal(losses(pool_of([True, False]), says(4.0)), found)


def test_a_host_is_judged_without_the_blood_that_may_be_set_into_it():
    assert (losses(pool_of([True, True], full=True), says(4.0)) > 3.9).all()


def test_every_slice_keeps_a_chance():
    odds = odds_of(np.array([0, 0, 0, 4], np.float32))
    assert odds.sum() == pytest.approx(1) and odds[0] == pytest.approx(EVEN / 4)
    assert odds_of(np.zeros(5, np.float32)) == pytest.approx([0.2] * 5)


@pytest.mark.parametrize("draw", [from_phantoms, from_bent])
def test_the_hard_slice_is_drawn_more_often(draw):
    full = draw is from_bent
    even = pool_of([True] * 4, full)
    hard = replace(even, odds=np.array([0.01, 0.01, 0.01, 0.97]))
    counts = [np.median(draw(pool, 20, np.random.default_rng(0)).hu[:20, 10, 10]) for pool in (even, hard)]
    assert counts[1] == 33 and counts[0] < 33


def test_odds_are_worked_out_once(tmp_path):
    checkpoint = tmp_path / "net.pt"
    torch.save({"net": says(4.0).state_dict()}, checkpoint)
    pools = Pools(pool_of([True, False]), None)
    first = by_difficulty(pools, checkpoint, tmp_path / "odds").phantoms
    checkpoint_of_another = tmp_path / "other.pt"
    torch.save({"net": says(-4.0).state_dict()}, checkpoint_of_another)
    again = by_difficulty(pools, checkpoint_of_another, tmp_path / "odds").phantoms
    other = by_difficulty(pools, checkpoint_of_another, tmp_path / "odds-2").phantoms
    assert first.odds[1] > first.odds[0] and np.array_equal(first.odds, again.odds)
    assert other.odds[0] > other.odds[1]
