"""Checkpoint to pack: ONNX with probabilities, features and cam, stripped of local paths, checked against torch.

python -m models.export --checkpoint runs/first/checkpoint.pt --pack models/packs/default
"""

import argparse
import hashlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from models.errors import ExtraMissing, PackGraphMismatch

if TYPE_CHECKING:
    from models.classify.bench import SliceBench

OUTPUTS = ("probabilities", "features", "cam")
OPSET = 18
TOLERANCE = {"probabilities": 1e-4, "features": 1e-3, "cam": 1e-3}


def open_checkpoint(path: Path, labels: int, temperature: float) -> "SliceBench":
    """A trained net in its bench, ready to run."""
    try:
        import torch
    except ImportError as missing:
        raise ExtraMissing("torch") from missing
    from models.classify.bench import SliceBench
    from models.classify.net import SliceNet

    net = SliceNet(labels)
    kept = torch.load(path, weights_only=True)
    net.load_state_dict(kept.get("average", kept["net"]))
    return SliceBench(net, temperature).eval()


def export(bench: "SliceBench", size: int, target: Path) -> str:
    """Write the graph; returns its sha256."""
    import onnx
    import torch

    example = torch.zeros(2, 3, size, size)
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "raw.onnx"
        torch.onnx.export(
            bench, (example,), raw, input_names=["images"], output_names=list(OUTPUTS), dynamo=True, verbose=False,
            dynamic_shapes=({0: torch.export.Dim("batch", min=1, max=1024)},), external_data=False, opset_version=OPSET,
        )  # fmt: skip
        graph = onnx.load(raw)
    _strip(graph)
    onnx.checker.check_model(graph)
    target.write_bytes(graph.SerializeToString(deterministic=True))
    check_parity(bench, target, size)
    return hashlib.sha256(target.read_bytes()).hexdigest()


def _strip(model: Any) -> None:
    """Remove what the exporter tells about this machine: stack traces with absolute paths."""
    model.doc_string = ""
    del model.metadata_props[:]
    graph = model.graph
    del graph.metadata_props[:]
    graph.doc_string = ""
    for part in (*graph.node, *graph.input, *graph.output, *graph.initializer, *graph.value_info):
        del part.metadata_props[:]
        part.doc_string = ""


def check_parity(bench: "SliceBench", target: Path, size: int) -> dict[str, float]:
    """Largest difference between torch and ONNX Runtime per output, over batches of 1, 3 and 8."""
    worst = dict.fromkeys(OUTPUTS, 0.0)
    for count in (1, 3, 8):
        images = np.random.default_rng(count).uniform(-1, 1, (count, 3, size, size)).astype(np.float32)
        for name, ours, theirs in zip(OUTPUTS, *_both(bench, target, images), strict=True):
            scale = max(1.0, float(np.abs(ours).max()))
            worst[name] = max(worst[name], float(np.abs(ours - theirs).max()) / scale)
    for name, difference in worst.items():
        if difference > TOLERANCE[name]:
            raise PackGraphMismatch(target.name, f"output '{name}' differs from torch by {difference:.2e}")
    return worst


def _both(
    bench: "SliceBench", target: Path, images: NDArray[np.float32]
) -> tuple[list[NDArray[np.float32]], list[NDArray[np.float32]]]:
    import torch
    from onnxruntime import InferenceSession

    with torch.inference_mode():
        ours = [each.numpy() for each in bench(torch.from_numpy(images))]
    session = InferenceSession(str(target), providers=["CPUExecutionProvider"])
    return ours, session.run(list(OUTPUTS), {session.get_inputs()[0].name: images})


def main() -> None:
    """Command line: the card's sha256 is rewritten, everything else in it stays."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument(
        "--pack", type=Path, required=True, help="folder with card.toml; reader.onnx is written beside it"
    )
    asked = parser.parse_args()
    from models.card import CARD_FILE, Card

    card = Card.load(asked.pack)
    digest = export(
        open_checkpoint(asked.checkpoint, len(card.labels), card.temperature), card.preprocess.size, card.weights_path
    )
    text = (asked.pack / CARD_FILE).read_text("utf-8").replace(card.sha256, digest)
    (asked.pack / CARD_FILE).write_text(text, "utf-8")
    print(f"{card.weights_path.name} {card.weights_path.stat().st_size} bytes sha256 {digest}")


if __name__ == "__main__":
    main()
