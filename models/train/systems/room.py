"""What a run needs at every step: recipe, cases in their parts, their pixels, the preparation of inputs, the device."""

import json
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from models.datasets import Case, open_dataset, open_phantoms, split
from models.datasets.kept import keep_cases, kept_cases
from models.datasets.nouns import Say
from models.errors import DeviceUnknown, RunUnusable
from models.sections import Preprocess, Rule
from models.seeds.cards import Told, card_table
from models.seeds.systems import SYSTEMS, System
from models.train.systems.options import TrainOptions
from models.train.systems.recipes import Recipe
from models.train.systems.shelf import Shelf

PLAN = "plan.json"


@dataclass(frozen=True)
class Room:
    """What every step of a run needs."""

    options: TrainOptions
    recipe: Recipe
    shelf: Shelf
    parts: tuple[tuple[int, ...], ...]  #: case numbers: training, validation, and the rest
    spec: Preprocess
    rule: Rule
    device: str
    say: Say

    @property
    def system(self) -> System:
        """The published system."""
        return SYSTEMS[self.recipe.system]


def hold_to_plan(options: TrainOptions, recipe: Recipe) -> None:
    """A run goes on with what it began with; another wish needs another folder."""
    own = ("system", "data", "layout", "phantoms", "seed", "steps", "start_from", "pretrained")
    plan = {"options": {name: getattr(options, name) for name in own}, "recipe": recipe.as_dict()}
    text = json.dumps(plan, indent=1, sort_keys=True, default=str)
    path = options.out / PLAN
    if path.exists() and path.read_text("utf-8") != text:
        raise RunUnusable(options.out, f"{PLAN} tells of another wish", "give the same options, or another --out")
    path.write_text(text, "utf-8")


def furnish(options: TrainOptions, recipe: Recipe, say: Say) -> Room:
    """Open, split and unpack the cases, or take up what an earlier start wrote."""
    import torch

    device = _device(options.device)
    if options.threads:
        torch.set_num_threads(options.threads)
    parts = kept_cases(options.out)
    if parts is None:
        cases = open_phantoms(options.phantoms, options.seed) if options.data is None else _opened(options, say)
        parts = tuple(tuple(part) for part in split(cases, recipe.shares, options.seed))
        keep_cases(parts, options.out)
    ends = np.cumsum([0, *map(len, parts)])
    numbers = tuple(tuple(range(start, stop)) for start, stop in pairwise(ends.tolist()))
    if len(parts) < 2 or not parts[0] or not parts[1]:
        raise RunUnusable(options.out, "training or validation part is empty", "give more patients")
    shelf = Shelf(tuple(case for part in parts for case in part), options.out / "cases")
    shelf.unpack(say)
    table = card_table(SYSTEMS[options.system], _size(recipe), Told(options.system))
    return Room(
        options, recipe, shelf, numbers, Preprocess.read(table["preprocess"]), Rule.read(table["rule"]), device, say
    )


def _opened(options: TrainOptions, say: Say) -> list[Case]:
    assert options.data is not None
    return open_dataset(options.data, options.layout, say)


def _size(recipe: Recipe) -> int:
    return int(recipe.net.get("size", 0)) or SYSTEMS[recipe.system].size


def _device(asked: str) -> str:
    import torch

    if asked not in ("auto", "cpu", "cuda"):
        raise DeviceUnknown(asked)
    there = torch.cuda.is_available()
    if asked == "cuda" and not there:
        raise DeviceUnknown("cuda (none is there)")
    return "cuda" if there and asked != "cpu" else "cpu"
