import numpy as np
import pytest

from models.anatomy import head_facts, looks_like_head
from models.phantom import FINDINGS, VENDORS, make_phantom
from models.phantom.bleeds import sized
from models.phantom.grid import Plane, random_field
from models.phantom.scanner import box_blur, enlarge

BLEEDS = FINDINGS[1:]


@pytest.fixture(scope="module")
def phantoms():
    return {finding: make_phantom(finding, seed=3, slices=10, thickness=5.0) for finding in FINDINGS}


def test_the_same_seed_gives_the_same_voxels(phantoms):
    again = make_phantom("none", seed=3, slices=10)
    assert np.array_equal(again.hu, phantoms["none"].hu)
    assert not np.array_equal(make_phantom("none", seed=4, slices=10).hu, again.hu)


def test_it_is_a_head_in_hu(phantoms):
    for phantom in phantoms.values():
        assert phantom.hu.shape == (10, 512, 512) and phantom.hu.dtype == np.int16
        facts = [head_facts(hu.astype(np.float32), phantom.row_mm, phantom.col_mm) for hu in phantom.hu]
        assert looks_like_head(facts)[0], looks_like_head(facts)[1]
        assert abs(np.median(phantom.hu[:, :8, :8]) + 1000) < 30
        assert (phantom.hu > 800).any()


@pytest.mark.parametrize("finding", BLEEDS)
def test_blood_is_where_the_truth_says(phantoms, finding):
    phantom = phantoms[finding]
    assert set(np.unique(phantom.truth)) == {0, FINDINGS.index(finding)}
    inside = float(np.median(phantom.hu[phantom.truth > 0]))
    assert 38 < inside < 85
    voxel_ml = phantom.row_mm * phantom.col_mm * phantom.spacing / 1000
    assert phantom.volume_ml == pytest.approx((phantom.truth > 0).sum() * voxel_ml)
    assert 0.5 < phantom.volume_ml < 90


def test_no_finding_no_truth(phantoms):
    assert not phantoms["none"].truth.any() and phantoms["none"].volume_ml == 0


def test_epidural_and_subdural_lie_against_the_skull(phantoms):
    for finding in ("epidural", "subdural"):
        phantom = phantoms[finding]
        index = int((phantom.truth > 0).sum(axis=(1, 2)).argmax())
        bone = box_blur((phantom.hu[index] > 300).astype(np.float32), 8) > 0
        blood = phantom.truth[index] > 0
        assert (bone & blood).sum() / blood.sum() > 0.2


def test_geometry_is_told_as_it_is():
    phantom = make_phantom("none", seed=5, slices=6, thickness=4.0)
    steps = np.diff(phantom.positions)
    assert np.allclose(steps, phantom.spacing) and (steps > 0).all()
    assert phantom.spacing == pytest.approx(4.0 * np.cos(np.radians(phantom.tilt_degrees)))
    tilts = [make_phantom("none", seed, slices=1).tilt_degrees for seed in range(8)]
    assert any(tilts) and not all(tilts)


def test_only_ge_and_siemens_tilt_their_gantry():
    for vendor in VENDORS:
        phantom = make_phantom("none", seed=1, slices=1, vendor=vendor)
        assert phantom.vendor == vendor and phantom.kernel in VENDORS[vendor].kernels
        assert phantom.tilt_degrees == 0 or VENDORS[vendor].tilts


def test_unknown_findings_and_vendors_are_refused():
    with pytest.raises(ValueError, match="tuple"):
        make_phantom("tumour", seed=1, slices=1)
    with pytest.raises(KeyError):
        make_phantom("none", seed=1, slices=1, vendor="ACME")


def test_a_field_has_unit_variance_and_its_wavelength():
    steps = np.arange(256.0)
    plane = Plane(np.zeros(3), np.array([0, -1.0, 0]), np.array([1.0, 0, 0]), steps, steps)
    values = np.stack([random_field(np.random.default_rng(seed), 20.0).on(plane) for seed in range(6)])
    assert values.std() == pytest.approx(1, abs=0.12)
    slope = np.diff(values, axis=1).std()
    assert 0.8 * 2 * np.pi / 20 / 3**0.5 < slope < 1.5 * 2 * np.pi / 20 / 3**0.5


def test_a_bleed_is_sized_by_volume():
    from models.phantom.bleeds import Bleed

    grid = np.linspace(0, 10, 1001, dtype=np.float32)
    bleed = Bleed("epidural", 2.5, 1.0, 60.0, lambda place, spaces: (grid, grid))
    assert sized(bleed, [(grid, np.ones_like(grid))], 0.01).level == pytest.approx(2.5, abs=0.02)


def test_enlarging_and_blurring_keep_the_mean():
    image = np.random.default_rng(0).random((32, 32)).astype(np.float32)
    assert enlarge(image, 64).mean() == pytest.approx(image.mean(), abs=2e-3)
    assert box_blur(np.ones((20, 30), np.float32), 3) == pytest.approx(np.ones((20, 30)), abs=1e-5)
