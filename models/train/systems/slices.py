"""The slice stage: one network of a system learns from single slices, with the loss of its paper."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from models.datasets import LABELS
from models.errors import RunUnusable
from models.sections import Preprocess
from models.seeds.systems import SOFTMAX, System
from models.train.systems.draws import DRAWS, rng_of
from models.train.systems.judge import figures_of
from models.train.systems.loop import Figures
from models.train.systems.recipes import Augment, Recipe, SliceRecipe
from models.train.systems.shelf import Shelf, SliceTable, table_of
from models.train.systems.views import Look, augment

Batch = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Lesson:
    """What the slice networks of a run share."""

    system: System
    spec: Preprocess
    recipe: Recipe
    shelf: Shelf
    train: tuple[int, ...]
    validation: tuple[int, ...]
    seed: int
    device: str


def columns(system: System) -> list[int]:
    """Where a system's labels stand in the house order; of a two-logit head the finding alone."""
    return [LABELS.index(label) for label in system.findings]


def loss_of(system: System, logits: Tensor, labels: Tensor, weights: Sequence[float] = ()) -> Tensor:
    """Cross entropy of the paper's kind; labels [B, 6] in the house order, nan = not counted."""
    if system.head == SOFTMAX:
        return F.cross_entropy(logits.float(), labels[:, 0].long())
    return masked_bce(logits, labels[:, columns(system)], weights)


def masked_bce(logits: Tensor, target: Tensor, weights: Sequence[float] = ()) -> Tensor:
    """Mean binary cross entropy over what is known, times a weight per label; their sum counts as given."""
    known = torch.isfinite(target)
    each = F.binary_cross_entropy_with_logits(logits.float(), target.nan_to_num(0), reduction="none") * known
    if weights:
        each = each * torch.tensor(weights, device=each.device) * len(weights)
    return each.sum() / known.sum().clamp_min(1)


class Inputs(Dataset[Batch]):
    """Prepared batches by step; the step decides all that is random."""

    def __init__(self, lesson: Lesson, table: SliceTable, stage: str) -> None:
        self.lesson, self.table, self.stage = lesson, table, stage
        recipe = lesson.recipe.slice
        self.spec = training_spec(lesson.spec, recipe.augment)
        self.batch = min(recipe.batch, len(self.order(0)))
        self.per_epoch = max(1, len(self.order(0)) // self.batch)

    def order(self, epoch: int) -> NDArray[np.intp]:
        """Rows of the table in the order of an epoch; what was drawn once for all stays so."""
        return _order(self, epoch)

    def __getitem__(self, step: int) -> Batch:
        epoch, at = divmod(step, self.per_epoch)
        rows = self.order(epoch)[at * self.batch : (at + 1) * self.batch]
        shelf, table = self.lesson.shelf, self.table
        images = [shelf.image(int(table.case[row]), int(table.place[row]), self.spec) for row in rows]
        generator = torch.Generator().manual_seed(int(rng_of(self.lesson.seed, self.stage, step).integers(2**62)))
        views = augment(torch.from_numpy(np.stack(images)), self.recipe.augment, look_of(self.lesson.spec), generator)
        return views.contiguous(), torch.from_numpy(table.labels[rows])

    @property
    def recipe(self) -> SliceRecipe:
        """The slice stage's part of the recipe."""
        return self.lesson.recipe.slice


@lru_cache(maxsize=2)
def _order(inputs: Inputs, epoch: int) -> NDArray[np.intp]:
    lesson, recipe = inputs.lesson, inputs.recipe
    return DRAWS[recipe.draw](inputs.table, recipe.per_series, rng_of(lesson.seed, inputs.stage, epoch, 1))


def training_spec(spec: Preprocess, wish: Augment) -> Preprocess:
    """Where a random crop takes the place of the centre, the whole picture is prepared."""
    return replace(spec, centre=1.0, size=spec.through or spec.size) if wish.crop else spec


def look_of(spec: Preprocess) -> Look:
    """Black is what the lowest HU of a window becomes."""
    black = [
        -mean / sd
        for mean, sd in zip(*(_each(values, len(spec.windows)) for values in (spec.mean, spec.sd)), strict=True)
    ]
    return Look(spec.size, tuple(black) * (spec.channels // len(black)))


def _each(values: Sequence[float], count: int) -> list[float]:
    return list(values) if len(values) == count else list(values) * count


class SliceStage:
    """One network of the system on its way."""

    def __init__(self, lesson: Lesson, net: nn.Module, name: str) -> None:
        self.lesson, self.name = lesson, name
        self.net = net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # stub lacks it
        recipe = lesson.recipe.slice
        self.optimiser, self.epochs, self.best = recipe.optimiser, recipe.epochs, recipe.best
        self.inputs = Inputs(lesson, learnable(lesson), name)
        self.per_epoch = self.inputs.per_epoch
        self.judged = _thinned(table_of(lesson.shelf, lesson.validation), recipe.validate)

    def batches(self, first: int, last: int) -> Iterator[Batch]:
        """Prepared ahead by other processes where the recipe has workers."""
        workers = self.lesson.recipe.processes
        yield from DataLoader(self.inputs, batch_size=None, sampler=range(first, last), num_workers=workers)

    def loss(self, batch: Batch) -> Tensor:
        """The paper's loss."""
        images, labels = (each.to(self.lesson.device) for each in batch)
        logits = self.net(images.contiguous(memory_format=torch.channels_last))[0]
        return loss_of(self.lesson.system, logits, labels, self.lesson.recipe.slice.label_weights)

    def look(self) -> Figures:
        """On the validation part, without any random view."""
        self.net.eval()
        logits = np.concatenate([self._logits(at) for at in range(0, len(self.judged), 32)])
        system = self.lesson.system
        loss = loss_of(system, torch.from_numpy(logits), torch.from_numpy(self.judged.labels))
        any_at = system.findings.index("any")
        score = logits[:, 1] - logits[:, 0] if system.head == SOFTMAX else logits[:, any_at]
        return figures_of(float(loss), score, self.judged.labels[:, 0])

    @torch.no_grad()
    def _logits(self, start: int) -> NDArray[Any]:
        table, lesson = self.judged, self.lesson
        rows = range(start, min(start + 32, len(table)))
        images = [lesson.shelf.image(int(table.case[row]), int(table.place[row]), lesson.spec) for row in rows]
        given = torch.from_numpy(np.stack(images)).to(lesson.device, memory_format=torch.channels_last)
        return np.asarray(self.net(given)[0].float().cpu().numpy())


def learnable(lesson: Lesson) -> SliceTable:
    """The training slices; a part without a bleed, or with nothing else, teaches nothing."""
    table = table_of(lesson.shelf, lesson.train)
    bleeding = int((table.labels[:, 0] > 0.5).sum())
    if not 0 < bleeding < len(table):
        why = f"{bleeding} of {len(table)} labelled training slices have a bleed"
        raise RunUnusable(lesson.shelf.folder.parent, why, "slice networks need slice labels of both kinds")
    return table


def _thinned(table: SliceTable, most: int) -> SliceTable:
    """Evenly spaced rows when there are too many."""
    rows = np.unique(np.linspace(0, len(table) - 1, min(most, len(table))).round().astype(np.intp))
    return SliceTable(table.case[rows], table.place[rows], table.length[rows], table.labels[rows])
