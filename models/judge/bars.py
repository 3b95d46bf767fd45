"""Shares side by side: confusion matrices, kinds of bleed, groups of the data."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from models.judge.groups import SIZEABLE_ML, Group, Kind
from models.judge.judgement import Level
from models.judge.levels import LEVELS
from models.judge.nouns import PLURALS
from models.judge.paper import BLUE, GREY, INK, ORANGE, Picture, drawn
from models.seeds.intervals import Rate

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHARES = (0, 0.2, 0.4, 0.6, 0.8, 1.0)


def confusions(levels: Mapping[str, Level], path: Path, title: str) -> None:
    """One matrix per level, cells shaded by their share of the row."""
    with drawn(Picture(path, f"Confusion matrices · {title}", (3.6, 3.9)), len(LEVELS)) as panels:
        for panel, name in zip(panels, LEVELS, strict=True):
            _matrix(panel, levels[name])


def _matrix(panel: "Axes", level: Level) -> None:
    cells = level.rates.confusion
    counts = np.array([[cells.tp, cells.fn], [cells.fp, cells.tn]])
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    panel.imshow(shares, cmap="Blues", vmin=0, vmax=1.15)
    names = [["TP", "FN"], ["FP", "TN"]]
    for row, column in np.ndindex(2, 2):
        text = f"{names[row][column]}\n{counts[row, column]:,}\n{100 * shares[row, column]:.1f} %"
        panel.text(column, row, text, ha="center", va="center", fontsize=11,
                   color="white" if shares[row, column] > 0.6 else INK)  # fmt: skip
    panel.set_xticks([0, 1], ["called", "not called"])
    panel.set_yticks([0, 1], ["bleed", "no bleed"], rotation=90, va="center")
    panel.set_title(f"{PLURALS[level.name]}: {level.units:,}")
    panel.grid(False)
    panel.tick_params(length=0)


def kinds(found: Sequence[Kind], path: Path, title: str) -> None:
    """How often the rule calls each kind, all sizes and sizeable ones."""
    shown = [kind for kind in found if kind.called]
    with drawn(Picture(path, f"By kind of bleed · {title}", (8.2, 1.6 + 0.62 * max(1, len(shown)))), 1) as [panel]:
        for at, kind in enumerate(reversed(shown)):
            _bar(panel, at + 0.19, kind.called, (BLUE, "all sizes"))
            _bar(panel, at - 0.19, kind.called_sizeable, (ORANGE, f"{SIZEABLE_ML:g} ml and more"))
        panel.set_yticks(range(len(shown)), [kind.label for kind in reversed(shown)])
        panel.set(
            xlim=(0, 1.13),
            xticks=SHARES,
            xlabel="sensitivity of the card's rule for series with this finding, 95 % interval",
        )
        if shown:
            once = {label: handle for handle, label in zip(*panel.get_legend_handles_labels(), strict=True)}
            panel.legend(once.values(), once.keys(), loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
        else:
            panel.text(0.5, 0.5, "no series with a bleed", ha="center", transform=panel.transAxes)


def _bar(panel: "Axes", at: float, rate: Rate | None, look: tuple[str, str]) -> None:
    if rate is None:
        return
    ends = np.abs([[rate.value - rate.low], [rate.high - rate.value]])
    panel.barh([at], [rate.value], 0.34, color=look[0], alpha=0.85, label=look[1])
    panel.errorbar([rate.value], [at], xerr=ends, fmt="none", ecolor=INK, capsize=2.5, lw=1)
    panel.text(1.02, at, f"{rate.hits} of {rate.of}", va="center", fontsize=8, color=INK)


def groups(found: Sequence[Group], path: Path, title: str) -> None:
    """Sensitivity and specificity of each group with intervals, one line each."""
    with drawn(
        Picture(path, f"By vendor, thickness and volume · {title}", (5.6, 1.5 + 0.3 * max(1, len(found)))), 2
    ) as panels:
        for panel, name, colour, word in zip(
            panels, ("tpr", "tnr"), (ORANGE, BLUE), ("sensitivity", "specificity"), strict=True
        ):
            for at, group in enumerate(reversed(found)):
                _line(panel, at, getattr(group, name), colour)
            panel.set_yticks(range(len(found)), [f"{group.name}" for group in reversed(found)])
            panel.set(
                xlim=(-0.02, 1.2),
                xticks=SHARES,
                ylim=(-0.7, len(found) - 0.3),
                xlabel=f"{word} (series), 95 % interval",
            )
            _parts(panel, found)
        panels[1].tick_params(labelleft=False)


def _line(panel: "Axes", at: int, rate: Rate | None, colour: str) -> None:
    if rate is None:
        return
    ends = np.abs([[rate.value - rate.low], [rate.high - rate.value]])
    panel.errorbar([rate.value], [at], xerr=ends, fmt="o", ms=5, color=colour, capsize=2.5)
    panel.text(1.03, at, f"{rate.hits} of {rate.of}", va="center", fontsize=7.5, color=INK)


def _parts(panel: "Axes", found: Sequence[Group]) -> None:
    """A thin line where one property ends and the next begins."""
    for at, (group, after) in enumerate(pairwise(found)):
        if group.by != after.by:
            panel.axhline(len(found) - at - 1.5, color=GREY, lw=0.8)
