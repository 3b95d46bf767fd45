"""The one training loop: seeded per step, curve line by line, checkpoints replaced whole, resumed to the same curve.

Nothing random lives between steps: weights and optimiser come from the checkpoint, the data of a step and its dropout
from (seed, stage, step). So a run that was killed and goes on writes the curve of one that was not.
"""

import csv
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from models.datasets.nouns import Say
from models.train.systems.recipes import Optimiser, Rate

COLUMNS = ("stage", "epoch", "step", "rate", "loss", "validation_loss", "validation_accuracy", "validation_auc")
Figures = Mapping[str, float]
EVERY_SECONDS = 30.0


class Stage(Protocol):
    """What is trained: a network with its data."""

    name: str
    optimiser: Optimiser
    epochs: int
    per_epoch: int  #: steps
    best: str  #: loss, accuracy or last

    @property
    def net(self) -> nn.Module:
        """What learns."""

    def batches(self, first: int, last: int) -> Iterator[Any]:
        """The data of steps first..last - 1."""

    def loss(self, batch: Any) -> Tensor:
        """What is to become less."""

    def look(self) -> Figures:
        """loss, accuracy and auc on the validation part."""


@dataclass(frozen=True)
class Track:
    """Where and how a stage runs."""

    folder: Path  #: of its checkpoints
    curve: Path
    seed: int
    device: str
    precision: str
    report: int
    keep: int
    most: int | None = None  #: steps


def make_optimiser(net: nn.Module, wish: Optimiser) -> torch.optim.Optimizer:
    """As the recipe says."""
    rest = [each for each in net.parameters() if each.requires_grad]
    if wish.kind == "sgd":
        return torch.optim.SGD(rest, wish.rate.peak, wish.momentum, weight_decay=wish.decay)
    if wish.kind == "adamw":
        return torch.optim.AdamW(rest, wish.rate.peak, weight_decay=wish.decay)
    return torch.optim.Adam(rest, wish.rate.peak, weight_decay=wish.decay)


def rate_at(rate: Rate, epoch: float) -> float:
    """Learning rate at a broken epoch."""
    if rate.kind == "steps":
        return float(rate.peak * rate.factor ** sum(epoch >= at for at in rate.at))
    if epoch < rate.start:
        return rate.peak
    turn = (epoch - rate.start) % rate.period / rate.period
    return float(rate.low + (rate.peak - rate.low) * (1 + torch.cos(torch.tensor(torch.pi * turn)).item()) / 2)


class Run:
    """One stage on its way: what a checkpoint holds."""

    def __init__(self, stage: Stage, track: Track) -> None:
        self.stage, self.track = stage, track
        self.optimiser = make_optimiser(stage.net, stage.optimiser)
        whole = stage.epochs * stage.per_epoch
        self.last = whole if track.most is None else min(whole, track.most)
        self.first, self.merit = 0, float("inf")
        self.pending: list[float] = []
        self.latest = float("nan")

    @property
    def path(self) -> Path:
        """The checkpoint that the stage goes on from."""
        return self.track.folder / f"checkpoint-{self.stage.name}.pt"

    @property
    def best_path(self) -> Path:
        """The weights that the stage ends with."""
        return self.track.folder / f"best-{self.stage.name}.pt"

    def resume(self) -> None:
        """Take up a checkpoint and drop the lines of the curve that came after it."""
        if self.path.exists():
            kept = torch.load(self.path, weights_only=True, map_location=self.track.device)
            self.stage.net.load_state_dict(kept["net"])
            self.optimiser.load_state_dict(kept["optimiser"])
            self.first, self.merit, self.pending = int(kept["step"]), float(kept["merit"]), list(kept["pending"])
        cut(self.track.curve, self.stage.name, self.first)

    def keep(self, step: int) -> None:
        """Write the checkpoint after so many steps."""
        state = {
            "net": self.stage.net.state_dict(), "optimiser": self.optimiser.state_dict(), "step": step,
            "merit": self.merit, "pending": self.pending,
        }  # fmt: skip
        save(state, self.path)

    def learn(self, step: int, batch: Any) -> None:
        """One step."""
        torch.manual_seed(zlib.crc32(f"{self.track.seed}/{self.stage.name}/{step}".encode()))
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate(step)
        with precise(self.track):
            loss = self.stage.loss(batch)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]  # torch stub
        self.optimiser.step()
        self.latest = float(loss.item())
        self.pending.append(self.latest)

    def rate(self, step: int) -> float:
        """Learning rate of a step."""
        return rate_at(self.stage.optimiser.rate, step / self.stage.per_epoch)

    def close_epoch(self) -> Figures:
        """Judge, and keep the weights if they are the best so far."""
        figures = self.stage.look()
        merit = {"loss": figures["loss"], "accuracy": -figures["accuracy"], "last": -float("inf")}[self.stage.best]
        if merit < self.merit or self.stage.best == "last" or not self.best_path.exists():
            self.merit = merit
            save(self.stage.net.state_dict(), self.best_path)
        return figures

    def note(self, done: int, figures: Figures) -> None:
        """One line of the curve."""
        epoch = done / self.stage.per_epoch
        loss = sum(self.pending) / len(self.pending)
        self.pending = []
        judged = (f"{figures[name]:.6f}" if name in figures else "" for name in ("loss", "accuracy", "auc"))
        line = [self.stage.name, f"{epoch:.4f}", done, f"{self.rate(done - 1):.3g}", f"{loss:.6f}", *judged]
        with self.track.curve.open("a", newline="", encoding="utf-8") as file:
            csv.writer(file).writerow(line)


class Teller:
    """A line every EVERY_SECONDS: how far, how fast, how long still."""

    def __init__(self, run: Run, say: Say) -> None:
        self.run, self.say = run, say
        self.began = self.told = time.monotonic()

    def step(self, done: int) -> None:
        """One more step is done."""
        now = time.monotonic()
        if now - self.told < EVERY_SECONDS:
            return
        self.told = now
        pace = (done - self.run.first) / (now - self.began)
        left = (self.run.last - done) / pace / 60
        name, loss = self.run.stage.name, self.run.latest
        self.say(f"{name}: step {done}/{self.run.last}, loss {loss:.4f}, {pace:.2f} steps/s, {left:.0f} min left")


def fit(stage: Stage, track: Track, say: Say) -> None:
    """Run a stage to its end, from the start or from where it was stopped; the best weights are in it afterwards."""
    track.folder.mkdir(parents=True, exist_ok=True)
    stage.net.to(track.device)
    run = Run(stage, track)
    run.resume()
    if run.first:
        say(f"{stage.name}: goes on after step {run.first}")
    teller = Teller(run, say)
    for step, batch in enumerate(stage.batches(run.first, run.last), run.first):
        stage.net.train()
        run.learn(step, batch)
        done = step + 1
        closes = done % stage.per_epoch == 0 or done == run.last
        figures = run.close_epoch() if closes else {}
        if closes or done % track.report == 0:
            run.note(done, figures)
        if closes or done % track.keep == 0:
            run.keep(done)
        if closes:
            say(_told(stage, done, run.last, figures))
        teller.step(done)
    stage.net.load_state_dict(torch.load(run.best_path, weights_only=True, map_location=track.device))
    stage.net.eval()


def _told(stage: Stage, done: int, last: int, figures: Figures) -> str:
    seen = ", ".join(f"{name} {value:.4f}" for name, value in figures.items())
    return f"{stage.name}: step {done}/{last}, validation {seen}"


def precise(track: Track) -> AbstractContextManager[Any]:
    """Mixed precision where the device is built for it."""
    if track.precision == "fp32" or not has_bf16(track.device):
        return nullcontext()
    return torch.autocast(track.device, torch.bfloat16)


def has_bf16(device: str) -> bool:
    """Whether bfloat16 gains anything here."""
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    return bool(torch.cpu._is_avx512_bf16_supported())


def save(state: Any, path: Path) -> None:
    """Whole or not at all."""
    fresh = path.with_suffix(".new")
    torch.save(state, fresh)
    fresh.replace(path)


def cut(curve: Path, stage: str, step: int) -> None:
    """Leave the lines of a stage up to a step, and every line of other stages; start the file if there is none."""
    lines = list(csv.reader(curve.read_text("utf-8").splitlines())) if curve.exists() else []
    kept = [one for one in lines[1:] if len(one) == len(COLUMNS) and not (one[0] == stage and int(one[2]) > step)]
    fresh = curve.with_suffix(".new")
    with fresh.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([COLUMNS, *kept])
    fresh.replace(curve)
