"""Runtimes behind small protocols; onnx_ is the only importer of onnxruntime."""

from collections.abc import Mapping
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

    def weighted(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """The last map times the finding's weights [B, F, h, w], of packs whose card names that output."""
        ...


class SequenceSession(Protocol):
    """A loaded second stage: a scan's features [1, T, F], probabilities [1, T, K] and spacing [1, T] to [T, K]."""

    def run(self, feeds: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float32]:
        """One scan of any length; inputs that the graph does not use are left aside."""
        ...
