"""Synthetic heads as a data set: nothing lies on disk, every case is drawn when it is loaded and has voxel truth."""

from collections.abc import Sequence

import numpy as np

from models.datasets.nouns import LABELS, Case, LoadedCase, Wish, series_row
from models.phantom import FINDINGS, VENDORS, Phantom, make_phantom
from models.reading import SliceInput

SOURCE = "phantom"
THICKNESSES = (2.5, 4.0, 5.0, 6.0)  #: mm, in turn
COVERED_MM = 160.0  #: of the head by each scan
SEEN_MM2 = 25.0  #: blood area from which a slice counts as positive; smaller traces are nobody's label


def open_phantoms(
    count: int, seed: int = 0, thicknesses: Sequence[float] = THICKNESSES, vendors: Sequence[str] = tuple(VENDORS)
) -> list[Case]:
    """`count` patients with seeds from `seed` on: every other one free of bleeding, kinds and vendors in turn."""
    return [_case(number, seed, thicknesses, vendors) for number in range(count)]


def _case(number: int, first: int, thicknesses: Sequence[float], vendors: Sequence[str]) -> Case:
    pair, seed = number // 2, first + number
    finding = "none" if number % 2 else FINDINGS[1 + pair % (len(FINDINGS) - 1)]
    # the draw keeps finding, maker and thickness from going hand in hand
    rng = np.random.default_rng([seed, 613])
    thickness, vendor = float(rng.choice(np.asarray(thicknesses))), str(rng.choice(list(vendors)))
    return case_of(Wish(finding, seed, max(12, round(COVERED_MM / thickness)), thickness, vendor))


def case_of(wish: Wish) -> Case:
    """A wish as a case; which slices bleed is known once it is drawn."""
    name = f"phantom-{wish.seed}"
    series = f"{name}-{wish.finding}-{wish.slices}x{wish.thickness:g}"
    return Case(
        patient=name, study=name, series=series, files=(), labels=None,
        sop_uids=tuple(f"{series}-{at + 1}" for at in range(wish.slices)),
        series_labels={label: int(label == wish.finding or (label == "any" and wish.finding != "none"))
                       for label in LABELS},
        vendor=wish.vendor, thickness_mm=wish.thickness, source=SOURCE, wish=wish,
    )  # fmt: skip


def draw(wish: Wish) -> Phantom:
    """The phantom itself."""
    return make_phantom(wish.finding, wish.seed, wish.slices, wish.thickness, wish.vendor)


def load(case: Case) -> LoadedCase:
    """Draw a case."""
    assert case.wish is not None
    phantom = draw(case.wish)
    slices = tuple(SliceInput(hu.astype(np.float32), phantom.row_mm, phantom.col_mm) for hu in phantom.hu)
    return LoadedCase(
        case=case, slices=slices, positions_mm=np.asarray(phantom.positions, np.float64),
        slice_labels=labels_of(phantom.truth, phantom.row_mm * phantom.col_mm),
        series_labels=series_row(case.series_labels), sop_uids=case.sop_uids, truth=phantom.truth,
    )  # fmt: skip


def labels_of(
    truth: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], pixel_mm2: float
) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """[T, 6] from a truth volume: 1 from SEEN_MM2 of a kind on."""
    kinds = [(truth == kind).sum(axis=(1, 2)) * pixel_mm2 >= SEEN_MM2 for kind in range(1, len(LABELS))]
    found = np.stack([(truth > 0).sum(axis=(1, 2)) * pixel_mm2 >= SEEN_MM2, *kinds], axis=1)
    return np.asarray(found, np.float32)
