from dataclasses import replace

import numpy as np
import pytest

from models.card import Preprocess
from models.errors import SliceUnreadable
from models.preprocess import crop, prepare, prepare_all, windowed
from models.reading import SliceInput

SPEC = Preprocess(windows=((40, 80), (80, 200), (40, 380)), size=128, mm_per_pixel=2.0, neighbours=0)


def disc(shape, centre, radius, mm):
    rows, cols = np.indices(shape)
    distance = np.hypot((rows - centre[0]) * mm[0], (cols - centre[1]) * mm[1])
    hu = np.where(distance < radius, 35, -1000).astype(np.float32)
    return np.where(abs(distance - radius) < 4, 1200, hu).astype(np.float32)


def test_windows_have_integer_halves():
    hu = np.array([[0, 80], [-20, 180], [-150, 230]], np.float32)
    image = windowed(hu, SPEC)
    assert image.shape == (3, 3, 2)
    for channel in range(3):
        assert image[channel, channel].tolist() == [-1, 1]
    odd = windowed(np.array([[38.0, 42.0]], np.float32), replace(SPEC, windows=((40, 5),)))
    assert odd.tolist() == [[[-1, 1]]]


def test_the_head_comes_to_the_middle_at_a_fixed_scale():
    for shape, centre, mm in (((256, 256), (100, 140), (1.0, 1.0)), ((256, 200), (150, 100), (1.0, 1.4))):
        image = prepare(SliceInput(disc(shape, centre, 75, mm), *mm), SPEC).image
        brain = (image[0] > -0.5) & (image[0] < 0.5)
        rows, cols = np.nonzero(brain)
        assert abs(rows.mean() - 63.5) < 1.5 and abs(cols.mean() - 63.5) < 1.5
        assert np.ptp(rows) * 2 == pytest.approx(142, abs=8) and np.ptp(cols) * 2 == pytest.approx(142, abs=8)


def test_the_region_says_where_the_picture_came_from():
    top, left, bottom, right = prepare(SliceInput(disc((256, 256), (100, 140), 75, (1, 1)), 1, 1), SPEC).region
    assert ((top + bottom) / 2, (left + right) / 2) == pytest.approx((100.5, 140.5), abs=2)
    assert bottom - top == pytest.approx(256) and right - left == pytest.approx(256)


def test_plain_resize_takes_the_whole_slice():
    hu = np.full((100, 60), 20, np.float32)
    prepared = prepare(SliceInput(hu, 1, 1), replace(SPEC, mm_per_pixel=0.0))
    assert prepared.region == (0, 0, 100, 60)
    assert np.allclose(prepared.image[0][2:-2, 2:-2], -0.5, atol=1e-4)  # the rim mixes with the air outside


def test_crop_keeps_values_and_fills_the_outside_with_air():
    hu = np.random.default_rng(0).normal(30, 10, (64, 64)).astype(np.float32)
    assert np.allclose(crop(hu, (0, 0, 64, 64), 64), hu, atol=1e-2)
    beyond = crop(hu, (-64, -64, 0, 0), 32)
    assert np.allclose(beyond[:-1, :-1], -1000)


@pytest.mark.parametrize("span", [40.0, 41.3, 47.7, 63.1])
def test_crop_makes_no_ripples_at_odd_scales(span):
    flat = np.full((80, 80), 35, np.float32)
    assert np.allclose(crop(flat, (8, 8, 8 + span, 8 + span), 40), 35, atol=0.01)


def test_air_and_noise_do_not_break_it():
    for hu in (np.full((64, 64), -1000, np.float32), np.random.default_rng(0).normal(0, 800, (64, 64))):
        assert np.isfinite(prepare(SliceInput(hu.astype(np.float32), 0.5, 0.5), SPEC).image).all()


@pytest.mark.parametrize(("shape", "mm"), [((3, 4, 4), 1.0), ((0, 4), 1.0), ((4, 4), 0.0), ((4, 4), float("nan"))])
def test_unusable_slices_are_refused(shape, mm):
    with pytest.raises(SliceUnreadable, match="pixel sizes in mm"):
        SliceInput(np.zeros(shape, np.float32), mm, mm)


def moving(count):
    """The same head, its brain a little denser in every slice."""
    discs = [disc((256, 256), (128, 128), 75, (1, 1)) for _ in range(count)]
    return [SliceInput(np.where(hu == 35, 30 + 5 * at, hu).astype(np.float32), 1, 1) for at, hu in enumerate(discs)]


def test_neighbours_are_channels_above_self_below():
    spec = replace(SPEC, neighbours=1)
    slices = moving(3)
    assert spec.channels == 9 and SPEC.channels == 3
    alone = [prepare(one, SPEC).image for one in slices]
    lowest, middle, highest = (one.image for one in prepare_all(slices, spec))
    assert np.allclose(middle, np.concatenate([alone[2], alone[1], alone[0]]), atol=1e-5)
    assert np.allclose(lowest, np.concatenate([alone[1], alone[0], alone[0]]), atol=1e-5), "the edge repeats itself"
    assert np.allclose(highest, np.concatenate([alone[2], alone[2], alone[1]]), atol=1e-5)
    assert not np.allclose(alone[0], alone[1], atol=0.01)


def test_neighbours_are_cut_like_the_slice_between_them():
    middle, above = moving(2)
    shifted = SliceInput(np.roll(above.hu, 20, axis=1), 1, 1)
    seen = prepare(middle, replace(SPEC, neighbours=1, windows=((40, 80),)), (shifted, None))
    assert np.allclose(seen.image[0][:, 20:], prepare(above, SPEC).image[0][:, 10:-10], atol=0.3)
    assert np.array_equal(seen.image[1], seen.image[2])


def test_a_neighbour_on_another_grid_is_cut_by_its_own_look():
    middle = moving(1)[0]
    fine = SliceInput(disc((512, 512), (300, 200), 75, (0.5, 0.5)), 0.5, 0.5)
    seen = prepare(middle, replace(SPEC, neighbours=1), (fine, None)).image
    assert np.allclose(seen[:3], prepare(fine, SPEC).image, atol=1e-5)


def test_mean_and_spread_may_differ_by_window():
    hu = np.array([[30.0]], np.float32)
    spec = replace(SPEC, mean=(0.1, 0.2, 0.3), sd=(0.5, 1.0, 2.0))
    expected = [(30 / 80 - 0.1) / 0.5, (50 / 200 - 0.2) / 1, (180 / 380 - 0.3) / 2]
    assert windowed(hu, spec).ravel().tolist() == pytest.approx(expected, abs=1e-6)
    batch = windowed(np.full((2, 4, 5), 30, np.float32), spec)
    assert batch.shape == (2, 3, 4, 5) and np.allclose(batch, np.array(expected)[None, :, None, None], atol=1e-6)


def test_eight_bits_cut_and_do_not_round():
    spec = replace(SPEC, windows=((40, 80),), bytes=True, mean=(0.0,), sd=(1.0,))
    shown = windowed(np.array([[30.0, 30.3, 80]], np.float32), spec)
    assert (shown * 255).ravel().tolist() == pytest.approx([95, 96, 255])


def test_left_out_fields_mean_what_they_meant():
    assert (SPEC.filter, SPEC.bytes, SPEC.spread, SPEC.mean, SPEC.sd) == ("triangle", False, False, (0.5,), (0.5,))
    hu = np.random.default_rng(1).normal(40, 60, (16, 16)).astype(np.float32)
    for channel, (low, high) in zip(windowed(hu, SPEC), ((0, 80), (-20, 180), (-150, 230)), strict=True):
        assert np.allclose(channel, np.clip((hu - low) * 2 / (high - low) - 1, -1, 1), atol=1e-6)
