"""A system's networks to a whole pack: both graphs proven against torch, the card with their hashes."""

from pathlib import Path
from typing import TYPE_CHECKING

from models.card import CARD_FILE, Card
from models.export import export
from models.export.graph import scan_signature, write_graph
from models.export.parity import check_scan
from models.seeds.cards import Told, as_toml, card_table

if TYPE_CHECKING:
    from models.seeds.registry import Nets

READER, SEQUENCE = "reader.onnx", "sequence.onnx"


def write_pack(nets: "Nets", told: Told, folder: Path) -> Card:
    """Write, prove and describe; the card is loaded again from what was written."""
    folder.mkdir(parents=True, exist_ok=True)
    table = card_table(nets.system, nets.size, told)
    channels = len(nets.system.windows) * (2 * nets.system.neighbours + 1)
    bench = nets.bench(told.temperature, weighted=told.smoothed)
    table["sha256"] = export(bench, nets.size, folder / READER, channels, weighted=told.smoothed)
    if nets.scan is not None:
        digest = write_scan(nets, folder / SEQUENCE)
        table["sequence"] = {"weights": SEQUENCE, "sha256": digest, "inputs": list(nets.scan.inputs)}
    (folder / CARD_FILE).write_text(as_toml(table), "utf-8")
    return Card.load(folder)


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
