"""Phantoms as a data set: seeded wishes, drawn when loaded, with labels from their voxels."""

import numpy as np

from models.datasets import LABELS, load_case, open_phantoms
from models.datasets.nouns import Wish
from models.datasets.phantoms import case_of, labels_of


def test_wishes_follow_their_seed_and_cover_kinds_makers_and_thicknesses():
    cases, again = open_phantoms(60, seed=3), open_phantoms(60, seed=3)
    assert cases == again and cases != open_phantoms(60, seed=4)
    assert sum(case.bleeds for case in cases) == 30
    kinds = [label for case in cases for label in LABELS[1:] if case.series_labels.get(label)]
    assert {label: kinds.count(label) for label in LABELS[1:]} == dict.fromkeys(LABELS[1:], 6)
    assert all(case.wish.variety == 1 for case in cases)
    assert len({case.vendor for case in cases}) >= 4 and len({case.thickness_mm for case in cases}) >= 4
    assert len({case.patient for case in cases}) == 60


def test_a_drawn_case_is_whole():
    case = case_of(Wish("intraparenchymal", 12, 8, 16.0, "SIEMENS"))
    loaded = load_case(case)
    assert len(loaded.slices) == len(loaded.sop_uids) == len(loaded.positions_mm) == 8
    assert loaded.truth.shape == (8, 512, 512) and loaded.slice_labels.shape == (8, 6)
    kinds = [float(kind in loaded.truth) for kind in range(1, 6)]
    assert loaded.series_labels.tolist() == [1, *kinds] and kinds[1] == 1
    assert set(np.unique(loaded.truth)) <= set(range(6))
    first, again = loaded.slices[4].hu, load_case(case).slices[4].hu
    assert np.array_equal(first, again)


def test_labels_count_square_millimetres():
    truth = np.zeros((3, 20, 20), np.uint8)
    truth[1, :4, :6], truth[2, :5, :5], truth[2, 10:15, 10:15] = 3, 2, 5
    assert labels_of(truth, 1.0)[[0, 2]].tolist() == [[0] * 6, [1, 0, 1, 0, 0, 1]]
    trace = labels_of(truth, 1.0)[1]
    assert np.isnan(trace[[0, 3]]).all() and not trace[[1, 2, 4, 5]].any()
    assert labels_of(truth, 1.1)[1].tolist() == [1, 0, 0, 1, 0, 0]
    assert labels_of(truth, 0.1)[1].tolist() == [0] * 6
