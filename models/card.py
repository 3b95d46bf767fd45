"""The card of a model pack: everything a caller must know about weights without opening them.

A pack is a folder with card.toml and one ONNX file. The card travels with the weights: preprocess, labels, threshold,
decision rule and intended use are data here, never folklore in an adapter.
"""

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any

from models.errors import PackHashMismatch, PackNotFound, PackUnreadable

CARD_FILE = "card.toml"
PACKS = Path(__file__).parent / "packs"
RULES = ("run", "share")


@dataclass(frozen=True)
class Preprocess:
    """How HU become network input; one code reads this in training and in serving."""

    windows: tuple[tuple[int, int], ...]  #: (centre, width) in HU, one per channel
    size: int  #: input is size x size pixels
    mm_per_pixel: float  #: fixed scale centred on the head; 0 = plain resize of the whole slice
    neighbours: int  #: slices above and below that travel along; 0 = the slice alone


@dataclass(frozen=True)
class Rule:
    """The default slice-to-series decision rule; the site's policy may set another."""

    kind: str  #: "run" (contiguous positive millimetres) or "share" (share of positive slices)
    numbers: Mapping[str, float]


@dataclass(frozen=True)
class OutputNames:
    """Names of the graph's outputs."""

    probabilities: str
    features: str
    cam: str


@dataclass(frozen=True)
class Card:
    """One released model, as its card.toml says."""

    name: str
    version: str
    architecture: str
    weights: str  #: file name inside the pack folder
    sha256: str
    labels: tuple[str, ...]  #: in the order of the graph's columns
    slice_threshold: float  #: a slice is positive when probability of `any` is above it
    temperature: float  #: already inside the graph; here for the record
    licence: str
    intended_use: str
    training_data: str
    limits: str
    preprocess: Preprocess
    rule: Rule
    outputs: OutputNames
    metrics: Mapping[str, float]
    folder: Path
    pack_hash: str  #: sha256 over the canonical card and the weights' hash: the key of a slice reading

    @property
    def weights_path(self) -> Path:
        """Where the ONNX file lies."""
        return self.folder / self.weights

    def label_index(self, label: str) -> int:
        """Column of a label; the order is the card's."""
        return self.labels.index(label)

    @classmethod
    def load(cls, folder: Path) -> "Card":
        """Read and check card.toml; the weights are not opened (see `verify`)."""
        raw = _read(folder)
        try:
            card = _build(raw, folder)
        except KeyError as missing:
            raise PackUnreadable(folder, f"field {missing} is missing") from missing
        except (TypeError, ValueError) as wrong:
            raise PackUnreadable(folder, str(wrong)) from wrong
        _check(card)
        return card


def _read(folder: Path) -> dict[str, Any]:
    try:
        return tomllib.loads((folder / CARD_FILE).read_text("utf-8"))
    except FileNotFoundError as missing:
        raise PackUnreadable(folder, f"{CARD_FILE} is missing") from missing
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as wrong:
        raise PackUnreadable(folder, f"not valid TOML ({wrong})") from wrong


def _build(raw: dict[str, Any], folder: Path) -> Card:
    texts = (
        "name",
        "version",
        "architecture",
        "weights",
        "sha256",
        "licence",
        "intended_use",
        "training_data",
        "limits",
    )
    _refuse_unknown(raw)
    return Card(
        **{key: str(raw[key]) for key in texts},
        labels=tuple(str(label) for label in raw["labels"]),
        slice_threshold=float(raw["slice_threshold"]),
        temperature=float(raw["temperature"]),
        preprocess=_preprocess(raw["preprocess"]),
        rule=_rule(raw["rule"]),
        outputs=OutputNames(**raw["outputs"]),
        metrics=_numbers(raw.get("metrics", {})),
        folder=folder,
        pack_hash=_pack_hash(raw),
    )


def _refuse_unknown(raw: dict[str, Any]) -> None:
    known = {field.name for field in fields(Card)} - {"folder", "pack_hash"}
    if unknown := sorted(set(raw) - known):
        raise ValueError(f"unknown field {', '.join(unknown)}")


def _preprocess(raw: dict[str, Any]) -> Preprocess:
    windows = tuple((int(centre), int(width)) for centre, width in raw["windows"])
    return Preprocess(windows, int(raw["size"]), float(raw["mm_per_pixel"]), int(raw["neighbours"]))


def _rule(raw: dict[str, Any]) -> Rule:
    return Rule(str(raw["kind"]), _numbers({key: value for key, value in raw.items() if key != "kind"}))


def _numbers(raw: Mapping[str, Any]) -> Mapping[str, float]:
    return MappingProxyType({key: float(value) for key, value in raw.items()})


def _check(card: Card) -> None:
    faults = {
        "labels are empty or repeat": len(set(card.labels)) != len(card.labels) or not card.labels,
        "labels lack 'any'": "any" not in card.labels,
        "slice_threshold is not inside 0..1": not 0 < card.slice_threshold < 1,
        "temperature is not positive": card.temperature <= 0,
        f"rule kind '{card.rule.kind}' is not one of {', '.join(RULES)}": card.rule.kind not in RULES,
        "preprocess.neighbours above 0 is not supported": card.preprocess.neighbours != 0,
        "preprocess.size is not positive": card.preprocess.size <= 0,
        "weights is not a plain file name": Path(card.weights).name != card.weights,
    }
    for fault, present in faults.items():
        if present:
            raise PackUnreadable(card.folder, fault)


def _pack_hash(raw: dict[str, Any]) -> str:
    canonical = json.dumps(raw, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(f"{canonical}\n{raw['sha256']}".encode()).hexdigest()


def bundled_packs() -> tuple[str, ...]:
    """Names of the packs that come with the package."""
    return tuple(sorted(card.parent.name for card in PACKS.glob(f"*/{CARD_FILE}")))


def find_pack(name_or_folder: str | Path) -> Card:
    """A bundled pack by name, or any folder that holds a card."""
    asked = str(name_or_folder)
    if asked in bundled_packs():
        return Card.load(PACKS / asked)
    folder = Path(name_or_folder)
    if (folder / CARD_FILE).is_file():
        return Card.load(folder)
    raise PackNotFound(asked, bundled_packs())


def verify(card: Card) -> None:
    """Prove that the weights are those the card was written for."""
    try:
        found = hashlib.sha256(card.weights_path.read_bytes()).hexdigest()
    except FileNotFoundError as missing:
        raise PackUnreadable(card.folder, f"weights file {card.weights} is missing") from missing
    if found != card.sha256:
        raise PackHashMismatch(card.weights_path, card.sha256, found)
