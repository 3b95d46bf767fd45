"""`ichor train`: a published system from cases to a run that `ichor export` makes a pack of."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from models.datasets.nouns import Say
from models.errors import ExtraMissing, RunUnusable
from models.seeds.systems import EFFCLASS
from models.train.systems.judge import best_temperature
from models.train.systems.options import TrainOptions
from models.train.systems.presets import recipe_for
from models.train.systems.recipes import ScanRecipe
from models.train.systems.room import Room, furnish, hold_to_plan
from models.train.systems.run import WEIGHTS

if TYPE_CHECKING:
    from models.seeds.registry import Nets
    from models.train.systems.features import ScanFeatures
    from models.train.systems.loop import Track
    from models.train.systems.slices import Lesson

__all__ = ["TrainOptions", "train"]
CURVE, START = "curve.csv", "start"


def train(options: TrainOptions, say: Say) -> None:
    """Train, or go on where the same command was stopped."""
    _require_torch()
    from models.train.systems.settle import finish

    recipe = recipe_for(options)
    options.out.mkdir(parents=True, exist_ok=True)
    hold_to_plan(options, recipe)
    room = furnish(options, recipe, say)
    nets = _build(room)
    for name in [name for name in nets.modules() if name != "scan"]:
        _train_member(room, nets, name)
    scans = _train_scan(room, nets, recipe.scan) if recipe.scan else _read(room, nets, room.parts[1])
    finish(room, nets, scans)
    say(f"run {options.out} is finished: ichor export {options.out} --out PACK makes a pack of it")


def _require_torch() -> None:
    try:
        import torch  # noqa: F401  # told before anything is written
    except ImportError as missing:
        raise ExtraMissing("torch") from missing


def _build(room: Room) -> "Nets":
    """Networks as the recipe has them, with the weights that the run began with, whatever is reachable today."""
    import torch

    from models.seeds.registry import Config, build
    from models.train.systems.loop import save

    options, start = room.options, room.options.out / START
    torch.manual_seed(options.seed)
    if room.system is EFFCLASS and room.spec.size != EFFCLASS.size:
        raise RunUnusable(options.out, f"effclass reads {EFFCLASS.size} pixels alone", "leave net.size out")
    try:
        config = Config.read(room.recipe.net)
        nets = build(room.recipe.system, config, pretrained=options.pretrained and not start.exists())
    except (TypeError, KeyError, ValueError, RuntimeError) as wrong:
        raise RunUnusable(options.out, f"[net] of the recipe: {str(wrong).splitlines()[0]}", "mend it there") from wrong
    source = start if start.exists() else options.start_from / WEIGHTS if options.start_from else None
    if source:
        _load(nets, source)
    if not start.exists():
        fresh = start.with_name(f"new-{START}")
        fresh.mkdir(exist_ok=True)
        for name, module in nets.modules().items():
            save(module.state_dict(), fresh / f"{name}.pt")
        fresh.rename(start)
    return nets


def _load(nets: "Nets", folder: Path) -> None:
    import torch

    for name, module in nets.modules().items():
        try:
            module.load_state_dict(torch.load(folder / f"{name}.pt", weights_only=True, map_location="cpu"))
        except (FileNotFoundError, RuntimeError) as wrong:
            why = f"{name}.pt is missing or of another network ({str(wrong).splitlines()[0]})"
            raise RunUnusable(folder, why, "start from a finished run of the same system and recipe") from wrong


def _track(room: Room, folder: str) -> "Track":
    from models.train.systems.loop import Track

    recipe, options = room.recipe, room.options
    return Track(
        options.out / folder, options.out / CURVE, options.seed, room.device, recipe.precision, recipe.report,
        recipe.keep, options.steps,
    )  # fmt: skip


def _lesson(room: Room) -> "Lesson":
    from models.train.systems.slices import Lesson

    return Lesson(
        room.system, room.spec, room.recipe, room.shelf, room.parts[0], room.parts[1],
        room.options.seed, room.device,
    )  # fmt: skip


def _train_member(room: Room, nets: "Nets", name: str) -> None:
    from models.train.systems.loop import fit
    from models.train.systems.slices import SliceStage

    fit(SliceStage(_lesson(room), nets.modules()[name], name), _track(room, "slice"), room.say)


def _read(room: Room, nets: "Nets", cases: Sequence[int]) -> list["ScanFeatures"]:
    from models.train.systems.features import CaseInputs, Extractor

    folder = room.options.out / "features"
    inputs = CaseInputs(room.shelf, room.spec)
    return Extractor(nets.bench(), inputs, folder, room.device, room.recipe.processes).read(cases, room.say)


def _train_scan(room: Room, nets: "Nets", recipe: ScanRecipe) -> list["ScanFeatures"]:
    """Returns the validation part as the scan stage reads it."""
    from models.train.systems.loop import fit
    from models.train.systems.scans import Course, ScanStage, fit_reduction, fold_temperature
    from models.train.systems.settle import scored_of

    train_part, validation = (_read(room, nets, room.parts[which]) for which in (0, 1))
    course = Course(nets, recipe, train_part, validation, room.options.seed, room.device)
    fit_reduction(course)
    stage = ScanStage(course)
    # these networks are small, and recurrent ones gain nothing from half precision
    fit(stage, dataclasses.replace(_track(room, "sequence"), precision="fp32"), room.say)
    temperature = best_temperature(scored_of(room, [stage.read(scan) for scan in validation], validation))
    fold_temperature(stage.net, temperature)
    room.say(f"scan: temperature {temperature} is in its weights now")
    return [dataclasses.replace(scan, probabilities=stage.read(scan)) for scan in validation]
