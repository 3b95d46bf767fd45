import numpy as np
import pytest

from models.volume import repair_wrap, to_hu, wrap_damaged


def test_rescale_and_clip():
    hu = to_hu(np.array([[0, 1024, 5000]], np.uint16), 1, -1024)
    assert hu.dtype == np.float32
    assert hu.tolist() == [[-1024, 0, 3071]]


def test_padding_below_air_becomes_air():
    stored = np.array([[-1500, -1000, 40]], np.int16)  # as GE writes it: intercept 0, padding -1500
    assert to_hu(stored, 1, 0, padding=-1500).tolist() == [[-1000, -1000, 40]]
    assert to_hu(stored, 1, 0).tolist() == [[-1024, -1000, 40]]


@pytest.mark.parametrize(("padding", "limit"), [(-2000, -1900), (-1900, -2000)])
def test_a_padding_range_counts_in_both_directions(padding, limit):
    stored = np.array([-2001, -2000, -1950, -1900, -1899], np.int16)
    assert (to_hu(stored, 1, 1000, padding, limit) == -1000).tolist() == [False, True, True, True, False]
    assert to_hu(stored, 1, 1000, padding, limit)[4] == -899


def test_padding_is_told_in_stored_units_not_in_hu():
    assert to_hu(np.array([10, 20], np.int16), 2, -10, padding=20).tolist() == [10, -1000]


def test_wrap_repair_is_for_unsigned_12_bit_with_an_intercept_near_zero():
    assert wrap_damaged(12, signed=False, intercept=0)
    assert not wrap_damaged(12, signed=False, intercept=-1024)
    assert not wrap_damaged(12, signed=True, intercept=0)
    assert not wrap_damaged(16, signed=False, intercept=0)


def test_wrap_repair_brings_wrapped_air_back():
    stored = np.array([0, 40, 3095, 3096, 4095], np.uint16)
    repaired, intercept = repair_wrap(stored)
    assert (repaired + intercept).tolist() == [0, 40, 3095, -1000, -1]
