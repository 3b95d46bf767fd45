"""Torch module to ONNX by the tracing exporter: the newer one freezes the length of recurrent networks."""

import hashlib
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.errors import ExtraMissing
from models.sections import REFINED

if TYPE_CHECKING:
    from torch import Tensor, nn

OPSET = 17


@dataclass(frozen=True)
class Signature:
    """Names of a graph and which of their dimensions are free."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    free: Mapping[int, str]  #: the same for every input and output


def slice_signature(*, weighted: bool = False) -> Signature:
    """Of a graph that reads slices, any number at once."""
    extra = ("weighted",) if weighted else ()
    return Signature(("images",), ("probabilities", "features", "cam", *extra), {0: "batch"})


def scan_signature(inputs: tuple[str, ...]) -> Signature:
    """Of a graph that reads one scan at a time, of any length."""
    return Signature(inputs, (REFINED,), {1: "slices"})


def write_graph(net: "nn.Module", example: "tuple[Tensor, ...]", signature: Signature, target: Path) -> str:
    """Export for serving and return the sha256; the file holds no path of this machine."""
    onnx, torch = _libraries()
    names = (*signature.inputs, *signature.outputs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracing exporter announces its successor at every turn
        torch.onnx.export(
            net.eval(), example, str(target), dynamo=False, opset_version=OPSET, input_names=list(signature.inputs),
            output_names=list(signature.outputs), dynamic_axes={name: dict(signature.free) for name in names},
        )  # fmt: skip
    return keep(onnx.load(target), target)


def keep(graph: Any, target: Path) -> str:
    """Write a graph without what tools tell about this machine; returns the file's sha256."""
    import onnx

    strip(graph)
    onnx.checker.check_model(graph)
    content = graph.SerializeToString(deterministic=True)
    target.write_bytes(content)
    return hashlib.sha256(content).hexdigest()


def strip(model: Any) -> None:
    """Remove traces, texts and paths that exporters leave."""
    model.doc_string = ""
    del model.metadata_props[:]
    graph = model.graph
    del graph.metadata_props[:]
    graph.doc_string = ""
    for part in (*graph.node, *graph.input, *graph.output, *graph.initializer, *graph.value_info):
        del part.metadata_props[:]
        part.doc_string = ""


def _libraries() -> tuple[Any, Any]:
    try:
        import onnx
        import torch
    except ImportError as missing:
        raise ExtraMissing(missing.name or "torch") from missing
    return onnx, torch
