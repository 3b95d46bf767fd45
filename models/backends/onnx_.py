"""ONNX Runtime; imported inside functions so that `import models` costs nothing."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models.backends import Outputs
from models.card import Card
from models.errors import DeviceUnknown, PackGraphMismatch

if TYPE_CHECKING:
    from onnxruntime import InferenceSession, SessionOptions

DEVICES = ("auto", "cpu", "cuda")
CUDA = "CUDAExecutionProvider"
CPU = "CPUExecutionProvider"


class OnnxSession:
    """One graph in ONNX Runtime, checked against its card."""

    def __init__(self, card: Card, device: str, threads: int | None) -> None:
        if device not in DEVICES:
            raise DeviceUnknown(device)
        self._session = _open(card, device, threads)
        self._names = [card.outputs.probabilities, card.outputs.features, card.outputs.cam]
        self._input = _agree(card, self._session)
        self.device = "cuda" if self._session.get_providers()[0] == CUDA else "cpu"
        self.device_note = _note(device, self.device, gpu_build=CUDA in _available())

    def run(self, images: NDArray[np.float32]) -> Outputs:
        """One forward pass."""
        probabilities, features, cam = self._session.run(self._names, {self._input: images})
        return probabilities, features, cam


def _open(card: Card, device: str, threads: int | None) -> "InferenceSession":
    from onnxruntime import InferenceSession
    from onnxruntime.capi.onnxruntime_pybind11_state import InvalidGraph, InvalidProtobuf

    wanted = [CPU] if device == "cpu" or CUDA not in _available() else [CUDA, CPU]
    try:
        return InferenceSession(str(card.weights_path), _options(threads), providers=wanted)
    except (InvalidProtobuf, InvalidGraph) as wrong:
        raise PackGraphMismatch(card.name, f"{card.weights} is not a usable ONNX graph") from wrong


def _options(threads: int | None) -> "SessionOptions":
    from onnxruntime import SessionOptions

    options = SessionOptions()
    options.intra_op_num_threads = threads or 0
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # a refused provider is told through device_note, not on stderr
    return options


def _agree(card: Card, session: "InferenceSession") -> str:
    """The input's name, once shapes and names are those of the card."""
    inputs, outputs = session.get_inputs(), {out.name: out for out in session.get_outputs()}
    if len(inputs) != 1:
        raise PackGraphMismatch(card.name, f"graph has {len(inputs)} inputs, one is expected")
    spec = card.preprocess
    expected = [len(spec.windows), spec.size, spec.size]
    if list(inputs[0].shape[1:]) != expected:
        raise PackGraphMismatch(card.name, f"graph reads {inputs[0].shape[1:]}, the card prepares {expected}")
    for name in (card.outputs.probabilities, card.outputs.features, card.outputs.cam):
        if name not in outputs:
            raise PackGraphMismatch(card.name, f"graph has no output '{name}', it has {', '.join(sorted(outputs))}")
    for name in (card.outputs.probabilities, card.outputs.cam):
        if outputs[name].shape[1] != len(card.labels):
            raise PackGraphMismatch(
                card.name, f"output '{name}' has {outputs[name].shape[1]} columns for {len(card.labels)} labels"
            )
    return str(inputs[0].name)


def _available() -> list[str]:
    from onnxruntime import get_available_providers

    return list(get_available_providers())


def _note(asked: str, got: str, *, gpu_build: bool) -> str:
    """Be loud where a GPU was counted on: it was asked for, or the GPU build is installed."""
    if got == "cuda" or asked == "cpu" or (asked == "auto" and not gpu_build):
        return ""
    return f"asked for device '{asked}' but ONNX Runtime runs on the CPU: no usable CUDA provider or GPU was found"
