"""Small packs of the four published systems, written by the real export: random weights, every part of them awake."""

from __future__ import annotations

import copy
import fcntl
import functools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from models import SliceInput

NARROW = {"layers": (1, 1, 1, 1), "channels": (16, 16, 32, 32)}
SCAN = {"features": 64, "hidden": 16, "squeezed": 8, "gru": 6, "wide": 12, "narrow": 8}
#: what differs from the published systems; `wang` is the variant that reads three neighbouring slices
SMALL = {
    "effclass": {
        "detector": {
            "backbone_name": "test_efficientnet", "backbone_args": {}, "fpn_channels": 8, "fpn_cell_repeats": 1
        },
        "backbones": [{"name": "resnet18", "options": NARROW}],
    },
    "burduja": {
        "backbones": [{"name": "resnext50_32x4d", "options": NARROW}],
        "size": 64,
        "sequence": {"features": 10, "hidden": 12},
    },
    "wang-slices": {
        "backbones": [
            {"name": "densenet121", "options": {"growth_rate": 8, "block_config": (1, 1, 1, 1)}},
            {"name": "densenet121", "options": {"growth_rate": 8, "block_config": (1, 2, 1, 1)}},
            {"name": "resnet18", "options": NARROW},
        ],
        "size": 64,
        "sequence": SCAN,
    },
    "saraswathi": {"backbones": [{"name": "resnet50", "options": NARROW}], "size": 64},
}  # fmt: skip
KEYS = {"effclass": "effclass", "burduja": "burduja", "wang": "wang-slices", "saraswathi": "saraswathi"}


def small_nets(system: str, **changes):
    """Seeded networks of a system, fresh each time."""
    return copy.deepcopy(_small_nets(system, json.dumps(changes)))


@functools.cache
def _small_nets(system: str, changes: str):
    import torch

    from models.seeds.awake import pictures, settle, wake
    from models.seeds.registry import Config, build

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        small = SMALL.get(system, SMALL["wang-slices"])
        nets = build(system, Config.read({**small, **json.loads(changes)}))
        for net in nets.members:
            settle(wake(net), pictures(nets.size))
        if nets.scan:
            wake(nets.scan)
    return nets


def scan(count: int = 5) -> list[SliceInput]:
    """Soft shapes in the brain window."""
    rng = np.random.default_rng(4)
    return [
        SliceInput(np.kron(rng.normal(40, 10 + 10 * at, (8, 8)), np.ones((12, 12))).astype(np.float32), 2.0, 2.0)
        for at in range(count)
    ]


def beside(slices):
    """Above and below of each."""
    padded = [None, *slices, None]
    return [(padded[at + 2], padded[at]) for at in range(len(slices))]


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """One worker builds, the others wait."""
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def small_packs(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> dict[str, Path]:
    """Folders of the packs effclass, burduja, wang and saraswathi; built once for all workers of a run."""
    for library in ("torch", "onnx", "onnxruntime"):
        pytest.importorskip(library, reason=f"{library} is not installed: install the 'train' extra")
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if hasattr(request.config, "workerinput") else base) / "small-packs"
    shared.mkdir(exist_ok=True)
    folders = {key: shared / key for key in KEYS}
    with locked(shared / "lock"):
        for key, folder in folders.items():
            if not (folder / "card.toml").exists():
                _write(key, folder)
    return folders


def _write(key: str, folder: Path) -> None:
    import torch

    from models.export.packs import write_pack
    from models.seeds.cards import Told

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    write_pack(small_nets(KEYS[key]), Told(f"small-{key}"), folder)
    torch.set_num_threads(threads)
