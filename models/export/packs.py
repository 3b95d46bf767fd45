"""A system's networks to a whole pack: both graphs proven against torch, the card with their hashes."""

import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.card import CARD_FILE, Card
from models.errors import ReaderMisused
from models.export.graph import scan_signature, write_graph
from models.export.parity import check_scan
from models.export.slices import export
from models.export.variants import FP32, Images, shrink_and_measure
from models.seeds.cards import Told, as_toml, card_table

if TYPE_CHECKING:
    from models.seeds.registry import Nets

READER, SEQUENCE = "reader.onnx", "sequence.onnx"
Say = Callable[[str], None]


def write_pack(nets: "Nets", told: Told, folder: Path, say: Say = lambda line: None) -> Card:
    """Write, prove and describe; the card is loaded again from what was written."""
    if told.smoothed and len(nets.system.findings) > 1:
        raise ReaderMisused(told.name, "tells several findings apart, so no one smoothed map: leave --smoothed out")
    folder.mkdir(parents=True, exist_ok=True)
    table = card_table(nets.system, nets.size, told)
    channels = len(table["preprocess"]["windows"]) * (2 * table["preprocess"]["neighbours"] + 1)
    bench = nets.bench(told.temperature, weighted=told.smoothed)
    table["sha256"] = export(bench, nets.size, folder / READER, channels, weighted=told.smoothed)
    say(_written(folder / READER))
    if nets.scan is not None:
        digest = write_scan(nets, folder / SEQUENCE)
        table["sequence"] = {"weights": SEQUENCE, "sha256": digest, "inputs": list(nets.scan.inputs)}
        say(_written(folder / SEQUENCE))
    return _describe(folder, table)


def copy_pack(card: Card, folder: Path) -> Card:
    """All that a pack consists of, in a folder of its own."""
    if folder.resolve() == card.folder.resolve():
        raise ReaderMisused(card.name, f"lies in {folder} itself: name another folder")
    folder.mkdir(parents=True, exist_ok=True)
    for name in (CARD_FILE, card.weights, *([card.sequence.weights] if card.sequence else [])):
        shutil.copy(card.folder / name, folder / name)
    return Card.load(folder)


def shrink_pack(card: Card, precision: str, images: Images, say: Say = lambda line: None) -> Card:
    """Put a smaller slice graph into a pack; the card says what it lost. A sequence stage stays as it is."""
    if precision == FP32:
        return card
    any_at = card.label_index("any"), card.slice_threshold
    digest, loss = shrink_and_measure(card.weights_path, precision, images, any_at)
    size = card.weights_path.stat().st_size / 1e6
    say(f"{card.weights} in {precision}: {size:.1f} MB, {loss.slices} other slices differ by {loss.max_difference:.4f}")
    table = tomllib.loads((card.folder / CARD_FILE).read_text("utf-8"))
    table |= {"sha256": digest, "version": f"{card.version}-{precision}"}
    table["metrics"] = {**table["metrics"], **loss.metrics()}
    return _describe(card.folder, table)


def write_scan(nets: "Nets", target: Path) -> str:
    """The sequence stage of a system that has one; returns the sha256."""
    import torch

    assert nets.scan is not None
    labels, example = len(nets.system.findings), 9
    shapes = {
        "features": (1, example, nets.feature_width),
        "probabilities": (1, example, labels),
        "spacing": (1, example),
    }
    given = tuple(torch.rand(shapes[name]) for name in nets.scan.inputs)
    digest = write_graph(nets.scan, given, scan_signature(nets.scan.inputs), target)
    check_scan(nets.scan, target, nets.feature_width, labels)
    return digest


def _describe(folder: Path, table: dict[str, Any]) -> Card:
    (folder / CARD_FILE).write_text(as_toml(table), "utf-8")
    return Card.load(folder)


def _written(path: Path) -> str:
    return f"{path.name}: {path.stat().st_size / 1e6:.1f} MB, says what torch says"
