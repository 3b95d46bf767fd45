"""Torch module to ONNX by the tracing exporter: the newer one freezes the length of recurrent networks."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from models.errors import ExtraMissing

OPSET = 17


@dataclass(frozen=True)
class Signature:
    """Names of a graph and which of their dimensions are free."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    free: Mapping[str, Mapping[int, str]]


_SCAN = {1: "slices"}
SLICE = Signature(
    ("images",), ("probabilities", "features", "cam"),
    {name: {0: "batch"} for name in ("images", "probabilities", "features", "cam")},
)  # fmt: skip
#: sequence stages read one scan at a time, of any length
LSTM_SCAN = Signature(
    ("features", "slice_probabilities"), ("probabilities",),
    {name: _SCAN for name in ("features", "slice_probabilities", "probabilities")},
)  # fmt: skip
GRU_SCAN = Signature(
    ("features", "slice_probabilities", "spacing"), ("probabilities",),
    {name: _SCAN for name in ("features", "slice_probabilities", "spacing", "probabilities")},
)  # fmt: skip


def write_graph(net: nn.Module, example: tuple[Tensor, ...], signature: Signature, target: Path) -> None:
    """Export for serving; the file holds no path of this machine."""
    try:
        import onnx
    except ImportError as missing:
        raise ExtraMissing("onnx") from missing
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracing exporter announces its successor at every turn
        torch.onnx.export(
            net.eval(), example, str(target), dynamo=False, opset_version=OPSET, input_names=list(signature.inputs),
            output_names=list(signature.outputs),
            dynamic_axes={name: dict(axes) for name, axes in signature.free.items()},
        )  # fmt: skip
    graph = onnx.load(target)
    for node in graph.graph.node:
        node.doc_string = ""
    onnx.checker.check_model(graph)
    target.write_bytes(graph.SerializeToString(deterministic=True))
