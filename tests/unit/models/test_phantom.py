import numpy as np
import pytest

from models.anatomy import head_facts, looks_like_head
from models.phantom import FINDINGS, PHANTOM_VERSION, VENDORS, kinds_of, make_phantom
from models.phantom.grid import Plane, random_field
from models.phantom.make import KINDS, draw_scene, ideal_slice
from models.phantom.priors import CHANCES, COMPANIONS, RANGES, SHAPES, Dice
from models.phantom.scanner import box_blur, enlarge

BLEEDS = FINDINGS[1:]


@pytest.fixture(scope="module")
def phantoms():
    return {finding: make_phantom(finding, seed=3, slices=10, thickness=8.0) for finding in FINDINGS}


def test_the_same_seed_gives_the_same_voxels(phantoms):
    again = make_phantom("none", seed=3, slices=10, thickness=8.0)
    assert np.array_equal(again.hu, phantoms["none"].hu)
    assert not np.array_equal(make_phantom("none", seed=4, slices=10, thickness=8.0).hu, again.hu)
    varied = [make_phantom("epidural", seed=5, slices=2, thickness=20.0, variety=1.0) for _ in range(2)]
    assert np.array_equal(varied[0].hu, varied[1].hu) and np.array_equal(varied[0].truth, varied[1].truth)


def test_the_version_names_this_generation():
    assert PHANTOM_VERSION == "3"


def test_it_is_a_head_in_hu(phantoms):
    for phantom in phantoms.values():
        assert phantom.hu.shape == (10, 512, 512) and phantom.hu.dtype == np.int16
        facts = [head_facts(hu.astype(np.float32), phantom.row_mm, phantom.col_mm) for hu in phantom.hu]
        assert looks_like_head(facts)[0], looks_like_head(facts)[1]
        assert abs(np.median(phantom.hu[:, :8, :8]) + 1000) < 30
        assert (phantom.hu > 800).any()


@pytest.mark.parametrize("finding", BLEEDS)
def test_a_demonstration_shows_one_clear_bleed(phantoms, finding):
    phantom = phantoms[finding]
    assert phantom.kinds == (finding,) and set(np.unique(phantom.truth)) == {0, FINDINGS.index(finding)}
    inside = float(np.median(phantom.hu[phantom.truth > 0]))
    assert 38 < inside < 80
    voxel_ml = phantom.row_mm * phantom.col_mm * phantom.spacing / 1000
    assert phantom.volumes[finding] == pytest.approx((phantom.truth > 0).sum() * voxel_ml)
    assert phantom.volume_ml == pytest.approx(phantom.volumes[finding])
    assert 9 < phantom.volume_ml < 44


def test_no_finding_no_truth(phantoms):
    phantom = phantoms["none"]
    assert not phantom.truth.any() and phantom.volume_ml == 0 and phantom.kinds == () and phantom.volumes == {}
    for seed in range(4):
        scene = draw_scene("none", np.random.default_rng(seed), 8, (18.0, "SIEMENS"))
        assert scene.bleeds == () and not ideal_slice(scene, float(scene.table[4]), 64, 1)[1].any()


def share_touching(blood, structure, reach_mm, pixel_mm):
    """Share of the blood within reach of a structure."""
    near = box_blur(structure.astype(np.float32), max(1, round(reach_mm / pixel_mm))) > 0
    return float((near & blood).sum() / blood.sum())


def fullest(phantom):
    index = int((phantom.truth > 0).sum(axis=(1, 2)).argmax())
    return phantom.hu[index], phantom.truth[index] > 0


def test_epidural_is_a_lens_inside_the_skull(phantoms):
    hu, blood = fullest(phantoms["epidural"])
    pixel = phantoms["epidural"].row_mm
    assert share_touching(blood, hu > 300, 6, pixel) > 0.2
    rows, cols = np.nonzero(blood)
    spread = np.linalg.eigvalsh(np.cov(np.stack([rows, cols]) * pixel))
    assert 1.3 < np.sqrt(spread[1] / spread[0]) < 5  # longer than thick, but no crescent


def test_subdural_lies_along_the_skull_and_is_longer_than_an_epidural(phantoms):
    hu, blood = fullest(phantoms["subdural"])
    pixel = phantoms["subdural"].row_mm
    assert share_touching(blood, hu > 300, 8, pixel) > 0.6
    across = np.ptp(np.nonzero(blood.any(axis=1))[0]) * pixel
    assert across > 50


def test_ventricular_blood_lies_in_the_middle_and_other_blood_away_from_it(phantoms):
    hu, blood = fullest(phantoms["intraventricular"])
    pixel = phantoms["intraventricular"].row_mm
    assert share_touching(blood, hu > 300, 15, pixel) < 0.15
    scene = draw_scene("intraventricular", np.random.default_rng(5), 16, (8.0, "SIEMENS"), 0.0)
    from models.phantom.make import draw
    from models.phantom.size import plane_at

    bleed = scene.bleeds[0]
    for table in scene.table:
        _, _, canvas = draw(scene, plane_at(scene, float(table), 96))
        if canvas:
            assert (bleed.share(canvas) <= canvas.spaces.ventricle + 1e-5).all()


def test_subarachnoid_blood_stays_in_fluid_and_brain_blood_in_brain():
    from models.phantom.make import draw
    from models.phantom.size import plane_at

    for finding, space in (("subarachnoid", "csf"), ("intraparenchymal", "brain")):
        scene = draw_scene(finding, np.random.default_rng(6), 16, (8.0, "SIEMENS"), 0.0)
        inside = total = 0.0
        for table in scene.table:
            _, _, canvas = draw(scene, plane_at(scene, float(table), 96))
            if canvas:
                share = scene.bleeds[0].share(canvas)
                inside += float((share * (getattr(canvas.spaces, space) > 0.1)).sum())
                total += float(share.sum())
        assert inside > 0.8 * total > 0


@pytest.mark.parametrize("finding", BLEEDS)
def test_volumes_are_what_was_asked_for(finding):
    for seed in (1, 2):
        rng = np.random.default_rng([seed, 9])
        scene = draw_scene(finding, rng, 20, (7.0, "Philips"))
        pixel_ml = (scene.fov / 160) ** 2 * 7.0 * np.cos(scene.pose.tilt) / 1000
        drawn = sum(ideal_slice(scene, float(table), 160, 2)[1].sum(axis=(1, 2)) for table in scene.table) * pixel_ml
        for kind in scene.kinds:
            asked = sum(bleed.volume_ml for bleed in scene.bleeds if bleed.finding == kind)
            assert drawn[KINDS.index(kind)] == pytest.approx(asked, rel=0.15)


def test_truth_has_the_volume_of_the_blood():
    phantom = make_phantom("subarachnoid", seed=4, slices=14, thickness=10.0)
    rng = np.random.default_rng([4, 14, 0, FINDINGS.index("subarachnoid")])
    scene = draw_scene("subarachnoid", rng, 14, (10.0, "GE MEDICAL SYSTEMS"), 0.0)
    assert phantom.volume_ml == pytest.approx(scene.bleeds[0].volume_ml, rel=0.15)


def test_a_mixture_has_both_kinds():
    phantom = make_phantom("intraparenchymal+intraventricular", seed=2, slices=12, thickness=11.0)
    assert phantom.finding == "intraparenchymal" and phantom.kinds == ("intraparenchymal", "intraventricular")
    assert sum(phantom.volumes.values()) == pytest.approx(phantom.volume_ml)


def test_a_second_kind_comes_about_as_often_as_the_priors_say():
    scenes = [draw_scene("subdural", np.random.default_rng(seed), 6, (24.0, "SIEMENS")) for seed in range(40)]
    both = [scene for scene in scenes if len(scene.kinds) > 1]
    assert all(1 <= len(scene.bleeds) <= 3 and scene.kinds[0] == "subdural" for scene in scenes)
    assert 0.1 < len(both) / len(scenes) < 0.55
    assert all(kind in COMPANIONS["subdural"] for scene in both for kind in scene.kinds[1:])


def test_a_film_is_thick_enough_to_be_seen_however_little_blood_it_holds():
    scenes = [draw_scene("subdural", np.random.default_rng(seed), 6, (24.0, "SIEMENS")) for seed in range(40)]
    films = [bleed for scene in scenes for bleed in scene.bleeds if bleed.finding == "subdural"]
    small = [bleed for bleed in films if bleed.volume_ml < 3]
    assert len(small) > 8 and min(bleed.volume_ml for bleed in small) < 0.5
    assert min(bleed.level for bleed in films) > 2  # mm of depth that the blood reaches


def test_blood_is_denser_than_the_grey_matter_of_its_head():
    for finding in BLEEDS:
        for seed in range(8):
            scene = draw_scene(finding, np.random.default_rng(seed), 4, (30.0, "SIEMENS"))
            assert all(bleed.look.hu >= scene.head.grey + 5 for bleed in scene.bleeds)


def test_negatives_carry_what_fools_readers():
    content = [
        name
        for seed in range(40)
        for name in draw_scene("none", np.random.default_rng(seed), 4, (30.0, "SIEMENS")).content
    ]
    for name in ("pineal", "choroid", "old_infarct", "white_matter", "swelling", "surgery", "dental"):
        assert name in content, name


def test_demonstrations_carry_no_metal_and_no_surgery():
    for seed in range(12):
        content = draw_scene("none", np.random.default_rng(seed), 4, (30.0, "SIEMENS"), 0.0).content
        assert not {"surgery", "clip", "coil", "dental", "electrodes", "fracture", "old_infarct"} & set(content)


def test_kinds_of_a_wish():
    assert kinds_of("none") == () and kinds_of("Epidural") == ("epidural",)
    assert kinds_of("subdural+subarachnoid") == ("subdural", "subarachnoid")
    for wrong in ("tumour", "none+epidural", "", "epidural+"):
        with pytest.raises(ValueError, match="no such finding"):
            kinds_of(wrong)


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
    with pytest.raises(ValueError, match="no such finding: 'tumour'"):
        make_phantom("tumour", seed=1, slices=1)
    with pytest.raises(KeyError):
        make_phantom("none", seed=1, slices=1, vendor="ACME")


def test_ranges_widen_with_variety():
    for name, span in RANGES.items():
        calm = span.calm or (span.low, span.high)
        assert span.low <= calm[0] <= calm[1] <= span.high, name
    assert all(0 <= chance.calm <= 1 and 0 <= chance.full <= 1 for chance in CHANCES.values())
    assert set(SHAPES) == set(COMPANIONS) == set(BLEEDS)
    drawn = [Dice(np.random.default_rng(seed), variety).of("volume") for variety in (0, 1) for seed in range(200)]
    assert min(drawn[:200]) >= 20 and max(drawn[:200]) <= 40 and min(drawn[200:]) < 1 and max(drawn[200:]) > 60


def test_a_field_has_unit_variance_and_its_wavelength():
    steps = np.arange(256.0)
    plane = Plane(np.zeros(3), np.array([0, -1.0, 0]), np.array([1.0, 0, 0]), steps, steps)
    values = np.stack([random_field(np.random.default_rng(seed), 20.0).on(plane) for seed in range(6)])
    assert values.std() == pytest.approx(1, abs=0.12)
    slope = np.diff(values, axis=1).std()
    assert 0.8 * 2 * np.pi / 20 / 3**0.5 < slope < 1.5 * 2 * np.pi / 20 / 3**0.5


def test_a_field_knows_how_far_its_zero_is():
    field = random_field(np.random.default_rng(1), 15.0)
    line = np.stack([np.arange(0, 60, 0.05), np.zeros(1200), np.zeros(1200)]).astype(np.float32)
    plane = Plane(np.zeros(3), np.array([0, -1.0, 0]), np.array([1.0, 0, 0]), np.zeros(1), line[0])
    values = field.on(plane)[0]
    crossings = line[0][:-1][np.sign(values[:-1]) != np.sign(values[1:])]
    away = np.abs(line[0][:, None] - crossings).min(axis=1)
    told = field.zero_at(line)
    assert len(crossings) > 2 and told[away < 0.06].max() < 0.08
    assert (told <= away + 0.06)[away < 1.0].all()  # a zero off the line may be nearer


def test_a_window_holds_what_is_near():
    steps = np.arange(-50.0, 50.0)
    plane = Plane(np.zeros(3), np.array([0, -1.0, 0]), np.array([1.0, 0, 0]), steps, steps)
    assert plane.window((0, 0, 12), 10) is None
    window = plane.window((20, 10, 2), 5)
    assert window is not None
    part = plane.cut(window)
    assert part.axis(0).min() >= 14.9 and part.axis(0).max() <= 25 and np.ptp(part.axis(1)) >= 8


def test_a_bleed_is_sized_by_volume():
    from models.phantom.bleeds import Bleed, Look, sized

    grid = np.linspace(0, 10, 1001, dtype=np.float32)
    bleed = Bleed("epidural", "lens", 2.5, 1.0, Look(60, 0, 0, 0, 0, 0), lambda canvas: (grid, grid))
    assert sized(bleed, [(grid, np.ones_like(grid))], 0.01).level == pytest.approx(2.5, abs=0.02)
    assert sized(bleed, [(grid, np.ones_like(grid))], 0.001).volume_ml == pytest.approx(0.9, abs=0.01)


def test_enlarging_and_blurring_keep_the_mean():
    image = np.random.default_rng(0).random((32, 32)).astype(np.float32)
    assert enlarge(image, 64).mean() == pytest.approx(image.mean(), abs=2e-3)
    assert box_blur(np.ones((20, 30), np.float32), 3) == pytest.approx(np.ones((20, 30)), abs=1e-5)
