from dataclasses import replace

import numpy as np
import pytest

from models.card import Preprocess
from models.errors import SliceUnreadable
from models.preprocess import crop, prepare, windowed
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
