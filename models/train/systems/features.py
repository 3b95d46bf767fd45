"""What the slice graph hands on, for every series: the input of the scan stage, computed once and kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from models.datasets.nouns import Say
from models.preprocess import prepare_all
from models.sections import Preprocess
from models.train.systems.shelf import Shelf

BATCH = 16
Halves = NDArray[np.float16]


@dataclass(frozen=True, eq=False)
class ScanFeatures:
    """One series as its slice graph sees it; half precision, as the node keeps readings."""

    features: Halves  # [T, F]
    probabilities: NDArray[np.float32]  # [T, K] in the system's order
    positions: NDArray[np.float64]  # [T] mm
    labels: NDArray[np.float32]  # [T, 6] in the house order, nan = unknown

    def __len__(self) -> int:
        return len(self.positions)


@dataclass(frozen=True)
class Extractor:
    """The trained slice graph with what feeds it."""

    bench: nn.Module
    spec: Preprocess
    shelf: Shelf
    folder: Path
    device: str

    def read(self, cases: Sequence[int], say: Say) -> list[ScanFeatures]:
        """Each case, from disk where an earlier start left it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.bench.to(self.device).eval()
        found = []
        for done, at in enumerate(cases, 1):
            found.append(self._one(at))
            if done % 50 == 0 or done == len(cases):
                say(f"{done}/{len(cases)} series read by the slice networks")
        return found

    def _one(self, at: int) -> ScanFeatures:
        path = self.folder / f"{at:05d}.npz"
        if not path.exists():
            features, probabilities = self._infer(at)
            fresh = path.with_suffix(".new.npz")
            np.savez(fresh, features=features, probabilities=probabilities)
            fresh.replace(path)
        with np.load(path) as kept:
            parts = kept["features"], kept["probabilities"]
        return ScanFeatures(*parts, self.shelf.positions(at), self.shelf.labels(at))

    @torch.no_grad()
    def _infer(self, at: int) -> tuple[Halves, NDArray[np.float32]]:
        images = np.stack([one.image for one in prepare_all(self.shelf.slices(at), self.spec)])
        made = [
            self.bench(torch.from_numpy(images[start : start + BATCH]).to(self.device))[:2]
            for start in range(0, len(images), BATCH)
        ]
        probabilities, features = (torch.cat([part[which] for part in made]).cpu().numpy() for which in (0, 1))
        return features.clip(-6e4, 6e4).astype(np.float16), probabilities.astype(np.float32)
