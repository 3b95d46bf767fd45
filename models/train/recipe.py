"""The bundled pack from nothing to card in one command; after a kill the same command goes on where it stopped.

python -m models.train.recipe --out runs/default --templates ../shared/data/ct-templates
"""

import argparse
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from threadpoolctl import threadpool_limits

from models.card import CARD_FILE, PACKS, Card
from models.export import export, open_checkpoint
from models.judge.shelf import Shelf
from models.reader import load
from models.train.bend import draw_bent
from models.train.calibrate import calibrate
from models.train.compose import Mix, Pool, Pools
from models.train.data import SPEC, SliceSet, draw_phantom, draw_set, joined, read, save
from models.train.fit import Plan, fit
from models.train.hard import by_difficulty
from models.train.templates import read_average

LOT = 40  #: heads drawn between two saves


@dataclass(frozen=True)
class Stage:
    """One stretch of training with its own rise and fall of the learning rate."""

    name: str
    steps: int
    peak_rate: float
    mix: Mix
    hard: bool = False  #: draw by how hard the stage before finds the slices


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a pack; no seed is used twice."""

    stages: tuple[Stage, ...]
    phantoms: range = range(100_000, 101_000)
    bent: range = range(600_000, 600_640)
    calibrated_on: tuple[int, int] = (100, 100)  #: phantoms, bent heads
    seed: int = 11


DEFAULT = Recipe(
    (
        Stage("first", 2000, 2e-3, Mix()),
        Stage("long", 4000, 1.5e-3, Mix(0.4375)),
        Stage("hard", 4600, 1.4e-3, Mix(0.4375), hard=True),
        Stage("phantoms", 4800, 1.3e-3, Mix(0.3125, 0.0625), hard=True),
    )
)


@dataclass(frozen=True)
class Bench:
    """Where and how a recipe is cooked."""

    out: Path
    templates: Path
    workers: int = 2
    threads: int = 2
    start_from: Path | None = None  #: a checkpoint in place of the stages before the last


def cook(recipe: Recipe, bench: Bench) -> Card:
    """Draw, train, export, calibrate; `ichor evaluate` then judges the pack."""
    bench.out.mkdir(parents=True, exist_ok=True)
    pools = draw(recipe, bench)
    checkpoint = train(recipe, bench, pools)
    folder = bench.out / "pack"
    write_pack(folder, checkpoint, {"temperature": 1.0, "slice_threshold": 0.5})
    reader = load(Card.load(folder), "cpu", bench.threads)
    point = calibrate(reader, bench.templates, Shelf(bench.out / "shelf", bench.workers), recipe.calibrated_on)
    values = {"temperature": point.temperature, "slice_threshold": point.slice_threshold}
    write_pack(folder, checkpoint, values, point.bias)
    return Card.load(folder)


def draw(recipe: Recipe, bench: Bench) -> Pools:
    """The training slices, from disk where an earlier run left them."""
    torch.set_num_threads(1)
    threadpool_limits(1, "blas")
    average = read_average(bench.templates)
    phantoms = draw_pool(
        recipe.phantoms, partial(draw_set, draw_phantom, workers=bench.workers), bench.out / "phantoms"
    )
    bent = draw_pool(recipe.bent, partial(draw_set, partial(draw_bent, average)), bench.out / "bent")
    return Pools(Pool.of(phantoms), Pool.of(bent))


def draw_pool(seeds: range, draw_lot: "partial[SliceSet]", folder: Path) -> SliceSet:
    """Lot by lot, each kept as soon as it is drawn; a lot is known by its first seed."""
    folder.mkdir(parents=True, exist_ok=True)
    whole = folder / "all"
    if not whole.exists():
        lots = [seeds[at : at + LOT] for at in range(0, len(seeds), LOT)]
        for lot in lots:
            if not (folder / f"lot-{lot[0]}").exists():
                save(draw_lot(lot), folder / f"lot-{lot[0]}")
        save(joined([read(folder / f"lot-{lot[0]}") for lot in lots]), whole)
    return read(whole)


def train(recipe: Recipe, bench: Bench, pools: Pools) -> Path:
    """Stage after stage, each from the weights of the one before."""
    previous = bench.start_from
    for number, stage in enumerate(recipe.stages[-1:] if previous else recipe.stages):
        out, seed = bench.out / stage.name, recipe.seed + number
        plan = Plan(out, stage.steps, stage.peak_rate, stage.mix, seed, bench.threads, previous)
        previous = fit(plan, by_difficulty(pools, previous, out / "odds") if stage.hard and previous else pools)
    assert previous is not None
    return previous


def write_pack(folder: Path, checkpoint: Path, values: Mapping[str, float], bias: Sequence[float] = ()) -> None:
    """The bundled card with these values, and beside it the checkpoint's graph with the bias in its last layer."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / CARD_FILE).exists():
        shutil.copy(PACKS / "default" / CARD_FILE, folder / CARD_FILE)
    seen = {"size": SPEC.size, "mm_per_pixel": SPEC.mm_per_pixel}
    for name, value in (seen | dict(values)).items():
        set_value(folder, name, f"{value:g}")
    card = Card.load(folder)
    bench = open_checkpoint(checkpoint, len(card.labels), card.temperature, mirror=True)
    if bias:
        with torch.no_grad():
            bench.net.fc.bias.add_(card.temperature * torch.tensor(bias))
    set_value(folder, "sha256", f'"{export(bench, card.preprocess.size, card.weights_path)}"')


def set_value(folder: Path, name: str, value: str) -> None:
    """Change one line of the card."""
    text = (folder / CARD_FILE).read_text("utf-8")
    changed, count = re.subn(rf"^{name} = .*$", f"{name} = {value}", text, flags=re.MULTILINE)
    if count != 1:
        raise ValueError(f"{CARD_FILE} has {count} lines '{name} = '")
    (folder / CARD_FILE).write_text(changed, "utf-8")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--templates", type=Path, required=True)
    parser.add_argument("--start-from", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2)
    card = cook(DEFAULT, Bench(**vars(parser.parse_args())))
    print(f"{card.name} {card.version}: temperature {card.temperature}, slice threshold {card.slice_threshold}")


if __name__ == "__main__":
    main()
