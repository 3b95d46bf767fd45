"""The bundled pack from nothing to card in one command; after a kill the same command goes on where it stopped.

python -m models.train.recipe --out runs/default --templates ../shared/data/ct-templates
"""

import argparse
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from models.card import CARD_FILE, PACKS, Card
from models.export import export, open_checkpoint
from models.reader import load
from models.train.calibrate import calibrate
from models.train.compose import Pools
from models.train.data import draw_set, joined, read, save
from models.train.evaluate import bent_report, read_bent, read_phantoms, report
from models.train.fit import Plan, fit
from models.train.templates import draw_bent, read_average


@dataclass(frozen=True)
class Stage:
    """One stretch of training with its own rise and fall of the learning rate."""

    name: str
    steps: int
    peak_rate: float
    bent_share: float  #: of each batch


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a pack; no seed is used twice."""

    stages: tuple[Stage, ...]
    phantoms: range = range(100_000, 100_500)
    bent: range = range(600_000, 600_250)
    calibrated_on: tuple[int, int] = (16, 24)  #: phantoms, bent heads
    measured_on: tuple[int, int] = (60, 24)
    measured_seeds: tuple[int, int] = (740_000, 720_000)
    seed: int = 11


DEFAULT = Recipe((Stage("shapes", 800, 2e-3, 0.0), Stage("anatomy", 1500, 1e-3, 0.5)))


@dataclass(frozen=True)
class Bench:
    """Where and how a recipe is cooked."""

    out: Path
    templates: Path
    workers: int = 2
    threads: int = 2
    start_from: Path | None = None  #: a checkpoint in place of the stages before the last


def cook(recipe: Recipe, bench: Bench) -> dict[str, float]:
    """Draw, train, export, calibrate, measure; returns the figures that the card then holds."""
    bench.out.mkdir(parents=True, exist_ok=True)
    pools = draw(recipe, bench)
    checkpoint = train(recipe, bench, pools)
    folder = bench.out / "pack"
    write_pack(folder, checkpoint, {"temperature": 1.0, "slice_threshold": 0.5})
    point = calibrate(load(Card.load(folder), "cpu", bench.threads), bench.templates, *recipe.calibrated_on)
    write_pack(folder, checkpoint, {"temperature": point.temperature, "slice_threshold": point.slice_threshold})
    figures = measure(recipe, bench, Card.load(folder))
    set_metrics(folder, figures)
    return figures


def draw(recipe: Recipe, bench: Bench) -> Pools:
    """The training slices, from disk where an earlier run left them."""
    phantoms, bent = bench.out / "phantoms.npz", bench.out / "bent.npz"
    if not phantoms.exists():
        save(draw_set(recipe.phantoms, bench.workers), phantoms)
    if not bent.exists():
        torch.set_num_threads(bench.threads)
        average = read_average(bench.templates)
        save(joined([draw_bent(average, seed) for seed in recipe.bent]), bent)
    return Pools(read(phantoms), read(bent))


def train(recipe: Recipe, bench: Bench, pools: Pools) -> Path:
    """Stage after stage, each from the weights of the one before."""
    previous = bench.start_from
    for number, stage in enumerate(recipe.stages[-1:] if previous else recipe.stages):
        plan = Plan(
            bench.out / stage.name, stage.steps, stage.peak_rate, stage.bent_share,
            recipe.seed + number, bench.threads, previous,
        )  # fmt: skip
        previous = fit(plan, pools)
    assert previous is not None
    return previous


def write_pack(folder: Path, checkpoint: Path, values: Mapping[str, float]) -> None:
    """The bundled card with these values, and the checkpoint's graph beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / CARD_FILE).exists():
        shutil.copy(PACKS / "default" / CARD_FILE, folder / CARD_FILE)
    for name, value in values.items():
        set_value(folder, name, f"{value:g}")
    card = Card.load(folder)
    bench = open_checkpoint(checkpoint, len(card.labels), card.temperature)
    set_value(folder, "sha256", f'"{export(bench, card.preprocess.size, card.weights_path)}"')


def set_value(folder: Path, name: str, value: str) -> None:
    """Change one line of the card."""
    text = (folder / CARD_FILE).read_text("utf-8")
    changed, count = re.subn(rf"^{name} = .*$", f"{name} = {value}", text, flags=re.MULTILINE)
    if count != 1:
        raise ValueError(f"{CARD_FILE} has {count} lines '{name} = '")
    (folder / CARD_FILE).write_text(changed, "utf-8")


def set_metrics(folder: Path, figures: Mapping[str, float]) -> None:
    """Replace the card's last table, which holds what was measured."""
    text = (folder / CARD_FILE).read_text("utf-8")
    table = "".join(f"{name} = {value:.3g}\n" for name, value in figures.items())
    (folder / CARD_FILE).write_text(f"{text.split('[metrics]')[0]}[metrics]\n{table}", "utf-8")


def measure(recipe: Recipe, bench: Bench, card: Card) -> dict[str, float]:
    """Fresh phantoms and fresh bent heads through the serving path."""
    reader = load(card, "cpu", bench.threads)
    rule = (card.label_index("any"), card.slice_threshold, card.rule.numbers.get("run_mm", 0.0))
    cases = read_phantoms(reader, recipe.measured_on[0], recipe.measured_seeds[0])
    bent = read_bent(reader, bench.templates, recipe.measured_on[1], recipe.measured_seeds[1])
    return {f"phantom_{name}": value for name, value in report(cases, *rule).items()} | bent_report(bent, *rule)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--templates", type=Path, required=True)
    parser.add_argument("--start-from", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2)
    for name, value in cook(DEFAULT, Bench(**vars(parser.parse_args()))).items():
        print(f"{name} = {value:.4f}")


if __name__ == "__main__":
    main()
