"""Smaller slice graphs: half precision for GPUs, 8 bits for CPUs; what they lose is measured, never assumed."""

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.errors import PackGraphMismatch
from models.export.graph import keep
from models.export.parity import onnx_says

FP32, FP16, INT8 = "fp32", "fp16", "int8"
PRECISIONS = (FP32, FP16, INT8)
HELD_OUT = 4  #: every fourth slice is kept from calibration and measured on
LEAST_SLICES = 8
Images = NDArray[np.float32]


@dataclass(frozen=True)
class Loss:
    """How far a smaller graph is from the full one, on slices that its calibration did not see."""

    precision: str
    slices: int
    max_difference: float  #: of a probability
    mean_difference: float
    flips: int  #: slices whose `any` crosses the threshold

    def metrics(self) -> dict[str, float]:
        """For the card."""
        return {
            f"{self.precision}_slices": float(self.slices),
            f"{self.precision}_max_difference": round(self.max_difference, 6),
            f"{self.precision}_mean_difference": round(self.mean_difference, 6),
            f"{self.precision}_flips": float(self.flips),
        }


def shrink(full: Path, precision: str, images: Images) -> str:
    """Put a smaller graph in the place of the full one; returns its sha256. `images` are what the net is given."""
    return {FP16: _half, INT8: _eight_bits}[precision](full, images)


def shrink_and_measure(full: Path, precision: str, images: Images, any_at: tuple[int, float]) -> tuple[str, Loss]:
    """The same with its loss on the slices held out; `any_at` is the column of `any` and the slice threshold."""
    if len(images) < LEAST_SLICES:
        raise PackGraphMismatch(full.name, f"{len(images)} slices cannot calibrate it, give at least {LEAST_SLICES}")
    held = np.arange(len(images)) % HELD_OUT == 0
    before = _probabilities(full, images[held])
    digest = shrink(full, precision, images[~held])
    after = _probabilities(full, images[held])
    apart, (column, threshold) = np.abs(after - before), any_at
    flips = int(((after[:, column] > threshold) != (before[:, column] > threshold)).sum())
    return digest, Loss(precision, int(held.sum()), float(apart.max()), float(apart.mean()), flips)


def _probabilities(graph: Path, images: Images) -> Images:
    return np.concatenate([onnx_says(graph, {"images": images[[at]]})["probabilities"] for at in range(len(images))])


def _half(full: Path, images: Images) -> str:
    import onnx
    from onnxruntime.transformers.float16 import convert_float_to_float16
    from onnxruntime.transformers.onnx_model import OnnxModel

    made = OnnxModel(convert_float_to_float16(onnx.load(full), keep_io_types=True))
    made.topological_sort()
    return keep(made.model, full)


def _eight_bits(full: Path, images: Images) -> str:
    """Static, per channel, quantise-dequantise pairs around what has a scale of its own."""
    import onnx
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with tempfile.TemporaryDirectory() as folder, _quiet():
        ready, made = Path(folder) / "ready.onnx", Path(folder) / "made.onnx"
        quant_pre_process(str(full), str(ready), skip_symbolic_shape=True)
        quantize_static(
            str(ready), str(made), _Feeder(images), quant_format=QuantFormat.QDQ, per_channel=True,
            activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
        )  # fmt: skip
        return keep(onnx.load(made), full)


class _Feeder:
    """Hands calibration slices over one by one."""

    def __init__(self, images: Images) -> None:
        self._left: Iterator[dict[str, Any]] = iter([{"images": images[[at]]} for at in range(len(images))])

    def get_next(self) -> dict[str, Any] | None:
        """The next slice, None at the end."""
        return next(self._left, None)


@contextmanager
def _quiet() -> Iterator[None]:
    """The quantiser recommends a step that has been taken."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
