"""The tables of the report, each a list of Markdown lines."""

from collections.abc import Mapping, Sequence

from models.judge.curves import Areas
from models.judge.groups import SIZEABLE_ML, Group, Kind
from models.judge.judgement import Hits, Judgement, Level, Loss
from models.judge.nouns import LABELS
from models.judge.published import ROWS, Published
from models.judge.rates import EXACT, LOGIT, MEANINGS, RATES
from models.judge.sweep import Point
from models.seeds.intervals import Rate

Lines = list[str]
NONE = "-"


def table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> Lines:
    """A Markdown table and an empty line after it."""
    drawn = [heads, ["---"] * len(heads), *rows]
    return [f"| {' | '.join(str(cell).replace('|', '/') for cell in row)} |" for row in drawn] + [""]


def rate(found: Rate | None) -> str:
    """Percent with interval and counts."""
    return NONE if found is None else f"{found.percent()} · {found.hits}/{found.of}"


def short(found: Rate | None) -> str:
    """Percent with interval."""
    return NONE if found is None else found.percent()


def headline(judged: Judgement) -> Lines:
    """What one wants to know first."""
    patient = judged.levels["patient"]
    rates = patient.rates.exact
    sizeable = {kind.label: kind.called_sizeable for kind in judged.kinds}
    return table(
        ["", "value, 95 % interval"],
        [
            ["patients", f"{patient.units}, {patient.positives} with a bleed"],
            ["ROC AUC, patients", patient.areas.roc.text()],
            ["sensitivity, patients", rate(rates.get("TPR"))],
            ["specificity, patients", rate(rates.get("TNR"))],
            [f"sensitivity, series with {SIZEABLE_ML:g} ml of blood and more", rate(sizeable["any"])],
            [f"weakest kind, {SIZEABLE_ML:g} ml and more", _weakest(sizeable)],
            [f"hottest point within {judged.hits.near_mm:g} mm of the true blood", rate(judged.hits.plane)],
            ["ROC AUC, slices", judged.levels["slice"].areas.roc.text()],
        ],
    )


def _weakest(called: Mapping[str, Rate | None]) -> str:
    known = {label: found for label, found in called.items() if found and label != "any"}
    label = min(known, key=lambda name: known[name].value, default=None)
    return f"{label}: {rate(known[label])}" if label else NONE


def rates(levels: Mapping[str, Level]) -> Lines:
    """Counts and rates, exact intervals; predictive values with both."""
    rows = [_cells(level) + [short(level.rates.exact.get(name)) for name in RATES] for level in levels.values()]
    logit = [
        [level.name, *(short(level.rates.logit.get(name)) for name in ("PPV", "NPV"))] for level in levels.values()
    ]
    return [
        *table(["level", "N", "TP", "FP", "TN", "FN", *(f"{name} %" for name in RATES)], rows),
        f"Intervals: {EXACT}. " + "; ".join(f"{name}: {meaning}" for name, meaning in MEANINGS.items()) + ".",
        "", f"Predictive values with the interval that published tables use, {LOGIT}:", "",
        *table(["level", "PPV %", "NPV %"], logit),
    ]  # fmt: skip


def _cells(level: Level) -> list[object]:
    cells = level.rates.confusion
    return [level.name, level.units, cells.tp, cells.fp, cells.tn, cells.fn]


def curves(levels: Mapping[str, Level]) -> Lines:
    """Areas of the three levels."""
    rows = [
        [level.name, level.units, level.positives, level.unknown, level.areas.roc.text(), level.areas.delong.text(),
         level.areas.pr.text()]
        for level in levels.values()
    ]  # fmt: skip
    heads = ["level", "N", "positive", "truth unknown", "ROC AUC (bootstrap)", "ROC AUC (DeLong)", "average precision"]
    return table(heads, rows)


def kinds(found: Sequence[Kind]) -> Lines:
    """Each finding: its own output, and the rule for any bleed on its carriers."""
    rows = [
        [kind.label, f"{kind.slice_positives}/{kind.slices}", *_areas(kind.slice_areas),
         f"{kind.series_positives}/{kind.series}", *_areas(kind.series_areas), rate(kind.called),
         rate(kind.called_sizeable)]
        for kind in found
    ]  # fmt: skip
    heads = [
        "finding", "slices with it", "ROC AUC, slices", "average precision, slices", "series with it",
        "ROC AUC, series", "average precision, series", "called by the rule %",
        f"called, {SIZEABLE_ML:g} ml and more %",
    ]  # fmt: skip
    return table(heads, rows)


def _areas(found: Areas) -> list[str]:
    return [found.roc.text(), found.pr.text()]


def groups(found: Sequence[Group]) -> Lines:
    """Parts of the data."""
    rows = [
        [group.by, group.name, group.series, group.positives, group.roc.text(), rate(group.tpr), rate(group.tnr)]
        for group in found
    ]
    return table(["by", "group", "series", "positive", "ROC AUC", "sensitivity %", "specificity %"], rows)


def calibrations(levels: Mapping[str, Level]) -> Lines:
    """Brier score and expected calibration error."""
    rows = [
        [level.name, level.units, f"{level.calibration.brier:.4f}", f"{level.calibration.ece:.4f}"]
        for level in levels.values()
        if level.calibration
    ]
    return table(["level", "N", "Brier score", "expected calibration error (10 equal tenths)"], rows)


def points(found: Sequence[Point]) -> Lines:
    """Sensitivity and specificity at other thresholds."""
    rows = [
        [f"**{point.threshold:g}** (the card's)" if point.bundled else f"{point.threshold:g}",
         *(short(part.get(name)) for part in (point.slices, point.series) for name in ("TPR", "TNR"))]
        for point in found
    ]  # fmt: skip
    heads = ["slice threshold", "slice sensitivity %", "slice specificity %", "series sensitivity %",
             "series specificity %"]  # fmt: skip
    return table(heads, rows)


def hits(found: Hits) -> Lines:
    """Where the map is hottest."""
    return table(
        ["hottest point of the key slice, true positives with voxel truth", "share %"],
        [
            [f"within {found.near_mm:g} mm of true blood in that slice", rate(found.plane)],
            [f"within {found.near_mm:g} mm of true blood anywhere in the scan", rate(found.volume)],
        ],
    )


def loss(found: Loss) -> Lines:
    """The RSNA metric."""
    rows = [[label, f"{found.weights[label]:g}", _number(found.by_label.get(label))] for label in LABELS]
    return [*table(["label", "weight", "log loss"], rows), f"Weighted: {found.weighted.text(4).split(' (no')[0]}.", ""]


def _number(value: float | None) -> str:
    return NONE if value is None else f"{value:.4f}"


def papers(judged: Judgement, system: str) -> Lines:
    """Ours above, theirs below, never in one table."""
    ours = [_ours(judged.levels[name], judged, system) for name in ROWS]
    heads = ["system", "level and data", "N", "ACC %", "TPR %", "TNR %", "PPV %", "NPV %", "ROC AUC", "log loss"]
    lines = ["**Ours, this data** (see the top of this report for what it is)", "", *table(heads, ours), "---", ""]
    lines += ["**Their data, as published**: figures of the papers, on the papers' own data; nothing here was measured "
              "by this project.", ""]  # fmt: skip
    theirs = [_theirs(row, level) for level, rows in ROWS.items() for row in rows]
    return [*lines, *table(heads, theirs)]


def _ours(level: Level, judged: Judgement, system: str) -> list[object]:
    found = level.rates
    cells = [short(found.exact.get(name)) for name in RATES[:3]] + [short(found.logit.get(name)) for name in RATES[3:]]
    value = judged.loss.weighted.value if level.name == "slice" else None
    return [system, level.name, level.units, *cells, level.areas.roc.text(), _number(value)]


def _theirs(row: Published, level: str) -> list[object]:
    texts = (row.acc, row.tpr, row.tnr, row.ppv, row.npv, row.auc, row.loss)
    return [row.system, f"{level}: {row.where}", row.n, *(text or NONE for text in texts)]
