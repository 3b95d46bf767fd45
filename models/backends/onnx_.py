"""ONNX Runtime; imported inside functions so that `import models` costs nothing."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models.backends import Outputs
from models.backends.agree import sequence_fault, slice_fault
from models.card import Card
from models.errors import DeviceUnknown, PackGraphMismatch
from models.sections import REFINED

if TYPE_CHECKING:
    from onnxruntime import InferenceSession, SessionOptions

DEVICES = ("auto", "cpu", "cuda")
CUDA = "CUDAExecutionProvider"
CPU = "CPUExecutionProvider"


class OnnxSession:
    """The slice graph in ONNX Runtime, checked against its card."""

    def __init__(self, card: Card, device: str, threads: int | None) -> None:
        if device not in DEVICES:
            raise DeviceUnknown(device)
        wanted = [CPU] if device == "cpu" or CUDA not in _available() else [CUDA, CPU]
        self._session = _open(card, card.weights, wanted, threads)
        inputs, outputs = _shapes(self._session)
        if fault := slice_fault(card, inputs, outputs):
            raise PackGraphMismatch(card.name, fault)
        self._input = next(iter(inputs))
        self._names = [card.outputs.probabilities, card.outputs.features, card.outputs.cam]
        self._weighted = card.outputs.weighted
        self.features = outputs[card.outputs.features][1]  #: length of the pooled vector
        self.device = "cuda" if self._session.get_providers()[0] == CUDA else "cpu"
        self.device_note = _note(device, self.device, gpu_build=CUDA in _available())

    def run(self, images: NDArray[np.float32]) -> Outputs:
        """One forward pass."""
        probabilities, features, cam = self._session.run(self._names, {self._input: images})
        return probabilities, features, cam

    def weighted(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """The last map times the finding's weights."""
        (parts,) = self._session.run([self._weighted], {self._input: images})
        return np.asarray(parts, np.float32)


class OnnxSequence:
    """The sequence graph in ONNX Runtime, checked against its card and against the vectors it is fed."""

    def __init__(self, card: Card, features: object, threads: int | None) -> None:
        assert card.sequence is not None
        self._session = _open(card, card.sequence.weights, [CPU], threads)
        inputs, outputs = _shapes(self._session)
        if fault := sequence_fault(card, features, inputs, outputs):
            raise PackGraphMismatch(card.name, fault)
        self._inputs = list(inputs)

    def run(self, feeds: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float32]:
        """One scan of any length."""
        (made,) = self._session.run([REFINED], {name: feeds[name] for name in self._inputs})
        return np.asarray(made[0], np.float32)


def _open(card: Card, weights: str, providers: list[str], threads: int | None) -> "InferenceSession":
    from onnxruntime import InferenceSession
    from onnxruntime.capi.onnxruntime_pybind11_state import InvalidGraph, InvalidProtobuf

    path: Path = card.folder / weights
    try:
        return InferenceSession(str(path), _options(threads), providers=providers)
    except (InvalidProtobuf, InvalidGraph) as wrong:
        raise PackGraphMismatch(card.name, f"{weights} is not a usable ONNX graph") from wrong


def _options(threads: int | None) -> "SessionOptions":
    from onnxruntime import SessionOptions

    options = SessionOptions()
    options.intra_op_num_threads = threads or 0
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # a refused provider is told through device_note, not on stderr
    return options


def _shapes(session: "InferenceSession") -> tuple[dict[str, list[object]], dict[str, list[object]]]:
    """Inputs and outputs by name; a free dimension is a text or None."""
    inputs, outputs = session.get_inputs(), session.get_outputs()
    return {one.name: list(one.shape) for one in inputs}, {one.name: list(one.shape) for one in outputs}


def _available() -> list[str]:
    from onnxruntime import get_available_providers

    return list(get_available_providers())


def _note(asked: str, got: str, *, gpu_build: bool) -> str:
    """Be loud where a GPU was counted on: it was asked for, or the GPU build is installed."""
    if got == "cuda" or asked == "cpu" or (asked == "auto" and not gpu_build):
        return ""
    return f"asked for device '{asked}' but ONNX Runtime runs on the CPU: no usable CUDA provider or GPU was found"
