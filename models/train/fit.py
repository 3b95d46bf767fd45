"""Train the slice network through one stage: seeded, resumable, one CSV line per report.

python -m models.train.fit --phantoms runs/a/phantoms --bent runs/a/bent --out runs/b --start-from old.pt
"""

import argparse
import csv
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
from threadpoolctl import threadpool_limits
from torch import Tensor
from torch.nn import functional as F

from models.classify.net import LocateNet
from models.train.compose import Drawn, Mix, Pool, Pools, batch
from models.train.data import LABELS, read
from models.train.hard import by_difficulty

DECAY, WHERE, SLOWNESS = 0.02, 10.0, 0.998  #: weight decay, weight of the cells, of the moving average
BLOODY, CLEAR = 0.4, 0.1  #: share of blood in a part of a cell from which the cell is positive, up to which negative
LABEL_WEIGHT = torch.tensor([2.0, 1, 1, 1, 1, 1])
CURVE = "curve.csv"
REPORT, KEEP = 25, 100  #: steps between CSV lines and checkpoints


@dataclass(frozen=True)
class Plan:
    """One stage of training."""

    out: Path
    steps: int
    peak_rate: float
    mix: Mix = field(default_factory=Mix)
    seed: int = 1
    threads: int = 1
    start_from: Path | None = None  #: checkpoint whose weights are taken, nothing else of it
    half: bool = False  #: bfloat16 where the processor has it; elsewhere it is many times slower


def fit(plan: Plan, pools: Pools, stop: int | None = None) -> Path:
    """Run or resume, to the plan's end or to step `stop`; returns the checkpoint."""
    torch.set_num_threads(plan.threads)
    threadpool_limits(1, "blas")  # the thread that draws batches must not take the learner's cores
    torch.manual_seed(plan.seed)
    plan.out.mkdir(parents=True, exist_ok=True)
    learner = Learner(plan)
    path = plan.out / "checkpoint.pt"
    first = learner.resume(path)
    _forget(plan.out / CURVE, first)
    base, last = plan.seed * 1_000_003, plan.steps if stop is None else stop
    for step, drawn in enumerate(batches(pools, plan, range(base + first, base + last)), first):
        loss = learner.learn(drawn)
        if step % REPORT == 0:
            _report(plan.out / CURVE, step, loss, float(learner.schedule.get_last_lr()[0]))
        if step % KEEP == KEEP - 1 or step == last - 1:
            learner.keep(path, step + 1)
    return path


def batches(pools: Pools, plan: Plan, seeds: range) -> Iterator[Drawn]:
    """One batch ahead in a thread, so that drawing and learning share the cores."""
    draw = partial(batch, pools, plan.mix)
    with ThreadPoolExecutor(1, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        ahead = pool.submit(draw, seeds[0]) if seeds else None
        for seed in seeds[1:]:
            assert ahead is not None
            ready, ahead = ahead, pool.submit(draw, seed)
            yield ready.result()
        if ahead:
            yield ahead.result()


def where_loss(cells: Tensor, blood: Tensor) -> Tensor:
    """Cross entropy over cells for `any` and each kind; the rare bloody ones count more, doubtful ones nothing."""
    share = F.adaptive_max_pool2d(torch.cat([blood.sum(1, keepdim=True), blood], 1), cells.shape[2])
    sure = ((share >= BLOODY) | (share <= CLEAR)).float()
    return F.binary_cross_entropy_with_logits(
        cells.float(), (share >= BLOODY).float(), sure, pos_weight=torch.tensor(5.0)
    )


class Learner:
    """Net, its slow average, optimiser and schedule: what a checkpoint holds."""

    def __init__(self, plan: Plan) -> None:
        self.net = LocateNet(len(LABELS))
        self.net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # stub lacks it
        if plan.start_from:
            self.net.take(torch.load(plan.start_from, weights_only=True)["net"])
        self.average = {name: value.clone() for name, value in self.net.state_dict().items()}
        self.optimiser = torch.optim.AdamW(self.net.parameters(), plan.peak_rate, weight_decay=DECAY)
        self.half = plan.half
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimiser, plan.peak_rate, total_steps=plan.steps + 1, pct_start=0.1
        )

    def learn(self, drawn: Drawn) -> float:
        """One step; returns the loss over slices."""
        with torch.autocast("cpu", torch.bfloat16, enabled=self.half):
            logits, cells, _ = self.net(drawn.images)
        targets = drawn.labels * 0.98 + 0.01
        each = F.binary_cross_entropy_with_logits(logits.float(), targets, LABEL_WEIGHT, reduction="none")
        slice_loss = (each * drawn.weights).mean()
        loss = slice_loss + WHERE * where_loss(cells, drawn.blood)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]  # torch stub
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 2.0)
        self.optimiser.step()
        self.schedule.step()
        for name, value in self.net.state_dict().items():
            kept = self.average[name]
            kept.copy_(kept.lerp(value, 1 - SLOWNESS) if value.is_floating_point() else value)
        return float(slice_loss.item())

    def resume(self, path: Path) -> int:
        """The step a checkpoint was written after; 0 without one."""
        if not path.exists():
            return 0
        kept = torch.load(path, weights_only=True)
        for name, part in self._parts().items():
            part.load_state_dict(kept[name])
        self.average = kept["average"]
        return int(kept["step"])

    def keep(self, path: Path, step: int) -> None:
        """Write a checkpoint so that a kill leaves the old one or the new one."""
        fresh = path.with_suffix(".new")
        state = {name: part.state_dict() for name, part in self._parts().items()}
        torch.save(state | {"average": self.average, "step": step}, fresh)
        fresh.replace(path)

    def _parts(self) -> dict[str, Any]:
        return {"net": self.net, "optimiser": self.optimiser, "schedule": self.schedule}


def _report(path: Path, step: int, loss: float, rate: float) -> None:
    with path.open("a", newline="") as file:
        csv.writer(file).writerow([step, f"{loss:.5f}", f"{rate:.6f}"])


def _forget(path: Path, first: int) -> None:
    """Drop what a killed run reported after its last checkpoint; it is reported again."""
    if path.exists():
        lines = path.read_text("utf-8").splitlines(keepends=True)
        path.write_text("".join(line for line in lines if int(line.partition(",")[0]) < first), "utf-8")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--phantoms", type=Path)
    parser.add_argument("--bent", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--start-from", type=Path)
    parser.add_argument("--peak-rate", type=float, default=1e-3)
    parser.add_argument("--half", action="store_true")
    parser.add_argument("--hard", action="store_true", help="draw by how hard --start-from finds the slices")
    parser.add_argument("--bent-share", type=float, default=0.5)
    parser.add_argument("--simple-share", type=float, default=0.125)
    for name, default in (("steps", 1000), ("seed", 1), ("threads", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    asked = vars(parser.parse_args())
    phantoms, bent = asked.pop("phantoms"), asked.pop("bent")
    hard, mix = asked.pop("hard"), Mix(asked.pop("bent_share"), asked.pop("simple_share"))
    pools = Pools(*(Pool.of(read(each)) if each else None for each in (phantoms, bent)))
    plan = Plan(**asked, mix=mix)
    if hard and plan.start_from is None:
        parser.error("--hard needs --start-from, the network that says what is hard")
    fit(plan, by_difficulty(pools, plan.start_from, plan.out / "odds") if hard and plan.start_from else pools)


if __name__ == "__main__":
    main()
