"""The card of a model pack: everything a caller must know about weights without opening them.

A pack is a folder with card.toml, the ONNX file that reads slices and, where the system has a second stage, the one
that reads whole scans. The card travels with the weights: preprocess, labels, threshold, decision rule and intended use
are data here, never folklore in an adapter.
"""

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.errors import PackHashMismatch, PackNotFound, PackUnreadable
from models.sections import Heatmap, OutputNames, Preprocess, Rule, SequenceStage, numbers, refuse_unknown

__all__ = [
    "CARD_FILE",
    "PACKS",
    "Card",
    "Heatmap",
    "OutputNames",
    "Preprocess",
    "Rule",
    "SequenceStage",
    "bundled_packs",
    "find_pack",
    "verify",
]

CARD_FILE = "card.toml"
PACKS = Path(__file__).parent / "packs"
TEXTS = (
    "name", "version", "architecture", "weights", "sha256", "licence", "intended_use", "training_data", "limits",
)  # fmt: skip
#: fields of a Card that stand in no card.toml
OWN = frozenset({"folder", "pack_hash"})


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
    sequence: SequenceStage | None
    heatmap: Heatmap
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
    refuse_unknown(Card, raw, OWN)
    return Card(
        **{key: str(raw[key]) for key in TEXTS},
        labels=tuple(str(label) for label in raw["labels"]),
        slice_threshold=float(raw["slice_threshold"]),
        temperature=float(raw["temperature"]),
        preprocess=Preprocess.read(raw["preprocess"]),
        rule=Rule.read(raw["rule"]),
        outputs=OutputNames.read(raw["outputs"]),
        sequence=SequenceStage.read(raw.get("sequence")),
        heatmap=Heatmap.read(raw.get("heatmap", {})),
        metrics=numbers(raw.get("metrics", {})),
        folder=folder,
        pack_hash=_pack_hash(raw),
    )


def _check(card: Card) -> None:
    smoothed = card.heatmap.kind == "smoothed"
    files = [card.weights, *([card.sequence.weights] if card.sequence else [])]
    faults = {
        "labels are empty or repeat": len(set(card.labels)) != len(card.labels) or not card.labels,
        "labels lack 'any'": "any" not in card.labels,
        "slice_threshold is not inside 0..1": not 0 < card.slice_threshold < 1,
        "temperature is not positive": card.temperature <= 0,
        "weights is not a plain file name": any(Path(name).name != name for name in files),
        "both stages name the same weights": len(set(files)) != len(files),
        "heatmap kind smoothed needs one label and outputs.weighted": smoothed
        and not (len(card.labels) == 1 and card.outputs.weighted),
    }
    faults |= card.preprocess.faults() | card.rule.faults() | card.heatmap.faults()
    if card.sequence:
        faults |= card.sequence.faults()
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
    """Prove that the weights, of both stages, are those the card was written for."""
    _prove(card.weights_path, card.sha256)
    if card.sequence:
        _prove(card.folder / card.sequence.weights, card.sequence.sha256)


def _prove(weights: Path, expected: str) -> None:
    try:
        found = hashlib.sha256(weights.read_bytes()).hexdigest()
    except FileNotFoundError as missing:
        raise PackUnreadable(weights.parent, f"weights file {weights.name} is missing") from missing
    if found != expected:
        raise PackHashMismatch(weights, expected, found)
