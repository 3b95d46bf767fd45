"""Readings kept on disk, one small file each: after a kill the same command goes on, and a second report is instant.

A reading belongs to one pack and one state of the reading code; both are in the folder's name.
"""

import hashlib
import os
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

import models
from models.card import Card
from models.judge.nouns import CaseReading, Spot

TEXTS = ("patient", "study", "series", "source", "vendor")
ARRAYS = ("positions", "probabilities", "series_probabilities", "slice_truth", "series_truth", "volumes_ml")
DIGITS = 12


def code_digest() -> str:
    """Names the state of everything between HU and a reading, and of the code that derives the truth."""
    root = Path(models.__file__).parent
    sources = sorted([*root.glob("*.py"), *root.glob("backends/*.py"), *root.glob("datasets/*.py")])
    sources += [root / "judge" / name for name in ("read.py", "spots.py", "nouns.py", "store.py")]
    return hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:DIGITS]


@dataclass(frozen=True)
class Store:
    """The readings of one pack."""

    folder: Path

    @classmethod
    def of(cls, out: Path, card: Card) -> "Store":
        """The folder of this pack and this code under OUT."""
        folder = out / "readings" / f"{card.name}-{card.pack_hash[:DIGITS]}-{code_digest()}"
        folder.mkdir(parents=True, exist_ok=True)
        return cls(folder)

    def path(self, key: str) -> Path:
        """Where the reading of a case lies; a key may be any text."""
        return self.folder / f"{hashlib.sha256(key.encode()).hexdigest()[:24]}.npz"

    def get(self, key: str) -> CaseReading | None:
        """The reading, None when there is none yet."""
        if not self.path(key).exists():
            return None
        with np.load(self.path(key)) as kept:
            plain: dict[str, Any] = {name: str(kept[name]) for name in TEXTS} | {name: kept[name] for name in ARRAYS}
            at, *place = kept["spot"].tolist()
            thickness = float(kept["thickness_mm"])
            return CaseReading(
                **plain, labels=tuple(kept["labels"].tolist()), thickness_mm=thickness or None,
                spot=Spot(int(at), *place), seconds=float(kept["seconds"]), volume_ml=float(kept["volume_ml"]),
            )  # fmt: skip

    def put(self, key: str, reading: CaseReading) -> None:
        """Keep a reading, whole or not at all."""
        plain = {name: getattr(reading, name) for name in (*TEXTS, *ARRAYS, "labels", "seconds", "volume_ml")}
        spot = [float(getattr(reading.spot, field.name)) for field in fields(Spot)]
        fresh = self.path(key).with_name(f"new-{os.getpid()}-{self.path(key).name}")
        np.savez(fresh, **plain, spot=spot, thickness_mm=reading.thickness_mm or 0.0)
        fresh.replace(self.path(key))
