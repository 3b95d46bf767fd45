"""Bent heads as cases: a second world with voxel truth, seen by a drawn scanner, to judge what the phantoms taught.

python -m models.train.bent_cases --pack default --templates ../shared/data/ct-templates --heads 40
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from models import Card, Reader, find_pack, load
from models.datasets import LABELS, Case, LoadedCase
from models.datasets.nouns import KINDS, series_row
from models.judge.curves import areas
from models.judge.levels import levels
from models.judge.nouns import CaseReading
from models.judge.read import read_case
from models.phantom.grid import Array
from models.phantom.nouns import VENDORS
from models.phantom.scanner import expose, make_detector, random_scanner
from models.reading import SliceInput
from models.train.bend import MATRIX, PIXEL_MM, BentSeries, bent_series
from models.train.data import SEEN_MM2, UNSEEN_MM2
from models.train.templates import read_average

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


def read_bent(reader: Reader, templates: Path, count: int, first_seed: int) -> list[CaseReading]:
    """Heads of this world, half of them with blood, through the serving path."""
    average = read_average(templates)
    return [read_case(reader, draw_case(average, wish)) for wish in wishes(count, first_seed)]


def told(cases: Sequence[CaseReading], card: Card) -> list[str]:
    """What a reader makes of this world, one line each."""
    lines = [f"{name} AUC {areas(units).roc.text()}, {len(units.truth)}" for name, units in levels(cases, card).items()]
    series = levels(cases, card)["series"]
    lines.append(f"called {int(series.called[series.truth].sum())} of {series.positives} with blood")
    lines.append(f"called {int(series.called[~series.truth].sum())} of {int((~series.truth).sum())} without")
    return lines


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pack", default="default")
    parser.add_argument("--templates", type=Path, required=True)
    parser.add_argument("--heads", type=int, default=40)
    parser.add_argument("--first-seed", type=int, default=720_000)
    asked = parser.parse_args()
    reader = load(find_pack(asked.pack), "cpu", threads=1)
    print("\n".join(told(read_bent(reader, asked.templates, asked.heads, asked.first_seed), reader.card)))


if __name__ == "__main__":
    main()
