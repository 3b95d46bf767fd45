"""What goes into each published network, through the one code that training and serving share; labels, wrap, counts."""

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from models.preprocess import bounds, prepare, prepare_all, resized, shares, windowed
from models.reading import SliceInput
from models.sections import Preprocess
from models.seeds import systems
from models.seeds.cards import preprocess_of
from models.seeds.systems import BURDUJA, EFFCLASS, SARASWATHI, SYSTEMS, WANG_SLICES, WANG_WINDOWS
from models.volume import repair_wrap, to_hu, wrap_damaged
from service.aggregation.slice_rules import required_count

#: every HU from -1100 to 3099 once, rows of 60
RAMP = np.arange(-1100, 3100, dtype=np.float32).reshape(70, 60)
BURDUJA_MEAN, BURDUJA_SD = (0.1738, 0.1433, 0.1970), (0.3161, 0.2850, 0.3111)


def flat(hu: float, side: int = 512) -> np.ndarray:
    return np.full((side, side), hu, np.float32)


def seen(system: systems.System, hu: np.ndarray, size: int = 0) -> np.ndarray:
    """The input of one slice that is alone in its scan."""
    return prepare(SliceInput(hu, 1, 1), preprocess_of(system, size)).image


def test_nothing_here_needs_torch():
    code = (
        "import sys, models.seeds.cards, models.seeds.features, models.seeds.intervals, models.seeds.systems;"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_label_orders_differ_as_published():
    assert BURDUJA.labels == ("epidural", "intraparenchymal", "intraventricular", "subarachnoid", "subdural", "any")
    assert WANG_SLICES.labels == WANG_WINDOWS.labels == ("any", *BURDUJA.labels[:-1])
    assert EFFCLASS.labels == SARASWATHI.labels == ("no", "yes")
    assert (BURDUJA.label_index("any"), WANG_SLICES.label_index("any"), EFFCLASS.label_index("yes")) == (5, 0, 1)
    assert EFFCLASS.findings == ("any",) and BURDUJA.findings == BURDUJA.labels


def test_thresholds_and_sizes_are_the_published_ones():
    assert {one.name: (one.size, one.slice_threshold) for one in SYSTEMS.values()} == {
        "effclass": (512, 0.8),
        "burduja": (256, 0.5),
        "wang-windows": (256, 0.5),
        "wang-slices": (256, 0.5),
        "saraswathi": (224, 0.5),
    }


@pytest.mark.parametrize(
    ("window", "ends"),
    [
        (systems.BRAIN, (0, 80)),
        (systems.SUBDURAL, (-20, 180)),
        (systems.SOFT, (-150, 230)),
        (systems.BONE, (-800, 2000)),
        ((40, 81), (0, 80)),
    ],
)
def test_window_ends_are_integer_halves(window, ends):
    assert bounds(window) == ends
    shown = shares(RAMP, Preprocess((window,), 60, 0, 0))[0]
    assert (shown[ends[0] >= RAMP] == 0).all() and (shown[ends[1] <= RAMP] == 1).all()
    between = (ends[0] < RAMP) & (ends[1] > RAMP)
    assert np.allclose(shown[between], (RAMP[between] - ends[0]) / (ends[1] - ends[0]), atol=1e-6)


@pytest.mark.parametrize(("window", "width"), [(systems.BRAIN, 80), (systems.SUBDURAL, 200), (systems.SOFT, 380)])
def test_pictures_are_truncated_and_not_rounded(window, width):
    hu = np.arange(width + 1, dtype=np.float32)[None] + bounds(window)[0]
    shown = shares(hu, Preprocess((window,), 60, 0, 0, bytes=True))[0, 0]
    assert np.rint(shown * 255).tolist() == [step * 255 // width for step in range(width + 1)]


def test_effclass_sees_three_windows_in_eight_bits():
    made = seen(EFFCLASS, flat(30))
    assert made.shape == (3, 512, 512) and made.dtype == np.float32
    expected = [(int(share * 255) / 255 - 0.5) / 0.5 for share in (30 / 80, 50 / 200, 180 / 380)]
    assert np.allclose(made[:, 0, 0], expected)
    assert seen(EFFCLASS, flat(-1000, 300)).min() == -1
    assert seen(EFFCLASS, flat(3000)).max() == 1


def test_effclass_keeps_native_pixels_untouched():
    slice_hu = np.tile(RAMP.ravel()[1000:1512], (512, 1))
    cut = np.floor(np.clip((slice_hu + 150) / np.float32(380), 0, 1) * np.float32(255))
    assert np.allclose(seen(EFFCLASS, slice_hu)[2], (cut / 255 - 0.5) / 0.5, atol=1e-6)


def test_burduja_takes_mean_and_spread_out_of_full_precision():
    made = seen(BURDUJA, flat(30.3))
    expected = (np.array([30.3 / 80, 50.3 / 200, 180.3 / 380]) - BURDUJA_MEAN) / BURDUJA_SD
    assert made.shape == (3, 256, 256) and np.allclose(made[:, 9, 9], expected, atol=1e-5)


def test_wang_windows_are_brain_subdural_bone():
    made = seen(WANG_WINDOWS, flat(30))
    bytes_ = np.array([int(share * 255) for share in (30 / 80, 50 / 200, 830 / 2800)])
    assert made.shape == (3, 256, 256) and np.allclose(made[:, 5, 5], (bytes_ / 255 - 0.456) / 0.224, atol=1e-5)
    assert seen(WANG_WINDOWS, flat(30), 512).shape == (3, 512, 512)


def test_wang_slices_go_from_above_to_below_and_repeat_the_ends():
    stack = np.stack([flat(hu) for hu in (10, 20, 30)])
    stack[:, 0, 0], stack[:, 0, 1] = -500, 500  # anchors, so that the spread over 0..255 is the window's own
    series = [SliceInput(hu, 1, 1) for hu in stack]
    shown = [one.image[:, 32, 32] for one in prepare_all(series, preprocess_of(WANG_SLICES, 64))]
    grey = {hu: (int(hu / 80 * 255) / 255 - 0.456) / 0.224 for hu in (10, 20, 30)}
    for got, order in zip(shown, [(20, 10, 10), (30, 20, 10), (30, 30, 20)], strict=True):
        assert np.allclose(got, [grey[hu] for hu in order], atol=1e-5)


def test_each_slice_is_spread_over_its_own_values():
    hu = flat(20)
    hu[200:300, 200:300] = 60
    made = seen(WANG_SLICES, hu) * 0.224 + 0.456
    assert made.min() == pytest.approx(0, abs=1e-6) and made.max() == pytest.approx(1, abs=1e-6)


def test_an_even_slice_does_not_divide_by_zero():
    assert np.allclose(seen(WANG_SLICES, flat(-1000, 32), 32), -0.456 / 0.224)


def test_the_centre_is_cut_out_of_a_first_size():
    hu = np.full((256, 1024), -1000, np.float32)
    hu[25:231, 102:922] = 80  # all that the middle 410 of 512 can touch
    made = prepare(SliceInput(hu, 1, 1), preprocess_of(WANG_WINDOWS))
    assert np.allclose(made.image[0], (1 - 0.456) / 0.224, atol=1e-5)
    assert made.region == pytest.approx((51 / 2, 51 * 2, 461 / 2, 461 * 2))


def test_saraswathi_sees_the_brain_window_three_times():
    made = seen(SARASWATHI, flat(40, 300))
    assert made.shape == (3, 224, 224) and np.allclose(made, 127 / 255)


NOISE = np.random.default_rng(8).random((1, 300, 220)).astype(np.float32)


@pytest.mark.parametrize("side", [97, 256, 300, 410])
def test_the_pillow_filter_is_pillows(side):
    made = resized(NOISE, (side, side), Preprocess(((40, 80),), side, 0, 0, filter="pillow"))[0]
    theirs = Image.fromarray(NOISE[0]).resize((side, side), Image.Resampling.BILINEAR)
    assert np.abs(made - np.asarray(theirs)).max() < 1e-5
    bytes_ = np.floor(NOISE * 255).astype(np.uint8)
    spec = Preprocess(((40, 80),), side, 0, 0, filter="pillow", bytes=True)
    grey = np.asarray(Image.fromarray(bytes_[0]).resize((side, side), Image.Resampling.BILINEAR), np.float32)
    assert np.abs(resized(bytes_ / np.float32(255), (side, side), spec)[0] * 255 - grey).max() <= 1.001


@pytest.mark.parametrize("side", [97, 256, 410])
def test_the_bilinear_filter_takes_the_two_nearest(side):
    torch = pytest.importorskip("torch", reason="torch is not installed: install the 'train' extra")
    made = resized(NOISE, (side, side), Preprocess(((40, 80),), side, 0, 0, filter="bilinear"))[0]
    theirs = torch.nn.functional.interpolate(torch.from_numpy(NOISE)[None], (side, side), mode="bilinear")
    assert np.abs(made - theirs.numpy()[0, 0]).max() < 1e-4  # torch places pixels in single precision


def test_shrinking_does_not_alias_where_pillow_does_not():
    stripes = np.zeros((1, 64, 64), np.float32)
    stripes[..., ::2] = 1
    made = resized(stripes, (16, 16), Preprocess(((40, 80),), 16, 0, 0, filter="pillow"))[0]
    assert np.allclose(made[:, 1:-1], 0.5, atol=0.05)


def test_the_wrap_is_mended_once_and_only_when_asked():
    true_hu = np.array([[-1000.0, -50.0, 0.0, 35.0, 2000.0]], np.float32)
    damaged = (true_hu.astype(int) % 4096).astype(np.uint16)  # what intercept 0 and 12 unsigned bits leave
    assert wrap_damaged(12, signed=False, intercept=0.0)
    pixels, intercept = repair_wrap(damaged)
    assert np.array_equal(to_hu(pixels, 1.0, intercept), true_hu)
    assert to_hu(damaged, 1.0, 0.0)[0, 0] == 3071
    assert not wrap_damaged(12, signed=False, intercept=intercept), "a second repair would do harm"
    for bits, signed, offset in ((16, False, 0.0), (12, True, 0.0), (12, False, -1000.0), (12, False, -100.0)):
        assert not wrap_damaged(bits, signed, offset)
    assert wrap_damaged(12, signed=False, intercept=-99.5)


@pytest.mark.parametrize(
    ("slices", "counts"),
    [(25, (1, 2, 2)), (28, (1, 2, 3)), (30, (2, 2, 3)), (32, (2, 2, 3)), (35, (2, 3, 4)), (36, (2, 3, 4)),
     (40, (2, 3, 4)), (45, (2, 3, 4)), (50, (2, 4, 5)), (60, (3, 4, 6))],
)  # fmt: skip
def test_required_slices_of_the_published_code(slices, counts):
    assert tuple(required_count(slices, percent, "half_even") for percent in (5, 7.5, 10)) == counts


@pytest.mark.parametrize(
    ("slices", "percent", "paper"),
    [(24, 10, 3), (25, 10, 3), (30, 10, 3), (32, 10, 4), (40, 10, 4), (45, 10, 5), (24, 5, 2), (28, 5, 2), (45, 5, 3),
     (50, 5, 3)],
)  # fmt: skip
def test_required_slices_in_the_papers_words(slices, percent, paper):
    assert required_count(slices, percent, "ceil") == paper


@pytest.mark.parametrize("slices", [1, 2, 30, 400])
def test_one_slice_is_enough_where_a_scan_scores_as_its_worst(slices):
    assert required_count(slices, 0.0, "half_even") == 1


def test_windows_of_the_systems_are_those_of_the_default_pack():
    spec = Preprocess(EFFCLASS.windows, 60, 0, 0)
    assert np.allclose(windowed(RAMP, spec), shares(RAMP, spec) * 2 - 1, atol=1e-5)
