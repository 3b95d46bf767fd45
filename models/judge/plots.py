"""Curves: ROC, precision over recall, reliability, scores by truth, thresholds."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from models.judge.calibration import BINS, Calibration
from models.judge.curves import pr_line, prevalence, roc_line, undefined
from models.judge.judgement import Level
from models.judge.nouns import PLURALS, Units
from models.judge.paper import BLUE, GREY, INK, ORANGE, Picture, drawn
from models.judge.sweep import Point
from models.seeds.intervals import Rate

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHOWN = ("slice", "patient")
WIDE = (5.6, 4.1)  #: inches
COUNTS = 0.2  #: height of the strip with the number of units
TENTHS = (0, 0.2, 0.4, 0.6, 0.8, 1.0)
THRESHOLDS = (0.02, 0.05, 0.1, 0.2, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99)
Pair = Mapping[str, tuple[Units, Level]]
Ends = list[list[float]]


def roc(pair: Pair, path: Path, title: str) -> None:
    """With the operating point and its intervals."""
    with drawn(Picture(path, f"ROC · {title}"), len(SHOWN)) as panels:
        for panel, name in zip(panels, SHOWN, strict=True):
            units, level = pair[name]
            _frame(panel, level, ("1 - specificity", "sensitivity"))
            panel.plot([0, 1], [0, 1], color=GREY, lw=1, ls=":", label="knows nothing")
            if not units.both:
                _nothing(panel, undefined(units))
                continue
            panel.plot(*roc_line(units), color=BLUE, lw=2, label=f"ROC, AUC {level.areas.roc.text()}")
            rates = level.rates.exact
            _cross(panel, (rates["TNR"], rates["TPR"]), "operating point of the card")
            panel.legend(loc="lower right")


def pr(pair: Pair, path: Path, title: str) -> None:
    """Precision over recall; the dotted line is prevalence."""
    with drawn(Picture(path, f"Precision and recall · {title}"), len(SHOWN)) as panels:
        for panel, name in zip(panels, SHOWN, strict=True):
            units, level = pair[name]
            _frame(panel, level, ("recall (sensitivity)", "precision (PPV)"))
            panel.axhline(prevalence(units.truth), color=GREY, lw=1, ls=":", label="knows nothing (prevalence)")
            if not units.both:
                _nothing(panel, undefined(units))
                continue
            panel.plot(*pr_line(units), color=BLUE, lw=2, label=f"PR, average precision {level.areas.pr.text()}")
            rates = level.rates.exact
            if "PPV" in rates:
                _point(panel, rates["TPR"], rates["PPV"], "operating point of the card")
            panel.legend(loc="lower left")


def _frame(panel: "Axes", level: Level, names: tuple[str, str]) -> None:
    panel.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), xlabel=names[0], ylabel=names[1], aspect="equal")
    panel.set_title(f"{PLURALS[level.name]}: {level.units:,}, {level.positives:,} positive")


def _nothing(panel: "Axes", why: str) -> None:
    panel.text(0.5, 0.5, f"not defined:\n{why}", ha="center", va="center", transform=panel.transAxes, color=INK)


def _cross(panel: "Axes", rates: tuple[Rate, Rate], label: str) -> None:
    specificity, sensitivity = rates
    across = [[specificity.high - specificity.value], [specificity.value - specificity.low]]
    _error(panel, (1 - specificity.value, sensitivity.value), (across, _ends(sensitivity)), label)


def _point(panel: "Axes", across: Rate, up: Rate, label: str) -> None:
    _error(panel, (across.value, up.value), (_ends(across), _ends(up)), label)


def _error(panel: "Axes", at: tuple[float, float], ends: tuple[Ends, Ends], label: str) -> None:
    panel.errorbar(
        [at[0]], [at[1]], xerr=np.abs(ends[0]), yerr=np.abs(ends[1]), fmt="o", ms=6, color=ORANGE, capsize=2,
        zorder=4, label=f"{label}, 95 % intervals",
    )  # fmt: skip


def _ends(rate: Rate) -> Ends:
    return [[rate.value - rate.low], [rate.high - rate.value]]


def reliability(pair: Pair, path: Path, title: str) -> None:
    """Observed share over stated probability, the number of units in each tenth below."""
    with drawn(Picture(path, f"Reliability · {title}"), len(SHOWN)) as panels:
        for panel, name in zip(panels, SHOWN, strict=True):
            _, level = pair[name]
            _frame(panel, level, ("probability stated", "share that is positive"))
            panel.plot([0, 1], [0, 1], color=GREY, lw=1, ls=":", label="means what it says")
            if level.calibration is None:
                _nothing(panel, f"no {level.name} of known truth")
                continue
            _bins(panel, level.calibration)
            panel.set(ylim=(-COUNTS - 0.02, 1.02), yticks=TENTHS)
            panel.legend(loc="upper left", bbox_to_anchor=(0, -0.13), ncols=2, columnspacing=1.2)


def _bins(panel: "Axes", found: Calibration) -> None:
    means, seen = [each.mean for each in found.bins], [each.observed for each in found.bins]
    ends = np.abs(np.concatenate([_ends(rate) for rate in seen], axis=1))
    label = f"tenths with 95 % intervals\nBrier {found.brier:.3f}, ECE {found.ece:.3f}"
    panel.errorbar(means, [rate.value for rate in seen], yerr=ends, fmt="o", ms=5, lw=1.2, color=BLUE, capsize=2,
                   zorder=3, label=label)  # fmt: skip
    counts = np.array([rate.of for rate in seen])
    middles = [(each.low + each.high) / 2 for each in found.bins]
    heights = 0.6 * COUNTS * counts / counts.max()
    panel.bar(middles, heights, 0.9 / BINS, bottom=-COUNTS, color=GREY, alpha=0.45, zorder=1)
    for middle, height, count in zip(middles, heights, counts, strict=True):
        panel.text(middle, height - COUNTS + 0.01, f"{count:,}", ha="center", fontsize=6.5, color=INK)


def scores(pair: Pair, path: Path, title: str, threshold: float) -> None:
    """Histograms of the probability by truth, counts on a logarithmic scale."""
    with drawn(Picture(path, f"Probabilities by truth · {title}", WIDE), len(SHOWN)) as panels:
        edges = np.linspace(0, 1, 41)
        for panel, name in zip(panels, SHOWN, strict=True):
            units, level = pair[name]
            panel.set_title(f"{PLURALS[name]}: {level.units:,}")
            if not level.units:
                _nothing(panel, undefined(units))
                continue
            for mark, colour, word in ((~units.truth, BLUE, "no bleed"), (units.truth, ORANGE, "bleed")):
                panel.hist(
                    units.score[mark], edges.tolist(), color=colour, alpha=0.55, label=f"{word}: {int(mark.sum()):,}"
                )
            panel.set_yscale("log", nonpositive="clip")
            panel.set(
                xlim=(0, 1), ylim=(0.7, None), xlabel="probability of any bleed", ylabel=f"{PLURALS[name]} (log scale)"
            )
            panel.yaxis.set_major_formatter("{x:,.0f}")
            panel.yaxis.set_minor_formatter("")
            if name == "slice":
                panel.axvline(threshold, color=INK, lw=1.2, ls="--", label=f"slice threshold {threshold:g}")
            panel.legend(loc="upper center")


def operating(points: Sequence[Point], path: Path, title: str) -> None:
    """Sensitivity and specificity as the slice threshold moves, the rule kept."""
    with drawn(Picture(path, f"Operating points, 95 % intervals · {title}", WIDE), 2) as panels:
        for panel, level in zip(panels, ("slices", "series"), strict=True):
            for name, colour, word in (("TPR", ORANGE, "sensitivity"), ("TNR", BLUE, "specificity")):
                _band(panel, [(each.threshold, getattr(each, level).get(name)) for each in points], (colour, word))
            for own in (each for each in points if each.bundled):
                panel.axvline(own.threshold, color=INK, lw=1.2, ls="--", label=f"the card's {own.threshold:g}")
            panel.set_xscale("logit")
            panel.set(xlim=(0.018, 0.992), ylim=(-0.02, 1.02), xlabel="slice threshold (logit scale)")
            panel.set_xticks(THRESHOLDS, [f"{each:g}" for each in THRESHOLDS])
            panel.set_xticks([], minor=True)
            panel.set_title("slices" if level == "slices" else "series, by the card's rule")
            panel.legend(loc="lower center")


def _band(panel: "Axes", points: Sequence[tuple[float, Rate | None]], look: tuple[str, str]) -> None:
    known = [(at, rate) for at, rate in points if rate is not None]
    if not known:
        return
    at, rates = [each[0] for each in known], [each[1] for each in known]
    panel.fill_between(at, [rate.low for rate in rates], [rate.high for rate in rates], color=look[0], alpha=0.18, lw=0)
    panel.plot(at, [rate.value for rate in rates], "o-", ms=3.5, lw=1.6, color=look[0], label=look[1])
