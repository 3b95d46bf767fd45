"""What the slice graph hands on, for every series: the input of the scan stage, computed once and kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from models.datasets.nouns import Say
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


class CaseInputs(Dataset[Tensor]):
    """The prepared slices of a case by its number, so that other processes can prepare them."""

    def __init__(self, shelf: Shelf, spec: Preprocess) -> None:
        self.shelf, self.spec = shelf, spec

    def __getitem__(self, at: int) -> Tensor:
        return torch.from_numpy(self.shelf.images(at, self.spec))


@dataclass(frozen=True)
class Extractor:
    """The trained slice graph with what feeds it."""

    bench: nn.Module
    inputs: CaseInputs
    folder: Path
    device: str
    workers: int

    def read(self, cases: Sequence[int], say: Say) -> list[ScanFeatures]:
        """Each case, from disk where an earlier start left it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.bench.to(self.device).eval()
        missing = [at for at in cases if not self._path(at).exists()]
        loader = DataLoader(self.inputs, batch_size=None, sampler=missing, num_workers=self.workers)
        for done, (at, images) in enumerate(zip(missing, loader, strict=True), 1):
            self._keep(at, images)
            if done % 50 == 0 or done == len(missing):
                say(f"{done}/{len(missing)} series read by the slice networks")
        return [self._one(at) for at in cases]

    def _path(self, at: int) -> Path:
        return self.folder / f"{self.inputs.shelf.name(at)}.npz"

    @torch.no_grad()
    def _keep(self, at: int, images: Tensor) -> None:
        made = [self.bench(images[start : start + BATCH].to(self.device))[:2] for start in range(0, len(images), BATCH)]
        probabilities, features = (torch.cat([part[which] for part in made]).cpu().numpy() for which in (0, 1))
        fresh = self._path(at).with_suffix(".new.npz")
        np.savez(fresh, features=features.clip(-6e4, 6e4).astype(np.float16), probabilities=probabilities)
        fresh.replace(self._path(at))

    def _one(self, at: int) -> ScanFeatures:
        with np.load(self._path(at)) as kept:
            parts = kept["features"], kept["probabilities"]
        return ScanFeatures(*parts, self.inputs.shelf.positions(at), self.inputs.shelf.labels(at))
