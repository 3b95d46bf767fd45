"""Train the slice network on phantoms: seeded, resumable, one CSV line per report.

python -m models.train.fit --out runs/first --patients 400 --steps 2500
"""

import argparse
import csv
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from models.classify.net import SliceNet
from models.preprocess import windowed
from models.train.augment import augment
from models.train.data import LABELS, SPEC, SliceSet, draw_set, read, save

Drawn = tuple[Tensor, Tensor, Tensor, Tensor]
BATCH, PEAK_LR, DECAY, WHERE = 32, 2e-3, 0.02, 3.0
LABEL_WEIGHT = torch.tensor([2.0, 1, 1, 1, 1, 1])
REPORT, KEEP = 25, 100  #: steps between CSV lines and checkpoints


@dataclass(frozen=True)
class Plan:
    """One training run."""

    out: Path
    steps: int
    seed: int
    patients: int
    workers: int
    threads: int


def fit(plan: Plan, stop: int | None = None) -> Path:
    """Run or resume, to the plan's end or to step `stop`; returns the checkpoint."""
    torch.set_num_threads(plan.threads)
    torch.manual_seed(plan.seed)
    plan.out.mkdir(parents=True, exist_ok=True)
    data = _data(plan)
    net = Pointer(SliceNet(len(LABELS)))
    net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # stub lacks it
    optimiser = torch.optim.AdamW(net.parameters(), PEAK_LR, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, PEAK_LR, total_steps=plan.steps + 1, pct_start=0.1)
    first = _resume(plan.out / "checkpoint.pt", net, optimiser, schedule)
    base, last = plan.seed * 1_000_003, plan.steps if stop is None else stop
    for step, drawn in enumerate(batches(data, range(base + first, base + last)), first):
        loss = _step(net, optimiser, drawn)
        schedule.step()
        if step % REPORT == 0:
            _report(plan.out / "curve.csv", step, loss, float(schedule.get_last_lr()[0]))
        if step % KEEP == KEEP - 1 or step == last - 1:
            _keep(plan.out / "checkpoint.pt", net, optimiser, schedule, step + 1)
    return plan.out / "checkpoint.pt"


def _data(plan: Plan) -> SliceSet:
    path = plan.out / "slices.npz"
    if not path.exists():
        save(draw_set(range(100_000, 100_000 + plan.patients), plan.workers), path)
    return read(path)


def pick(data: SliceSet, rng: np.random.Generator) -> NDArray[np.intp]:
    """Half of a batch bleeds, each kind as often as the others; calibration puts the prior right afterwards."""
    picked = rng.integers(len(data.hu), size=BATCH)
    for place in range(BATCH // 2):
        own = np.flatnonzero(data.labels[:, 1 + place % (len(LABELS) - 1)])
        if len(own):
            picked[place] = rng.choice(own)
    return picked


def batch(data: SliceSet, seed: int) -> Drawn:
    """Images, labels, slice weights and blood maps of one step; the seed alone decides them."""
    picked = pick(data, np.random.default_rng(seed))
    hu, blood = augment(
        torch.from_numpy(data.hu[picked].astype(np.float32)),
        torch.from_numpy(data.blood[picked].astype(np.float32) / 255),
        torch.Generator().manual_seed(seed),
    )
    images = torch.from_numpy(windowed(hu.numpy(), SPEC)).contiguous(memory_format=torch.channels_last)
    return images, torch.from_numpy(data.labels[picked]), torch.from_numpy(data.weight[picked]), blood


def batches(data: SliceSet, seeds: range) -> Iterator[Drawn]:
    """One batch ahead in a thread, so that drawing and learning share the cores."""
    with ThreadPoolExecutor(1, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        ahead = pool.submit(batch, data, seeds[0]) if seeds else None
        for seed in seeds[1:]:
            assert ahead is not None
            ready, ahead = ahead, pool.submit(batch, data, seed)
            yield ready.result()
        if ahead:
            yield ahead.result()


class Pointer(nn.Module):
    """Training only: says for each cell of the last map whether blood is there, and so teaches where to look."""

    def __init__(self, net: SliceNet) -> None:
        super().__init__()
        self.net = net
        self.where = nn.Conv2d(net.fc.in_features, len(LABELS), 1)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        activation = self.net.activation(images)
        return self.net.fc(activation.mean((2, 3))), self.where(activation)


def where_loss(cells: Tensor, labels: Tensor, blood: Tensor) -> Tensor:
    """Cross entropy over cells; the rare bloody ones count more."""
    share = F.adaptive_max_pool2d(blood[:, None], cells.shape[2])
    target = (share > 0.3).float() * labels[:, :, None, None]
    return F.binary_cross_entropy_with_logits(cells.float(), target, pos_weight=torch.tensor(6.0))


def _step(pointer: Pointer, optimiser: torch.optim.Optimizer, drawn: Drawn) -> float:
    images, labels, weight, blood = drawn
    with torch.autocast("cpu", torch.bfloat16):
        logits, cells = pointer(images)
    each = F.binary_cross_entropy_with_logits(logits.float(), labels * 0.98 + 0.01, LABEL_WEIGHT, reduction="none")
    slice_loss = (each.mean(1) * weight).mean()
    loss = slice_loss + WHERE * where_loss(cells, labels, blood)
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]  # torch stub
    torch.nn.utils.clip_grad_norm_(pointer.parameters(), 2.0)
    optimiser.step()
    return float(slice_loss.item())


def _resume(
    path: Path, net: Pointer, optimiser: torch.optim.Optimizer, schedule: torch.optim.lr_scheduler.OneCycleLR
) -> int:
    if not path.exists():
        return 0
    kept = torch.load(path, weights_only=True)
    net.net.load_state_dict(kept["net"])
    net.where.load_state_dict(kept["where"])
    optimiser.load_state_dict(kept["optimiser"])
    schedule.load_state_dict(kept["schedule"])
    return int(kept["step"])


def _keep(
    path: Path, net: Pointer, optimiser: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.OneCycleLR, step: int,
) -> None:  # fmt: skip
    fresh = path.with_suffix(".new")
    state = {
        "net": net.net.state_dict(),
        "where": net.where.state_dict(),
        "optimiser": optimiser.state_dict(),
        "schedule": schedule.state_dict(),
    }
    torch.save(state | {"step": step}, fresh)
    fresh.replace(path)


def _report(path: Path, step: int, loss: float, rate: float) -> None:
    with path.open("a", newline="") as file:
        csv.writer(file).writerow([step, f"{loss:.5f}", f"{rate:.6f}", f"{time.time():.0f}"])


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    for name, default in (("steps", 2500), ("seed", 1), ("patients", 400), ("workers", 2), ("threads", 2)):
        parser.add_argument(f"--{name}", type=int, default=default)
    fit(Plan(**vars(parser.parse_args())))


if __name__ == "__main__":
    main()
