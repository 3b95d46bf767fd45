"""Bent heads as cases: a second world with voxel truth, seen by a drawn scanner, to judge what the phantoms taught."""

from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from models.datasets import LABELS, Case, LoadedCase
from models.datasets.nouns import KINDS, series_row
from models.phantom.grid import Array
from models.phantom.nouns import VENDORS
from models.phantom.scanner import expose, make_detector, random_scanner
from models.reading import SliceInput
from models.train.bend import MATRIX, PIXEL_MM, BentSeries, bent_series
from models.train.data import SEEN_MM2, UNSEEN_MM2

SOURCE = "bent"
THICKNESSES = (2.5, 3.0, 4.0, 5.0, 5.0, 6.0)


@dataclass(frozen=True)
class BentWish:
    """A bent head that is not drawn yet."""

    seed: int
    kind: str  #: empty = no blood


def wishes(count: int, first_seed: int) -> list[BentWish]:
    """Every other one free of bleeding, the kinds in turn."""
    kinds = ["" if number % 2 else KINDS[number // 2 % len(KINDS)] for number in range(count)]
    return [BentWish(first_seed + number, kind) for number, kind in enumerate(kinds)]


def draw_case(average: Tensor, wish: BentWish) -> LoadedCase:
    """One head as a scanner shows it."""
    rng = np.random.default_rng([wish.seed, 79])
    thickness, vendor = float(rng.choice(THICKNESSES)), str(rng.choice(list(VENDORS)))
    series = bent_series(average, rng, thickness, wish.kind)
    scanner = random_scanner(VENDORS[vendor], rng)
    detector = make_detector(scanner, MATRIX, PIXEL_MM)
    seen = [_slice(expose(hu, scanner, detector, rng)) for hu in series.hu]
    rows = _rows(series)
    name = f"bent-{wish.seed}"
    uids = tuple(f"{name}-{at + 1}" for at in range(len(seen)))
    known = {label: int(present) for label, present in zip(LABELS, np.nanmax(rows, axis=0) > 0, strict=True)}
    case = Case(
        patient=name, study=name, series=name, files=(), sop_uids=uids, labels=None, series_labels=known,
        vendor=vendor, thickness_mm=thickness, source=SOURCE,
    )  # fmt: skip
    return LoadedCase(
        case=case, slices=tuple(seen), positions_mm=np.asarray(series.positions, np.float64), slice_labels=rows,
        series_labels=series_row(known), sop_uids=uids, truth=_truth(series),
    )  # fmt: skip


def _slice(hu: Array) -> SliceInput:
    return SliceInput(np.rint(hu).clip(-1024, 3071).astype(np.float32), PIXEL_MM, PIXEL_MM)


def _rows(series: BentSeries) -> NDArray[np.float32]:
    kinds = series.shares.sum(axis=(2, 3)) * PIXEL_MM**2
    area = np.concatenate([kinds.sum(axis=1, keepdims=True), kinds], axis=1)
    known = np.where(area >= SEEN_MM2, 1.0, np.where(area <= UNSEEN_MM2, 0.0, np.nan))
    return cast(NDArray[np.float32], known.astype(np.float32))


def _truth(series: BentSeries) -> NDArray[np.uint8]:
    main = series.shares.argmax(axis=1) + 1
    return np.asarray(main * (series.shares.sum(axis=1) > 0.5), np.uint8)
