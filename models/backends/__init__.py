"""Runtimes behind one small protocol; onnx_ is the only importer of onnxruntime."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Outputs = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]


class Session(Protocol):
    """A loaded graph: images [B, C, S, S] to probabilities [B, K], features [B, F], cam [B, K, h, w]."""

    @property
    def device(self) -> str:
        """'cpu' or 'cuda': what is really used."""
        ...

    @property
    def device_note(self) -> str:
        """Why it is not what was asked for; empty when it is."""
        ...

    def run(self, images: NDArray[np.float32]) -> Outputs:
        """One forward pass."""
        ...
