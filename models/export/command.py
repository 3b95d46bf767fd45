"""`ichor export`: a finished run to a pack that the node opens."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from models.card import Card
from models.errors import ExtraMissing
from models.seeds.cards import Told

if TYPE_CHECKING:
    from models.export.variants import Images
    from models.sections import Preprocess
    from models.train.systems.run import RunRecord

PHANTOMS, SLICES, FIRST_SEED = 8, 12, 880_000  #: synthetic heads that 8-bit graphs are calibrated on


@dataclass(frozen=True, kw_only=True)
class ExportOptions:
    """What `ichor export` was asked for."""

    run: Path  #: folder that `ichor train` left
    out: Path  #: folder of the pack
    precision: str = "fp32"  #: fp32, fp16 or int8
    smoothed: bool = False  #: the heat map is the six-pass one
    calibrate_on: "Images | None" = None  #: prepared slices [N, C, S, S] for fp16 and int8; None = synthetic heads


def export_run(options: ExportOptions, say: Callable[[str], None]) -> Card:
    """Write graphs and card, checked against torch; returns the card of the pack."""
    try:
        import torch  # noqa: F401  # told before anything is written
    except ImportError as missing:
        raise ExtraMissing("torch") from missing
    from models.export.packs import shrink_pack, write_pack
    from models.train.systems.run import open_nets, read_run

    record = read_run(options.run)
    told = told_by(record, smoothed=options.smoothed)
    card = write_pack(open_nets(options.run, record), told, options.out, say)
    if options.precision != "fp32":
        images = options.calibrate_on if options.calibrate_on is not None else phantom_images(card.preprocess)
        card = shrink_pack(card, options.precision, images, told, say)
    say(f"pack {card.name} {card.version} in {options.out}")
    return card


def told_by(record: "RunRecord", *, smoothed: bool = False) -> Told:
    """What a run says for its card."""
    return Told(
        name=record.name, training_data=record.training_data, synthetic=record.synthetic,
        temperature=record.temperature, slice_threshold=record.slice_threshold, smoothed=smoothed,
        preprocess=dict(record.preprocess), metrics=dict(record.metrics),
    )  # fmt: skip


def phantom_images(spec: "Preprocess", seeds: Sequence[int] = range(FIRST_SEED, FIRST_SEED + PHANTOMS)) -> "Images":
    """Slices of synthetic heads as the net is given them, with and without a bleed."""
    from models.phantom import FINDINGS, make_phantom
    from models.preprocess import prepare_all
    from models.reading import SliceInput

    images = []
    for place, seed in enumerate(seeds):
        made = make_phantom(FINDINGS[place % len(FINDINGS)], seed, SLICES, 12.0)
        slices = [SliceInput(hu.astype(np.float32), made.row_mm, made.col_mm) for hu in made.hu]
        images += [one.image for one in prepare_all(slices, spec)]
    return np.stack(images)
