"""Flat drawings: need torch's neighbours alone, but live in the workshop."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed: install the 'train' extra")

from models.train.data import KINDS
from models.train.simple import draw_simple


@pytest.fixture(scope="module")
def drawn():
    rng = np.random.default_rng(1)
    return [draw_simple(rng) for _ in range(60)]


def test_a_drawing_follows_its_seed():
    first, again = (draw_simple(np.random.default_rng(3)) for _ in range(2))
    assert np.array_equal(first[0], again[0]) and np.array_equal(first[1], again[1])


def test_heads_have_air_bone_and_brain(drawn):
    for hu, _ in drawn:
        assert hu[0, 0] == -1000 and hu.max() > 150 and 0.01 < ((hu > 10) & (hu < 100)).mean() < 0.6


def test_about_half_bleed_and_every_kind_is_met(drawn):
    areas = np.array([shares.sum(axis=(1, 2)) for _, shares in drawn])
    assert 0.3 < (areas.sum(axis=1) > 1).mean() < 0.7
    assert (areas > 1).any(axis=0).all() and areas.shape[1] == len(KINDS)


def test_blood_is_brighter_than_brain(drawn):
    for hu, shares in drawn:
        where = np.kron(shares.max(axis=0) > 0.95, np.ones((4, 4), bool))
        if where.any():
            assert np.median(hu[where]) > 36
