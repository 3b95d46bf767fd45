"""How a system is trained, as data: everything that decides a run stands in one frozen Recipe.

A TOML file of changes starts from a preset (`preset = "small"`) and names what differs; an unknown name is refused.
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from models.errors import RunUnusable

Numbers = tuple[float, ...]
SECTION = TypeVar("SECTION")
OPTIMISERS, RATES = ("sgd", "adam", "adamw"), ("steps", "cycles")
DRAWN, KEPT = ("all", "balanced", "middle"), ("loss", "accuracy", "last")
REDUCTIONS = ("", "pca", "largest_weight", "smallest_weight", "largest_sd")


@dataclass(frozen=True)
class Rate:
    """Learning rate by epoch, counted from 0 and broken; every kind is a pure function of the step."""

    peak: float
    kind: str = "steps"  #: steps: times `factor` at each of `at`; cycles: cosine down to `low` from epoch `start` on
    at: Numbers = ()
    factor: float = 0.1
    start: float = 0.0
    period: float = 1.0  #: epochs of one cycle
    low: float = 0.0


@dataclass(frozen=True)
class Optimiser:
    """Which rule changes the weights."""

    kind: str  #: sgd, adam or adamw
    rate: Rate
    momentum: float = 0.0
    decay: float = 0.0

    def __post_init__(self) -> None:
        one_of("optimiser kind", self.kind, OPTIMISERS)
        one_of("rate kind", self.rate.kind, RATES)


@dataclass(frozen=True)
class Augment:
    """Random changes of a prepared input; 0 switches one off. Chances are per input."""

    flip_across: float = 0.0  #: chance
    flip_down: float = 0.0  #: chance
    affine: float = 0.0  #: chance of shift, scale and turn together
    shift: float = 0.0  #: share of the side
    scale: float = 0.0  #: share
    aspect: float = 0.0  #: share
    turn: float = 0.0  #: degrees
    tone: float = 0.0  #: chance of brightness and contrast together
    brightness: float = 0.0
    contrast: float = 0.0
    swap_outer: float = 0.0  #: chance that first and last channel change places
    erase: float = 0.0  #: chance that a rectangle becomes 0
    erase_area: Numbers = (0.02, 0.4)
    erase_aspect: Numbers = (0.3, 3.3)
    crop: Numbers = ()  #: smallest and largest share of the side, in place of the centre


@dataclass(frozen=True)
class SliceRecipe:
    """The slice networks."""

    optimiser: Optimiser
    epochs: int
    batch: int
    draw: str = "all"  #: all; balanced: as many without a bleed as with; middle: `per_series` of each, mostly mid-scan
    per_series: int = 4
    augment: Augment = field(default_factory=Augment)
    best: str = "loss"  #: the epoch that is kept: least loss or most accuracy on the validation part, or the last
    label_weights: Numbers = ()  #: one per label of the loss; () = all alike
    validate: int = 4000  #: most slices looked at after each epoch

    def __post_init__(self) -> None:
        one_of("draw", self.draw, DRAWN)
        one_of("best", self.best, KEPT)


@dataclass(frozen=True)
class ScanRecipe:
    """What reads along the scan."""

    optimiser: Optimiser
    epochs: int
    batch: int  #: series
    crop: int = 0  #: slices; 0 = the whole series
    thin_out: float = 0.0  #: chance that every second slice is left out first
    reverse: float = 0.0  #: chance
    label_weights: Numbers = ()
    reduction: str = ""  #: pca, largest_weight, smallest_weight or largest_sd
    fitted_on: int = 32_000  #: most slices that the reduction is fitted on

    def __post_init__(self) -> None:
        one_of("reduction", self.reduction, REDUCTIONS)


@dataclass(frozen=True)
class Recipe:
    """One system's training from data to pack."""

    system: str
    preset: str
    slice: SliceRecipe
    scan: ScanRecipe | None = None
    net: Mapping[str, Any] = field(default_factory=dict)  #: models.seeds.registry.Config as a table
    shares: Numbers = (0.8, 0.2)  #: of patients: training, validation, and where there is a third one, left for judging
    precision: str = "auto"  #: auto: bfloat16 where the device is built for it; fp32
    report: int = 25  #: steps between lines of curve.csv
    keep: int = 200  #: steps between checkpoints
    workers: int = -1  #: processes that prepare inputs beside the training one; -1 = one less than there are cores

    @property
    def processes(self) -> int:
        """How many that are here."""
        return self.workers if self.workers >= 0 else max(0, (os.cpu_count() or 1) - 1)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def one_of(what: str, word: str, known: tuple[str, ...]) -> None:
    """A word that nothing knows stops the run before it starts."""
    if word not in known:
        raise ValueError(f"{what} '{word}' is not one of {', '.join(filter(None, known))}")


def changed(recipe: Recipe, changes: Mapping[str, Any], source: Path) -> Recipe:
    """The recipe with what a TOML table says otherwise."""
    try:
        return _changed(recipe, {key: value for key, value in changes.items() if key != "preset"}, "")
    except (TypeError, ValueError) as wrong:
        raise RunUnusable(source, str(wrong), "docs/training.md lists the names") from wrong


def read_changes(path: Path) -> dict[str, Any]:
    """A TOML file."""
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise RunUnusable(path, "no such recipe", "name published, small or a TOML file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as wrong:
        raise RunUnusable(path, f"not valid TOML ({wrong})", "mend the file") from wrong


def _changed(section: SECTION, changes: Mapping[str, Any], inside: str) -> SECTION:
    known = {each.name: getattr(section, each.name) for each in fields(section)}  # type: ignore[arg-type]  # a dataclass
    if unknown := sorted(set(changes) - set(known)):
        raise ValueError(f"unknown name {inside}{unknown[0]}; known are {', '.join(known)}")
    made = {name: _value(known[name], value, f"{inside}{name}") for name, value in changes.items()}
    return replace(section, **made)  # type: ignore[type-var]


def _value(before: Any, value: Any, name: str) -> Any:
    if is_dataclass(before):
        if not isinstance(value, Mapping):
            raise ValueError(f"{name} is a table")
        return _changed(before, value, f"{name}.")
    if isinstance(before, tuple):
        return tuple(float(each) for each in value)
    if isinstance(before, Mapping):
        return {**before, **value}
    if before is None or isinstance(before, str):
        return value
    return type(before)(value)
