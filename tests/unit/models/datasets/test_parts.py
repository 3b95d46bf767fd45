"""Splits keep patients whole, are as even as can be, and follow their seed."""

from dataclasses import replace

import pytest

from models.datasets import folds, open_phantoms, split


@pytest.fixture
def cases():
    """Forty patients, every fourth scanned twice."""
    once = open_phantoms(40, seed=7)
    return [*once, *(replace(case, series=f"{case.series}-again") for case in once[::4])]


def patients(part):
    return {case.patient for case in part}


def test_all_exams_of_a_patient_are_on_one_side(cases):
    parts = split(cases, (0.7, 0.2, 0.1), seed=3)
    assert sum(map(len, parts)) == len(cases)
    assert len(set.union(*map(patients, parts))) == sum(len(patients(part)) for part in parts) == 40
    assert [len(patients(part)) for part in parts] == [28, 8, 4]


def test_bleeding_patients_are_shared_out_like_the_others(cases):
    for part in split(cases, (0.5, 0.5), seed=1):
        assert sum(case.bleeds for case in part if not case.series.endswith("again")) == 10


def test_the_seed_decides_and_the_order_of_cases_does_not(cases):
    first, again = split(cases, (0.8, 0.2), 5), split(cases[::-1], (0.8, 0.2), 5)
    assert [patients(part) for part in first] == [patients(part) for part in again]
    assert patients(first[1]) != patients(split(cases, (0.8, 0.2), 6)[1])


def test_folds_hold_each_patient_out_once(cases):
    made = folds(cases, 5, seed=2)
    assert [len(patients(held)) for _, held in made] == [8] * 5
    assert set.union(*(patients(held) for _, held in made)) == patients(cases)
    for kept, held in made:
        assert not patients(kept) & patients(held) and len(kept) + len(held) == len(cases)
        assert sum(case.bleeds for case in held if not case.series.endswith("again")) == 4


@pytest.mark.parametrize("shares", [(), (0.5, -0.5), (0, 0)])
def test_shares_that_make_no_sense_are_refused(cases, shares):
    with pytest.raises(ValueError, match="shares"):
        split(cases, shares, 1)
    with pytest.raises(ValueError, match="folds start at 2"):
        folds(cases, 1, 1)
