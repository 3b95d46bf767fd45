"""The sections of a card: how slices are prepared, what the graphs are called, how slices become a verdict.

Fields with a default may be left out of card.toml; left out they mean what cards meant before the field was there.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Any

RULES = {"run": "run_mm", "share": "share_percent"}  #: and the number each goes by
ROUNDINGS = ("half_even", "ceil")
HEATMAPS = ("closed", "smoothed")
#: triangle: HU are resampled without aliasing, then windowed; the others resize the windowed picture, as papers do:
#: bilinear between the two nearest pixels (OpenCV's way), pillow widened when shrinking (Pillow's way)
TRIANGLE, BILINEAR, PILLOW = "triangle", "bilinear", "pillow"
FILTERS = (TRIANGLE, BILINEAR, PILLOW)
#: what a sequence graph may ask for: pooled vectors, slice probabilities, mm to the next slice
SEQUENCE_INPUTS = ("features", "probabilities", "spacing")
REFINED = "refined"  #: what it gives: probabilities again, under a name of their own since a graph names a value once

Faults = dict[str, bool]


@dataclass(frozen=True)
class Preprocess:
    """How HU become network input; one code reads this in training and in serving."""

    windows: tuple[tuple[int, int], ...]  #: (centre, width) in HU, one per channel of a slice
    size: int  #: input is size x size pixels
    mm_per_pixel: float  #: fixed scale centred on the head; 0 = plain resize of the whole slice
    neighbours: int  #: 0 = the slice alone; 1 = channels of the slice above, the slice, the slice below
    filter: str = TRIANGLE
    bytes: bool = False  #: windowed values are cut to 8 bits, and rounded to 8 bits after each resize
    spread: bool = False  #: each windowed picture is spread over its own lowest and highest value
    mean: tuple[float, ...] = (0.5,)  #: of values 0..1, one for all or one per window
    sd: tuple[float, ...] = (0.5,)
    through: int = 0  #: side that pictures are brought to before the centre is cut out; 0 = as they are
    centre: float = 1.0  #: share of each side that is kept
    slab_mm: float = 0.0  #: thinner slices are averaged with those around them up to this thickness; 0 = never

    @property
    def channels(self) -> int:
        """Channels of the network's input."""
        return len(self.windows) * (2 * self.neighbours + 1)

    @property
    def picture(self) -> bool:
        """Window first, resize then."""
        return self.filter != TRIANGLE

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> "Preprocess":
        """From the card's table."""
        refuse_unknown(cls, raw)
        kinds: dict[str, Callable[[Any], Any]] = {
            "filter": str, "bytes": bool, "spread": bool, "mean": _floats, "sd": _floats, "through": int,
            "centre": float, "slab_mm": float,
        }  # fmt: skip
        optional = {key: kind(raw[key]) for key, kind in kinds.items() if key in raw}
        windows = tuple((int(centre), int(width)) for centre, width in raw["windows"])
        return cls(windows, int(raw["size"]), float(raw["mm_per_pixel"]), int(raw["neighbours"]), **optional)

    def faults(self) -> Faults:
        """What a card may not say."""
        lengths = {1, len(self.windows)}
        pictures = self.spread or self.through != 0 or self.centre != 1
        return {
            "preprocess.windows are empty or narrower than 2 HU": any(
                width < 2 for _, width in self.windows or [(0, 0)]
            ),
            "preprocess.size is not positive": self.size <= 0,
            "preprocess.neighbours is neither 0 nor 1": self.neighbours not in (0, 1),
            f"preprocess.filter '{self.filter}' is not one of {', '.join(FILTERS)}": self.filter not in FILTERS,
            f"preprocess.filter {self.filter} resizes whole pictures, so mm_per_pixel must be 0": (
                self.picture and self.mm_per_pixel != 0
            ),
            "preprocess.spread, through and centre need filter bilinear or pillow": pictures and not self.picture,
            "preprocess.mean and sd need one number or one per window": not {len(self.mean), len(self.sd)} <= lengths,
            "preprocess.sd is not positive": any(sd <= 0 for sd in self.sd),
            "preprocess.centre is not inside 0..1": not 0 < self.centre <= 1,
            "preprocess.through is negative": self.through < 0,
            "preprocess.slab_mm is negative": self.slab_mm < 0,
            "preprocess.slab_mm needs neighbours = 0": self.slab_mm > 0 and self.neighbours != 0,
        }


@dataclass(frozen=True)
class Rule:
    """The default slice-to-series decision rule; the site's policy may set another."""

    kind: str  #: "run" (contiguous positive millimetres) or "share" (share of positive slices)
    numbers: Mapping[str, float]
    rounding: str = ROUNDINGS[0]  #: of a share: half_even as Python rounds, ceil as "at least n percent" says

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> "Rule":
        """From the card's table."""
        plain = {key: value for key, value in raw.items() if key not in ("kind", "rounding")}
        return cls(str(raw["kind"]), numbers(plain), str(raw.get("rounding", ROUNDINGS[0])))

    def faults(self) -> Faults:
        """What a card may not say."""
        return {
            f"rule kind '{self.kind}' is not one of {', '.join(RULES)}": self.kind not in RULES,
            f"rule rounding '{self.rounding}' is not one of {', '.join(ROUNDINGS)}": self.rounding not in ROUNDINGS,
            f"rule {self.kind} has no number of its own": self.kind in RULES and not self.numbers,
            f"rule {self.kind} knows no {', '.join(self._strange())}": self.kind in RULES and bool(self._strange()),
        }

    def _strange(self) -> list[str]:
        return sorted(set(self.numbers) - {RULES.get(self.kind, "")})


@dataclass(frozen=True)
class OutputNames:
    """Names of the slice graph's outputs."""

    probabilities: str
    features: str
    cam: str
    weighted: str = ""  #: the last map times the finding's weights [B, F, h, w], for smoothed heat maps; "" = none

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> "OutputNames":
        """From the card's table."""
        refuse_unknown(cls, raw)
        return cls(str(raw["probabilities"]), str(raw["features"]), str(raw["cam"]), str(raw.get("weighted", "")))


@dataclass(frozen=True)
class SequenceStage:
    """A second graph that reads all slices of a scan together."""

    weights: str  #: file name inside the pack folder
    sha256: str
    inputs: tuple[str, ...]  #: some of SEQUENCE_INPUTS

    @classmethod
    def read(cls, raw: Mapping[str, Any] | None) -> "SequenceStage | None":
        """From the card's table, where there is one."""
        if raw is None:
            return None
        refuse_unknown(cls, raw)
        return cls(str(raw["weights"]), str(raw["sha256"]), tuple(str(name) for name in raw["inputs"]))

    def faults(self) -> Faults:
        """What a card may not say."""
        known = set(self.inputs) <= set(SEQUENCE_INPUTS) and len(set(self.inputs)) == len(self.inputs)
        return {f"sequence.inputs are not some of {', '.join(SEQUENCE_INPUTS)}": not (self.inputs and known)}


@dataclass(frozen=True)
class Heatmap:
    """How the map of a slice is made."""

    kind: str = HEATMAPS[0]  #: closed: one pass; smoothed: mean over mirrored and dimmed copies, six passes
    eigen: bool = True  #: smoothed maps follow the main axis of the weighted features

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> "Heatmap":
        """From the card's table."""
        refuse_unknown(cls, raw)
        return cls(str(raw.get("kind", HEATMAPS[0])), bool(raw.get("eigen", True)))

    def faults(self) -> Faults:
        """What a card may not say."""
        return {f"heatmap kind '{self.kind}' is not one of {', '.join(HEATMAPS)}": self.kind not in HEATMAPS}


def numbers(raw: Mapping[str, Any]) -> Mapping[str, float]:
    """A table of plain numbers."""
    return MappingProxyType({key: float(value) for key, value in raw.items()})


def refuse_unknown(section: Any, raw: Mapping[str, Any], own: frozenset[str] = frozenset()) -> None:
    """A misspelt field must not pass for one left out; `own` are fields that no card gives."""
    if unknown := sorted(set(raw) - {field.name for field in fields(section)} | set(raw) & own):
        raise ValueError(f"unknown field {', '.join(unknown)}")


def _floats(raw: Any) -> tuple[float, ...]:
    return tuple(float(value) for value in raw)
