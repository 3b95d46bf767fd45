import time

import numpy as np
import pytest

from models.anatomy import HeadFacts, head_facts, looks_like_head


def phantom_slice(fill=35.0, radius=80.0, gap=0.0, size=256):
    rows, cols = np.indices((size, size)) - size / 2
    distance, angle = np.hypot(rows, cols), np.arctan2(rows, cols)
    hu = np.where(distance < radius, fill, -1000.0)
    bone = (abs(distance - radius) < 4) & (abs(angle) >= gap)
    return np.where(bone, 1000, hu).astype(np.float32)


def test_a_closed_ring_full_of_brain_is_a_head():
    facts = head_facts(phantom_slice(), 1, 1)
    assert facts.skull_closure == 1
    assert facts.brain_fraction > 0.95
    assert facts.enclosed_area_cm2 == pytest.approx(np.pi * 7.6**2, rel=0.05)
    assert facts.body_area_cm2 == pytest.approx(np.pi * 8.4**2, rel=0.05)
    assert looks_like_head([facts] * 4)[0]


def test_pixel_size_matters():
    assert not looks_like_head([head_facts(phantom_slice(), 0.3, 0.3)])[0]  # 5 cm across
    assert head_facts(phantom_slice(size=512), 1, 1).enclosed_area_cm2 == pytest.approx(
        head_facts(phantom_slice(), 1, 1).enclosed_area_cm2, rel=0.03
    )


@pytest.mark.parametrize(
    ("hu", "why"),
    [
        (phantom_slice(gap=0.8), "closure 0.7"),
        (phantom_slice(fill=150), "brain-like share 0.0"),
        (np.full((256, 256), -1000, np.float32), "closure 0.00"),
        (phantom_slice(radius=125), "not a head"),
    ],
)
def test_other_things_are_no_head_and_it_says_why(hu, why):
    answer, sentence = looks_like_head([head_facts(hu, 1, 1)] * 3)
    assert not answer and why in sentence


def test_noise_is_no_head():
    noise = np.random.default_rng(0).normal(0, 600, (512, 512)).astype(np.float32)
    assert not looks_like_head([head_facts(noise, 0.45, 0.45)])[0]


def test_a_quarter_of_the_slices_is_enough():
    head, air = HeadFacts(200, 1.0, 0.95, 170), HeadFacts(0, 0, 0, 0)
    assert looks_like_head([head] * 2 + [air] * 6)[0]
    assert not looks_like_head([head] * 1 + [air] * 6)[0]
    assert not looks_like_head([])[0]


def test_a_hollow_plastic_head_is_told_apart_from_a_full_one():
    answer, sentence = looks_like_head([HeadFacts(50, 0.97, 0.01, 160)] * 4)
    assert answer and "phantom" in sentence


def test_it_is_quick():
    hu = phantom_slice(radius=180, size=512)
    head_facts(hu, 0.45, 0.45)
    took = []
    for _ in range(9):
        start = time.perf_counter()
        head_facts(hu, 0.45, 0.45)
        took.append(time.perf_counter() - start)
    assert min(took) < 0.003
