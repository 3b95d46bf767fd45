"""What goes into each published network: windows, 8 bits, norms, label orders, wrap repair."""

import subprocess
import sys

import numpy as np
import pytest

from models.card import Preprocess
from models.preprocess import windowed
from models.seeds import inputs, systems
from models.seeds.systems import BURDUJA, EFFCLASS, SARASWATHI, SYSTEMS, WANG_SLICES, WANG_WINDOWS
from service.aggregation.slice_rules import required_count

#: every HU from -1100 to 3099 once, rows of 60
RAMP = np.arange(-1100, 3100, dtype=np.float32).reshape(70, 60)


def flat(hu: float, side: int = 512) -> np.ndarray:
    return np.full((side, side), hu, np.float32)


def test_nothing_here_needs_torch():
    code = (
        "import sys, models.seeds.inputs, models.seeds.features, models.seeds.intervals, models.seeds.systems;"
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
    assert inputs.bounds(window) == ends
    seen = inputs.unit(RAMP, window)
    assert (seen[ends[0] >= RAMP] == 0).all() and (seen[ends[1] <= RAMP] == 1).all()
    between = (ends[0] < RAMP) & (ends[1] > RAMP)
    assert np.allclose(seen[between], (RAMP[between] - ends[0]) / (ends[1] - ends[0]), atol=1e-6)


def test_pictures_are_truncated_and_not_rounded():
    seen = inputs.truncated(inputs.unit(np.arange(81, dtype=np.float32), systems.BRAIN))
    assert seen.tolist() == [hu * 255 // 80 for hu in range(81)]


def test_effclass_sees_three_windows_in_eight_bits():
    made = inputs.effclass_input(flat(30))
    assert made.shape == (3, 512, 512) and made.dtype == np.float32
    assert np.allclose(
        made[:, 0, 0], [(int(share * 255) / 255 - 0.5) / 0.5 for share in (30 / 80, 50 / 200, 180 / 380)]
    )
    assert inputs.effclass_input(flat(-1000, 300)).min() == -1
    assert inputs.effclass_input(flat(3000)).max() == 1


def test_effclass_keeps_native_pixels_untouched():
    slice_hu = np.tile(RAMP.ravel()[1000:1512], (512, 1))
    expected = (inputs.truncated(inputs.unit(slice_hu, systems.SOFT)).astype(np.float32) / 255 - 0.5) / 0.5
    assert np.array_equal(inputs.effclass_input(slice_hu)[2], expected)


def test_burduja_takes_mean_and_spread_out_of_full_precision():
    made = inputs.burduja_input(flat(30.3))
    shares = np.array([30.3 / 80, 50.3 / 200, 180.3 / 380])
    assert made.shape == (3, 256, 256)
    assert np.allclose(made[:, 9, 9], (shares - inputs.BURDUJA_MEAN) / inputs.BURDUJA_SD, atol=1e-5)


def test_wang_windows_are_brain_subdural_bone():
    made = inputs.wang_windows_input(flat(30))
    bytes_ = np.array([int(share * 255) for share in (30 / 80, 50 / 200, 830 / 2800)])
    assert np.allclose(made[:, 5, 5], (bytes_ / 255 - 0.456) / 0.224, atol=1e-5)
    assert inputs.wang_windows_input(flat(30), 512).shape == (3, 512, 512)


def test_wang_slices_go_from_above_to_below_and_repeat_the_ends():
    stack = np.stack([flat(hu, 64) for hu in (10, 20, 30)])
    stack[:, 0, 0], stack[:, 0, 1] = -500, 500  # anchors, so that the spread over 0..255 is the window's own
    shown = [inputs.wang_slices_input(stack, index, size=64, centre=0.8)[:, 32, 32] for index in range(3)]
    grey = {hu: (int(hu / 80 * 255) / 255 - 0.456) / 0.224 for hu in (10, 20, 30)}
    for got, order in zip(shown, [(20, 10, 10), (30, 20, 10), (30, 30, 20)], strict=True):
        assert np.allclose(got, [grey[hu] for hu in order], atol=1e-5)


def test_an_even_slice_does_not_divide_by_zero():
    made = inputs.wang_slices_input(np.stack([flat(-1000, 32)]), 0, size=32)
    assert np.allclose(made, -0.456 / 0.224)


def test_the_centre_crop_keeps_the_middle():
    image = np.zeros((10, 20), np.float32)
    image[1:9, 2:18] = 1
    assert inputs.centre_crop(image, 0.8).shape == (8, 16) and inputs.centre_crop(image, 0.8).all()


def test_saraswathi_sees_the_brain_window_three_times():
    made = inputs.saraswathi_input(flat(40, 300))
    assert made.shape == (3, 224, 224) and np.allclose(made, 127 / 255)


def test_shrinking_does_not_alias():
    stripes = np.zeros((64, 64), np.float32)
    stripes[:, ::2] = 1
    assert np.allclose(inputs.resized(stripes, 16)[:, 1:-1], 0.5, atol=0.05)


def test_the_wrap_is_mended_once_and_only_when_asked():
    true_hu = np.array([[-1000.0, -50.0, 0.0, 35.0, 2000.0]], np.float32)
    damaged = (true_hu.astype(int) % 4096).astype(np.uint16)  # what intercept 0 and 12 unsigned bits leave
    file = inputs.Stored(damaged, 1.0, 0.0, 12, False)
    assert np.array_equal(inputs.stored_to_hu(file, mend_wrap=True), true_hu)
    assert inputs.stored_to_hu(file, mend_wrap=False)[0, 0] == 3071
    honest = inputs.Stored((true_hu.astype(int) + 1000).astype(np.uint16), 1.0, -1000.0, 12, False)
    assert np.array_equal(inputs.stored_to_hu(honest, mend_wrap=True), true_hu)


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


def test_windows_are_those_of_the_serving_code():
    serving = windowed(RAMP, Preprocess(EFFCLASS.windows, 60, 0, 0))
    assert np.allclose(serving, [inputs.unit(RAMP, window) * 2 - 1 for window in EFFCLASS.windows], atol=1e-5)
