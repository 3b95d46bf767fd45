"""`ichor export`: a finished run to a pack that the node opens."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from models.card import Card, find_pack, verify
from models.errors import ExtraMissing, ModelError, PackNotFound, ReaderMisused
from models.seeds.cards import Told

if TYPE_CHECKING:
    from models.datasets import Case
    from models.export.variants import Images
    from models.sections import Preprocess
    from models.train.systems.run import RunRecord

Say = Callable[[str], None]
Thing = TypeVar("Thing")
#: smaller graphs are calibrated on so many scans, so many slices of each: the run's own, else synthetic heads
SCANS, SLICES, FIRST_SEED = 8, 12, 880_000
VALIDATION = 1  #: part of a run's cases


@dataclass(frozen=True, kw_only=True)
class ExportOptions:
    """What `ichor export` was asked for."""

    run: Path  #: folder that `ichor train` left, or a pack that is to get smaller
    out: Path  #: folder of the pack
    precision: str = "fp32"  #: fp32, fp16 or int8
    smoothed: bool = False  #: the heat map is the six-pass one
    calibrate_on: "Images | None" = None  #: prepared slices [N, C, S, S]; None = what the run was validated on


def export_run(options: ExportOptions, say: Say) -> Card:
    """Write graphs and card, checked against torch; returns the card of the pack."""
    try:
        import torch  # noqa: F401  # told before anything is written
    except ImportError as missing:
        raise ExtraMissing("torch") from missing
    from models.export.packs import shrink_pack, write_pack
    from models.train.systems.run import open_nets, read_run

    if (finished := pack_at(options.run)) is not None:
        return export_smaller(finished, options, say)
    record = read_run(options.run)
    told = told_by(record, smoothed=options.smoothed)
    card = write_pack(open_nets(options.run, record), told, options.out, say)
    if options.precision != "fp32":
        images = options.calibrate_on if options.calibrate_on is not None else calibration_images(options, card, say)
        card = shrink_pack(card, options.precision, images, say)
    say(f"pack {card.name} {card.version} in {options.out}")
    return card


def pack_at(run: Path) -> Card | None:
    """The pack that was named in place of a run."""
    try:
        return find_pack(run)
    except PackNotFound:
        return None


def export_smaller(pack: Card, options: ExportOptions, say: Say) -> Card:
    """A pack in a narrower type, beside the one it was made of."""
    from models.export.packs import copy_pack, shrink_pack

    if options.precision == "fp32" or options.smoothed:
        raise ReaderMisused(pack.name, "is a pack already: name --fp16 or --int8 alone to make it smaller")
    if pack.version.endswith(("-fp16", "-int8")):
        raise ReaderMisused(pack.name, f"is {pack.version} already: start from the full one")
    verify(pack)
    images = options.calibrate_on if options.calibrate_on is not None else phantom_images(pack.preprocess)
    say(f"calibrated and measured on {len(images)} slices")
    card = shrink_pack(copy_pack(pack, options.out), options.precision, images, say)
    say(f"pack {card.name} {card.version} in {options.out}")
    return card


def told_by(record: "RunRecord", *, smoothed: bool = False) -> Told:
    """What a run says for its card."""
    return Told(
        name=record.name, training_data=record.training_data, synthetic=record.synthetic,
        temperature=record.temperature, slice_threshold=record.slice_threshold, smoothed=smoothed,
        preprocess=dict(record.preprocess), metrics=dict(record.metrics),
    )  # fmt: skip


def calibration_images(options: ExportOptions, card: Card, say: Say) -> "Images":
    """The run's own validation scans where they can still be read, else synthetic heads; which, is told."""
    from models.datasets.kept import kept_cases

    parts = kept_cases(options.run)
    try:
        images = case_images(parts[VALIDATION], card.preprocess) if parts else None
    except ModelError as gone:
        say(f"the run's own scans cannot be read: {gone}")
        images = None
    said = "synthetic heads" if images is None else "scans that the run was validated on"
    images = phantom_images(card.preprocess) if images is None else images
    say(f"calibrated and measured on {len(images)} slices of {said}")
    return images


def case_images(cases: Sequence["Case"], spec: "Preprocess") -> "Images | None":
    """Some slices of some cases, both spread evenly, as the net is given them."""
    from models.datasets import load_case
    from models.preprocess import prepare_all

    images = []
    for case in spread(cases, SCANS):
        prepared = prepare_all(load_case(case).slices, spec)
        images += [one.image for one in spread(prepared, SLICES)]
    return np.stack(images) if images else None


def spread(things: Sequence[Thing], most: int) -> list[Thing]:
    """At most so many of them, evenly spread."""
    places = np.unique(np.linspace(0, len(things) - 1, min(most, len(things))).round().astype(int))
    return [things[place] for place in places]


def phantom_images(spec: "Preprocess", seeds: Sequence[int] = range(FIRST_SEED, FIRST_SEED + SCANS)) -> "Images":
    """Slices of synthetic heads as the net is given them, with and without a bleed."""
    from models.phantom import FINDINGS, make_phantom
    from models.preprocess import prepare_all
    from models.reading import SliceInput

    images = []
    for place, seed in enumerate(seeds):
        made = make_phantom(FINDINGS[place % len(FINDINGS)], seed, SLICES, 144.0 / SLICES)
        slices = [SliceInput(hu.astype(np.float32), made.row_mm, made.col_mm) for hu in made.hu]
        images += [one.image for one in prepare_all(slices, spec)]
    return np.stack(images)
