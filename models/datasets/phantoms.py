"""Synthetic heads as a data set: nothing lies on disk, every case is drawn when it is loaded and has voxel truth."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.datasets.nouns import LABELS, Case, LoadedCase, Wish, series_row
from models.phantom import FINDINGS, VENDORS, Phantom, make_phantom
from models.reading import SliceInput

SOURCE = "phantom"
THICKNESSES = (2.5, 4.0, 5.0, 6.0)  #: mm, in turn
COVERED_MM = 160.0  #: of the head by each scan
SEEN_MM2, UNSEEN_MM2 = 25.0, 4.0  #: blood area from which a slice counts as positive, up to which as negative


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
    """A wish as a case: the main finding is known, further kinds and the slices show once it is drawn."""
    name = f"phantom-{wish.seed}"
    series = f"{name}-{wish.finding}-{wish.slices}x{wish.thickness:g}-v{wish.variety:g}"
    clear = wish.finding == "none"
    return Case(
        patient=name, study=name, series=series, files=(), labels=None,
        sop_uids=tuple(f"{series}-{at + 1}" for at in range(wish.slices)),
        series_labels=dict.fromkeys(LABELS, 0) if clear else {"any": 1, wish.finding: 1},
        vendor=wish.vendor, thickness_mm=wish.thickness, source=SOURCE, wish=wish,
    )  # fmt: skip


def draw(wish: Wish) -> Phantom:
    """The phantom itself."""
    return make_phantom(wish.finding, wish.seed, wish.slices, wish.thickness, wish.vendor, variety=wish.variety)


def load(case: Case) -> LoadedCase:
    """Draw a case; which kinds it holds is what its voxels say."""
    assert case.wish is not None
    phantom = draw(case.wish)
    slices = tuple(SliceInput(hu.astype(np.float32), phantom.row_mm, phantom.col_mm) for hu in phantom.hu)
    present = {label: int(kind in phantom.truth) for kind, label in enumerate(LABELS) if kind}
    return LoadedCase(
        case=case, slices=slices, positions_mm=np.asarray(phantom.positions, np.float64),
        slice_labels=labels_of(phantom.truth, phantom.row_mm * phantom.col_mm),
        series_labels=series_row(present | {"any": case.series_labels["any"]}), sop_uids=case.sop_uids,
        truth=phantom.truth,
    )  # fmt: skip


def labels_of(truth: NDArray[np.uint8], pixel_mm2: float) -> NDArray[np.float32]:
    """[T, 6] from a truth volume: 1 from SEEN_MM2 on, 0 up to UNSEEN_MM2, nan for the traces between."""
    parts = [truth > 0, *(truth == kind for kind in range(1, len(LABELS)))]
    area = np.stack([part.sum(axis=(1, 2)) for part in parts], axis=1) * pixel_mm2
    return np.select([area >= SEEN_MM2, area <= UNSEEN_MM2], [np.float32(1), np.float32(0)], np.float32(np.nan))
