"""The slice graph: written, and refused where ONNX Runtime says something else than torch."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.errors import ExtraMissing
from models.export.graph import slice_signature, write_graph
from models.export.parity import check_parity

if TYPE_CHECKING:
    from models.classify.bench import LocateBench


def open_checkpoint(path: Path, labels: int, temperature: float, *, mirror: bool = False) -> "LocateBench":
    """The bundled pack's net in its bench, ready to run."""
    try:
        import torch
    except ImportError as missing:
        raise ExtraMissing("torch") from missing
    from models.classify.bench import LocateBench
    from models.classify.net import LocateNet

    net = LocateNet(labels)
    kept = torch.load(path, weights_only=True)
    net.take(kept.get("average", kept["net"]))
    return LocateBench(net, temperature, mirror=mirror).eval()


def export(bench: Any, size: int, target: Path, channels: int = 3, *, weighted: bool = False) -> str:
    """Write and prove a slice graph: `bench` is anything with forward(x) -> (probabilities, features, cam).

    Returns the sha256 of the file.
    """
    import torch

    digest = write_graph(bench, (torch.zeros(2, channels, size, size),), slice_signature(weighted=weighted), target)
    check_parity(bench, target, size, channels)
    return digest
