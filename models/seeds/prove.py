"""All four systems in full size, with random weights, through the whole export: does ONNX Runtime say what torch says?

python -m models.seeds.prove --out /tmp/proof [--system burduja] [--threads 2]

Research use only, not for diagnosis; the packs that this leaves have read nothing.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from models.card import Card
from models.export.packs import READER, SEQUENCE, write_pack
from models.export.parity import check_parity, check_scan, onnx_says
from models.reader import Reader, load
from models.reading import SliceInput
from models.seeds.awake import pictures, settle, wake
from models.seeds.bench import grad_cam, same_side
from models.seeds.cards import Told
from models.seeds.registry import Config, Nets, build

#: name in the table, system, what differs from the published one
CASES = (
    ("effclass", "effclass", Config()),
    ("burduja", "burduja", Config()),
    ("wang-windows, joint", "wang-windows", Config()),
    ("wang-slices, joint", "wang-slices", Config()),
    ("wang-slices, chains", "wang-slices", Config(chains=True)),
    ("saraswathi", "saraswathi", Config()),
)
HEADINGS = ("system", "input", "features", "map", "parameters", "of which scan", "MB", "ms/slice", "ms/scan of 40",
            "probabilities", "map vs torch", "map vs autograd", "refined")  # fmt: skip
ROUNDS, SCAN = 5, 40


@dataclass(frozen=True)
class Case:
    """One system on the bench."""

    name: str
    nets: Nets
    card: Card
    reader: Reader


def prove(name: str, system: str, config: Config, folder: Path, threads: int) -> list[str]:
    """Build, wake, export, open and measure one system; a row of the table."""
    torch.manual_seed(3)
    nets = build(system, config)
    for net in nets.members:
        wake(net)
        settle(net, pictures(nets.size))
    if nets.scan:
        wake(nets.scan)
    card = write_pack(nets, Told(f"random-{system}"), folder)
    case = Case(name, nets, card, load(card, "cpu", threads))
    return [name, *_shapes(case), *_sizes(case), *_speed(case), *_parity(case)]


def _shapes(case: Case) -> list[str]:
    with torch.inference_mode():
        _, features, cam = case.nets.bench()(pictures(case.nets.size, 1))
    channels = case.card.preprocess.channels
    return [f"{channels}x{case.nets.size}^2", str(features.shape[1]), "x".join(map(str, cam.shape[1:]))]


def _sizes(case: Case) -> list[str]:
    every = {name: sum(one.numel() for one in net.parameters()) for name, net in case.nets.modules().items()}
    megabytes = [path.stat().st_size / 1e6 for path in sorted(case.card.folder.glob("*.onnx"))]
    return [f"{sum(every.values()):,}", f"{every.get('scan', 0):,}", " + ".join(f"{one:.1f}" for one in megabytes)]


def _speed(case: Case) -> list[str]:
    hu = np.random.default_rng(0).normal(30, 20, (512, 512)).astype(np.float32)
    one = SliceInput(hu, 0.45, 0.45)
    per_slice = quickest(lambda: case.reader.read([one], [(one, one)]))
    if case.nets.scan is None:
        return [f"{per_slice:.0f}", "-"]
    table = np.full((SCAN, len(case.card.labels)), 0.5, np.float32)
    vectors = np.random.default_rng(1).random((SCAN, case.nets.feature_width), np.float32)
    per_scan = quickest(lambda: case.reader.refine(vectors, table, np.arange(SCAN) * 5.0))
    return [f"{per_slice:.0f}", f"{per_scan:.1f}"]


def quickest(work: Callable[[], object]) -> float:
    """Milliseconds of the quickest of some rounds: the others measure the neighbours."""
    work()
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return 1000 * min(times)


def _parity(case: Case) -> list[str]:
    nets, folder = case.nets, case.card.folder
    slices = check_parity(nets.bench(), folder / READER, nets.size, case.card.preprocess.channels)
    told = [slices["probabilities"], slices["cam"], _against_autograd(nets, folder / READER)]
    if nets.scan:
        told.append(check_scan(nets.scan, folder / SEQUENCE, nets.feature_width, len(case.card.labels))["refined"])
    return [f"{one:.1e}" for one in told] + ["-"] * (nets.scan is None)


def _against_autograd(nets: Nets, graph: Path) -> float:
    """Largest difference of a Grad-CAM over all findings, in units of its largest value where that is above 1."""
    given = pictures(nets.size, 1)
    cam = onnx_says(graph, {"images": given.numpy()})["cam"][0]
    rows = range(1, 2) if len(nets.system.findings) == 1 else range(len(nets.system.findings))
    worst = 0.0
    for column, row in enumerate(rows):
        expected = mean_map(nets, given, row).numpy() / cam[column].size
        scale = max(1.0, float(expected.max()))
        worst = max(worst, float(np.abs(cam[column] / cam[column].size - expected).max()) / scale)
    return worst


def mean_map(nets: Nets, given: Tensor, row: int) -> Tensor:
    """Members' Grad-CAM times their positions, brought to one size and averaged: [h, w]."""
    maps = [grad_cam(net, given, row)[:, None] for net in nets.members]
    scaled = [one * one.shape[2] * one.shape[3] for one in maps]
    return torch.stack(same_side(scaled)).mean(0)[0, 0]


def table(rows: Sequence[Sequence[str]]) -> str:
    """Markdown."""
    lines = [HEADINGS, ["---"] * len(HEADINGS), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--system", choices=sorted({system for _, system, _ in CASES}))
    parser.add_argument("--threads", type=int, default=2)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    rows = []
    for name, system, config in CASES:
        if asked.system in (None, system):
            rows.append(prove(name, system, config, asked.out / name.replace(", ", "-"), asked.threads))
            print(" | ".join(rows[-1]), flush=True)
    print(table(rows))


if __name__ == "__main__":
    main()
