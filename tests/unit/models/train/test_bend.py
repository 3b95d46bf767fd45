"""Bent heads: needs torch, which only the `train` extra brings."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: install the 'train' extra")

from models.train.bend import SurfaceFinder, bent_series, bent_slice, draw_bent, random_bend  # noqa: E402
from models.train.bent_cases import BentWish, draw_case, wishes  # noqa: E402
from models.train.data import MAP, SPEC  # noqa: E402
from models.train.template_bleeds import KINDS, MIDDLE  # noqa: E402
from models.train.templates import cormack_to_hu  # noqa: E402


@pytest.fixture(scope="module")
def average():
    """A ball of brain with a dark middle in a shell of bone in air, laid out as `read_average` does."""
    z, y, x = np.meshgrid(*(np.arange(n) - n / 2 for n in (91, 109, 91)), indexing="ij")
    radius = 2.0 * np.sqrt(z**2 + y**2 + x**2)
    hu = np.select([radius < 60, radius < 68], [30.0, 900.0], -1000.0)
    inside = np.select([radius < 16, radius < 60], [8.0, 30.0], 0.0)
    layers = [hu, inside, inside, radius < 60, np.clip(60 - radius, 0, 30)]
    return torch.from_numpy(np.stack(layers).astype(np.float32))[None]


def test_a_bent_head_keeps_air_bone_and_brain(average):
    drawn = bent_slice(average, random_bend(np.random.default_rng(1)), 0.0, 5.0)
    assert drawn.hu[3, 3] == pytest.approx(-1000) and drawn.hu.max() > 500
    assert 0 < np.median(drawn.hu[118:138, 118:138]) < 60
    assert drawn.cavity[128, 128] == 1 and drawn.cavity[3, 3] == 0 and (drawn.hu[drawn.cavity > 0.9] < 100).all()
    assert not drawn.shares.any()


@pytest.mark.parametrize("kind", KINDS)
def test_blood_lies_where_its_kind_lies(average, kind):
    found = 0.0
    for seed in range(5):
        series = bent_series(average, np.random.default_rng(seed), 14.0, kind)
        share = series.shares[:, KINDS.index(kind)]
        found += float(share.sum())
        assert series.shares.sum(axis=1).max() <= 1.001
        assert (series.hu[share > 0.95] > 20).all() and (series.hu[share > 0.95] < 110).all()
        if kind == "intraventricular" and share.any():
            rows, cols = np.nonzero(share.max(axis=0) > 0.5)
            assert np.hypot(rows - 128, cols - 128).max() * 0.9 < 45
    assert found * 0.81 > 100


def test_a_series_without_a_kind_has_no_blood(average):
    assert not bent_series(average, np.random.default_rng(0), 14.0).shares.any()


def test_the_surface_is_where_the_cavity_ends(average):
    surface = SurfaceFinder(average[0, 4].numpy())
    at = surface(np.array(MIDDLE), np.array([1.0, 0.0, 0.0]))
    assert np.linalg.norm(at) == pytest.approx(60, abs=3)


def test_bent_heads_follow_their_seed(average, monkeypatch):
    monkeypatch.setattr("models.train.bend.SLICES", 4)
    first, again, other = (draw_bent(average, seed) for seed in (1, 1, 2))
    assert np.array_equal(first.hu, again.hu) and np.array_equal(first.full, again.full)
    assert not np.array_equal(first.hu, other.hu)
    assert first.hu.shape[1:] == first.full.shape[1:] == (SPEC.size, SPEC.size)
    assert first.shares.shape[1:] == (5, MAP, MAP) and first.shares.any()


def test_a_bent_case_says_what_is_in_it(average, monkeypatch):
    monkeypatch.setattr("models.train.bent_cases.THICKNESSES", (12.0,))
    bleeding = draw_case(average, BentWish(5, "intraparenchymal"))
    assert bleeding.series_labels[0] == bleeding.series_labels[2] == 1
    assert bleeding.truth.shape == (len(bleeding.slices), 256, 256) and set(np.unique(bleeding.truth)) <= {
        0,
        1,
        2,
        3,
        4,
        5,
    }
    assert not draw_case(average, BentWish(5, "")).truth.any()
    kinds = [one.kind for one in wishes(10, 7)]
    assert sorted(kinds) == sorted(["", "", "", "", "", *KINDS])


def test_cormack_units_are_undone():
    hu = np.array([-1000.0, -500, -100, 0, 40, 100, 700])
    kelvin = hu + 1000
    cormack = np.where(kelvin <= 900, kelvin, np.where(kelvin <= 1100, kelvin + 10 * (kelvin - 900), kelvin + 2000))
    assert np.allclose(cormack_to_hu(cormack), hu)
