"""Does ONNX Runtime say what torch says? A graph that does not is refused."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.errors import PackGraphMismatch
from models.sections import REFINED

Arrays = list[NDArray[np.float32]]
#: probabilities as they are; the others in units of their largest value where that is above 1, and such maps as
#: Grad-CAM has them, which is what the graph gives over the number of positions
TOLERANCE = {"probabilities": 1e-4, "features": 1e-3, "cam": 1e-4, "weighted": 1e-3, REFINED: 1e-4}
PLAIN = ("probabilities", REFINED)
SLICE_OUTPUTS = tuple(name for name in TOLERANCE if name != REFINED)
BATCHES, LENGTHS = (1, 3), (1, 2, 17, 40)


def check_parity(bench: Any, target: Path, size: int, channels: int = 3) -> dict[str, float]:
    """Largest difference per output of a slice graph, over batches of several sizes."""
    worst: dict[str, float] = {}
    for count in BATCHES:
        images = soft_shapes((count, channels), size)
        _note(worst, torch_says(bench, [images]), onnx_says(target, {"images": images}))
    return _within(worst, target)


def soft_shapes(shape: tuple[int, int], size: int) -> NDArray[np.float32]:
    """[count, channels, size, size] in -1..1; white noise would drive a network where no picture ever does."""
    coarse = np.random.default_rng(shape[0]).normal(0, 0.7, (*shape, 8, 8))
    hats = np.clip(1 - np.abs(np.linspace(0, 7, size)[:, None] - np.arange(8)), 0, None)
    return np.asarray((hats @ coarse @ hats.T).clip(-1, 1), np.float32)


def check_scan(scan: Any, target: Path, width: int, labels: int) -> dict[str, float]:
    """Largest difference of a sequence graph, over scans of several lengths."""
    worst: dict[str, float] = {}
    for length in LENGTHS:
        rng = np.random.default_rng(length)
        every = {
            "features": rng.uniform(0, 1, (1, length, width)).astype(np.float32),
            "probabilities": rng.uniform(0, 1, (1, length, labels)).astype(np.float32),
            "spacing": np.full((1, length), 5, np.float32),
        }
        feeds = {name: every[name] for name in scan.inputs}
        _note(worst, torch_says(scan, list(feeds.values()), (REFINED,)), onnx_says(target, feeds))
    return _within(worst, target)


def torch_says(
    net: Callable[..., Any], given: Arrays, names: Sequence[str] = SLICE_OUTPUTS
) -> dict[str, NDArray[np.float32]]:
    """Outputs by name."""
    import torch

    with torch.inference_mode():
        made = net(*(torch.from_numpy(one) for one in given))
    parts = made if isinstance(made, tuple) else (made,)
    return {name: one.numpy() for name, one in zip(names, parts, strict=False)}


def onnx_says(target: Path, feeds: Mapping[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
    """Outputs by name."""
    from onnxruntime import InferenceSession

    session = InferenceSession(str(target), providers=["CPUExecutionProvider"])
    return dict(zip([one.name for one in session.get_outputs()], session.run(None, dict(feeds)), strict=True))


def _note(worst: dict[str, float], ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> None:
    for name, one in ours.items():
        peak = 1.0 if name in PLAIN else float(np.abs(one).max())
        parts = one.shape[2] * one.shape[3] if name == "cam" and peak > 1 else 1
        scale = max(1.0, peak / parts)
        worst[name] = max(worst.get(name, 0.0), float(np.abs(one - theirs[name]).max()) / parts / scale)


def _within(worst: dict[str, float], target: Path) -> dict[str, float]:
    for name, difference in worst.items():
        if not difference <= TOLERANCE[name]:
            raise PackGraphMismatch(target.name, f"output '{name}' differs from torch by {difference:.2e}")
    return worst
