"""The scan stage: what Burduja's BiLSTM and Wang's sequence model learn from whole series of slice features."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.seeds.burduja import ScanReader, as_linear
from models.seeds.features import Reduction, largest_sd, largest_weight, pca, selection, smallest_weight
from models.seeds.registry import Nets
from models.seeds.wang import BothWays, SequenceModel, WangScan, same_width
from models.sequence import spacing
from models.train.systems.draws import rng_of, scan_window
from models.train.systems.features import ScanFeatures
from models.train.systems.judge import figures_of, logit
from models.train.systems.loop import Figures
from models.train.systems.recipes import ScanRecipe
from models.train.systems.slices import columns, masked_bce

Feed = dict[str, Tensor]  #: one series or crop: features [T, F], probabilities [T, K], spacing [T], labels [T, K]


@dataclass(frozen=True)
class Course:
    """What a scan stage learns from."""

    nets: Nets
    recipe: ScanRecipe
    train: Sequence[ScanFeatures]
    validation: Sequence[ScanFeatures]
    seed: int
    device: str


class ScanStage:
    """The sequence network on its way."""

    name = "scan"

    def __init__(self, course: Course) -> None:
        assert course.nets.scan is not None
        self.course, self.net = course, course.nets.scan
        recipe = course.recipe
        self.optimiser, self.epochs, self.best = recipe.optimiser, recipe.epochs, "loss"
        self.batch = min(recipe.batch, len(course.train))
        self.per_epoch = len(course.train) // self.batch
        self.labels = columns(course.nets.system)

    def batches(self, first: int, last: int) -> Iterator[list[Feed]]:
        """Series in the order of their epoch, cropped, thinned and turned as drawn."""
        for step in range(first, last):
            epoch, at = divmod(step, self.per_epoch)
            order = rng_of(self.course.seed, self.name, epoch, 1).permutation(len(self.course.train))
            rng = rng_of(self.course.seed, self.name, step, 2)
            chosen = order[at * self.batch : (at + 1) * self.batch]
            yield [self._drawn(self.course.train[which], rng) for which in chosen]

    def _drawn(self, scan: ScanFeatures, rng: np.random.Generator) -> Feed:
        recipe = self.course.recipe
        kept = scan_window(len(scan), recipe.crop, recipe.thin_out, rng)
        feed = self.feed(scan, kept)
        if recipe.reverse and rng.random() < recipe.reverse:
            feed = {name: table.flip(0) for name, table in feed.items()}
        return {name: padded(table, recipe.crop) for name, table in feed.items()} if recipe.crop else feed

    def feed(self, scan: ScanFeatures, kept: NDArray[np.intp]) -> Feed:
        """Some slices of a series; spacing is that between the slices that are left."""
        tables = {
            "features": scan.features[kept].astype(np.float32), "probabilities": scan.probabilities[kept],
            "spacing": spacing(scan.positions[kept]), "labels": scan.labels[kept][:, self.labels],
        }  # fmt: skip
        return {name: torch.from_numpy(table).to(self.course.device) for name, table in tables.items()}

    def loss(self, batch: list[Feed]) -> Tensor:
        """The mean over series, or over one stack of equal crops."""
        weights = self.course.recipe.label_weights
        if isinstance(self.net, ScanReader):
            return torch.stack([self._of_lstm(self.net, feed) for feed in batch]).mean()
        stacked = {name: torch.stack([feed[name] for feed in batch]) for name in batch[0]}
        return torch.stack(
            [masked_bce(logits, stacked["labels"], weights) for logits in wang_logits(self.net, stacked)]
        ).sum()

    def _of_lstm(self, net: ScanReader, feed: Feed) -> Tensor:
        logits = net.stage(net.reduce(feed["features"][None]), feed["probabilities"][None])
        return masked_bce(logits, feed["labels"][None], self.course.recipe.label_weights)

    def look(self) -> Figures:
        """Whole series, as served."""
        self.net.eval()
        made = [self.read(scan) for scan in self.course.validation]
        logits, truth = logit(np.concatenate(made)), np.concatenate([scan.labels for scan in self.course.validation])
        loss = masked_bce(torch.from_numpy(logits), torch.from_numpy(truth[:, self.labels]))
        any_at = self.course.nets.system.findings.index("any")
        return figures_of(float(loss), logits[:, any_at], truth[:, 0])

    @torch.no_grad()
    def read(self, scan: ScanFeatures) -> NDArray[np.float32]:
        """[T, K] probabilities of a series."""
        feed = self.feed(scan, np.arange(len(scan)))
        made = self.net(*(feed[name][None] for name in self.net.inputs))[0]
        return np.asarray(made.cpu().numpy(), np.float32)


def padded(table: Tensor, length: int) -> Tensor:
    """Filled with zeros up to a length; what is filled in counts as slices without a finding, as published."""
    missing = length - len(table)
    if missing <= 0:
        return table
    return torch.cat([table, table.new_zeros((missing, *table.shape[1:]))])


def wang_logits(net: WangScan, feed: Mapping[str, Tensor]) -> list[Tensor]:
    """Logits [B, T, 6] of both sequence models of every chain."""
    features, single = feed["features"], feed["probabilities"]
    *vectors, sets = torch.split(features, [*net.widths, features.shape[2] - sum(net.widths)], 2)
    chosen = single if len(net.widths) == 1 else sets
    members = chosen.reshape(*chosen.shape[:2], len(net.widths), single.shape[2])
    table, found = same_width(vectors, net.padded), []
    chains = chains_of(net)
    for place, chain in enumerate(chains):
        own = slice(None) if len(chains) == 1 else slice(place, place + 1)
        found += chain(table[:, :, own], members[:, :, own], feed["spacing"])
    return found


def chains_of(net: WangScan) -> list[SequenceModel]:
    """The joint model, or one per backbone."""
    readers = [net.reader] if isinstance(net.reader, BothWays) else list(net.reader.chains)
    return [cast(BothWays, reader).model for reader in readers]


def fit_reduction(course: Course) -> None:
    """Burduja: from the slice network's features to the few that the BiLSTM reads."""
    net, wish = course.nets.scan, course.recipe.reduction
    if not isinstance(net, ScanReader):
        return
    kept = int(net.reduce.weight.shape[0])
    table = np.concatenate([scan.features for scan in course.train]).astype(np.float64)
    rows = rng_of(course.seed, "reduction").permutation(len(table))[: course.recipe.fitted_on]
    fitted = reduce_by(wish, table[np.sort(rows)], course.nets.members[0].fc, kept)
    net.reduce.load_state_dict(as_linear(fitted).state_dict())


def reduce_by(wish: str, table: NDArray[np.float64], head: nn.Linear, kept: int) -> Reduction:
    """One of the four published ways."""
    weights = head.weight.detach().cpu().numpy()
    ways: Mapping[str, Callable[[], NDArray[np.intp]]] = {
        "largest_weight": lambda: largest_weight(weights, kept),
        "smallest_weight": lambda: smallest_weight(weights, kept),
        "largest_sd": lambda: largest_sd(table, kept),
    }
    return pca(table, kept) if wish == "pca" else selection(ways[wish](), table.shape[1])


def fold_temperature(net: nn.Module, temperature: float) -> None:
    """Divide the final logits of a scan stage for good: every branch that adds up to them is divided."""
    if isinstance(net, ScanReader):
        heads: list[nn.Module] = [net.stage.head]
    else:
        assert isinstance(net, WangScan)
        heads = [part for one in chains_of(net) for part in (one.second.direct, one.second.recurrent.head)]
    with torch.no_grad():
        for head in heads:
            for parameter in head.parameters():
                parameter.div_(temperature)
