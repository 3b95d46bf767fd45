"""All packs side by side on the same phantoms: speed, size, areas; fp32 beside its smaller variants.

python -m models.judge.packs_table default runs/burduja/pack runs/burduja/pack-int8 --phantoms 60 --out runs/packs
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models import Reader, find_pack, load
from models.card import Card
from models.errors import ExtraMissing, ModelError
from models.judge.command import spread
from models.judge.gather import Gathered, gather, generator_name
from models.judge.judgement import Hits, hits, level
from models.judge.levels import levels
from models.judge.nouns import Estimate
from models.judge.options import FIRST_SEED, EvaluateOptions
from models.judge.plain import write_json
from models.judge.report import notice
from models.judge.tables import NONE, short, table
from models.judge.timing import Timing, clock
from models.seeds.intervals import Rate

Say = Callable[[str], None]
PRECISIONS = ("fp32", "fp16", "int8")


@dataclass(frozen=True)
class PackRow:
    """One pack as measured."""

    notice: str
    name: str
    version: str
    architecture: str
    precision: str
    parameters: int
    megabytes: float  #: of all graphs
    timing: Timing
    slice_auc: Estimate
    patient_auc: Estimate
    tpr: Rate | None  #: patients
    tnr: Rate | None
    hits: Hits


def measure(packs: Sequence[str], options: EvaluateOptions, say: Say) -> list[PackRow]:
    """Every pack on the same series; phantoms and readings are kept under OUT, so a second call is quick."""
    rows = []
    for pack in packs:
        say(f"pack {pack}")
        reader = load(find_pack(pack), options.device, options.threads)
        rows.append(_row(reader, gather(options, reader, say), options.resamples))
    return rows


def _row(reader: Reader, found: Gathered, resamples: int) -> PackRow:
    card = reader.card
    units = levels(found.readings, card)
    slices, patients = (level(units[name], resamples) for name in ("slice", "patient"))
    parameters, precision = weights_of(card)
    return PackRow(
        notice(card), card.name, card.version, card.architecture, precision, parameters,
        sum(path.stat().st_size for path in graphs_of(card)) / 1e6, clock(reader, spread(found)),
        slices.areas.roc, patients.areas.roc, patients.rates.exact.get("TPR"), patients.rates.exact.get("TNR"),
        hits(found.readings, card),
    )  # fmt: skip


def graphs_of(card: Card) -> list[Path]:
    """The ONNX files of a pack."""
    return [card.weights_path, *([card.folder / card.sequence.weights] if card.sequence else [])]


def weights_of(card: Card) -> tuple[int, str]:
    """How many numbers the graphs hold, and the narrowest type that most of the slice graph's are kept in."""
    try:
        import onnx
    except ImportError as missing:
        raise ExtraMissing("onnx") from missing
    name_of = onnx.TensorProto.DataType.Name
    held = [
        [(int(np.prod(each.dims)), name_of(each.data_type)) for each in onnx.load(path).graph.initializer]
        for path in graphs_of(card)
    ]
    kinds = {"FLOAT": "fp32", "FLOAT16": "fp16", "INT8": "int8", "UINT8": "int8"}
    counts = dict.fromkeys(PRECISIONS, 0)
    for size, kind in held[0]:
        counts[kinds.get(kind, "fp32")] += size if kind in kinds else 0
    total = sum(size for graph in held for size, kind in graph if kind in kinds and size > 1)
    return total, max(counts, key=lambda name: counts[name])


def markdown(rows: Sequence[PackRow], source: str) -> list[str]:
    """The tables."""
    heads = [
        "pack", "architecture", "weights", "parameters", "MB", "ms per slice", "slice AUC", "patient AUC",
        "sensitivity %", "specificity %", "map at the blood %",
    ]  # fmt: skip
    plain = [
        [f"{row.name} {row.version}", row.architecture, row.precision, f"{row.parameters:,}", f"{row.megabytes:.1f}",
         f"{row.timing.slice_ms:.1f}", row.slice_auc.text(), row.patient_auc.text(), short(row.tpr), short(row.tnr),
         short(row.hits.plane)]
        for row in rows
    ]  # fmt: skip
    timed = rows[0].timing
    return [
        *(f"**{each}**" for each in _notices(rows)), "", "# Packs side by side", "",
        f"All on {source}, through the serving path; time is the median of {timed.series} series on {timed.device}, "
        "from HU to series probabilities. Intervals: areas by bootstrap of patients, shares exact.", "",
        *table(heads, plain), "## fp32 beside smaller variants", "", *_beside(rows),
    ]  # fmt: skip


def _notices(rows: Sequence[PackRow]) -> list[str]:
    return list(dict.fromkeys(row.notice for row in rows))


def _beside(rows: Sequence[PackRow]) -> list[str]:
    """One line per pack and smaller variant."""
    pairs = [
        (full, small)
        for full in rows
        for small in rows
        if full.name == small.name and full.precision == "fp32" and small.precision != "fp32"
    ]
    if not pairs:
        return ["None of these packs is a smaller variant of another.", ""]
    heads = ["pack", "variant", "ms per slice", "MB", "slice AUC", "patient AUC"]
    lines = [
        [full.name, small.precision, f"{full.timing.slice_ms:.1f} → {small.timing.slice_ms:.1f}",
         f"{full.megabytes:.1f} → {small.megabytes:.1f}", _change(full.slice_auc, small.slice_auc),
         _change(full.patient_auc, small.patient_auc)]
        for full, small in pairs
    ]  # fmt: skip
    return table(heads, lines)


def _change(full: Estimate, small: Estimate) -> str:
    if full.value is None or small.value is None:
        return NONE
    return f"{full.value:.4f} → {small.value:.4f} ({small.value - full.value:+.4f})"


def write(rows: Sequence[PackRow], source: str, out: Path) -> None:
    """packs.md and packs.json."""
    (out / "packs.md").write_text("\n".join(markdown(rows, source)), "utf-8")
    write_json(out / "packs.json", {"notice": _notices(rows), "source": source, "packs": list(rows)})


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("packs", nargs="+", metavar="PACK", help="a bundled pack's name or a folder")
    parser.add_argument("--phantoms", type=int, default=60)
    parser.add_argument("--seed", type=int, default=FIRST_SEED)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    options = EvaluateOptions(
        out=asked.out, phantoms=asked.phantoms, seed=asked.seed, device="cpu", threads=asked.threads,
        workers=asked.workers,
    )  # fmt: skip
    asked.out.mkdir(parents=True, exist_ok=True)
    try:
        rows = measure(asked.packs, options, print)
    except ModelError as problem:
        parser.exit(2, f"{problem}\n")
    write(rows, f"{asked.phantoms} phantoms from seed {asked.seed}, {generator_name()}", asked.out)
    print(f"written: {asked.out / 'packs.md'}, packs.json")


if __name__ == "__main__":
    main()
