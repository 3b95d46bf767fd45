"""Findings to files: report.md for people, report.json and cases.csv for programs, pictures for both."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from models.card import Card
from models.judge import bars, plots, tables
from models.judge.judgement import Judgement
from models.judge.levels import levels
from models.judge.nouns import CaseReading
from models.judge.plain import write_cases, write_json
from models.judge.store import code_digest
from models.judge.timing import Timing

SYNTHETIC = "Research use only, not for diagnosis; trained on synthetic data."
PLAIN = "Research use only, not for diagnosis."
FORMAT = 1  #: of report.json


@dataclass(frozen=True)
class Findings:
    """A judgement and what it was made from."""

    card: Card
    judged: Judgement
    timing: Timing
    sources: tuple[str, ...]
    unread: tuple[tuple[str, str], ...]  #: series, reason
    sheets: Mapping[str, str]  #: file name -> what it shows

    @property
    def research_line(self) -> str:
        """The sentence that stands first."""
        return notice(self.card)

    @property
    def title(self) -> str:
        """Names pack and amount of data under every plot."""
        judged = self.judged
        return f"pack {self.card.name} {self.card.version}, {judged.series:,} series of {judged.patients:,} patients"


def notice(card: Card) -> str:
    """Research use; and synthetic training where the card tells of it."""
    return SYNTHETIC if "synthetic" in f"{card.training_data} {card.intended_use}".lower() else PLAIN


def write(found: Findings, cases: Sequence[CaseReading], out: Path) -> None:
    """Everything into one folder."""
    draw(found, cases, out)
    write_cases(out / "cases.csv", cases, found.card)
    write_json(out / "report.json", as_json(found))
    (out / "report.md").write_text("\n".join(markdown(found)), "utf-8")


def draw(found: Findings, cases: Sequence[CaseReading], out: Path) -> None:
    """The plots."""
    units, judged, title = levels(cases, found.card), found.judged, found.title
    pair = {name: (units[name], judged.levels[name]) for name in units}
    plots.roc(pair, out / "roc.png", title)
    plots.pr(pair, out / "pr.png", title)
    plots.reliability(pair, out / "reliability.png", title)
    plots.scores(pair, out / "scores.png", title, found.card.slice_threshold)
    plots.operating(judged.points, out / "operating.png", title)
    bars.confusions(judged.levels, out / "confusion.png", title)
    bars.kinds(judged.kinds, out / "kinds.png", title)
    bars.groups(judged.groups, out / "groups.png", title)


def as_json(found: Findings) -> dict[str, object]:
    """All figures, none rounded."""
    card = found.card
    pack = {
        "name": card.name, "version": card.version, "architecture": card.architecture, "pack_hash": card.pack_hash,
        "labels": card.labels, "slice_threshold": card.slice_threshold, "rule": rule_words(card),
    }  # fmt: skip
    return {
        "format": FORMAT, "notice": found.research_line, "pack": pack, "sources": found.sources,
        "reading_code": code_digest(), "not_read": found.unread, "judgement": found.judged, "timing": found.timing,
    }  # fmt: skip


def rule_words(card: Card) -> str:
    """The card's rule in words."""
    if card.rule.kind == "share":
        percent = card.rule.numbers.get("share_percent", 5.0)
        if not percent:
            return f"any slice is above {card.slice_threshold:g}"
        return f"at least {percent:g} % of the slices above {card.slice_threshold:g} ({card.rule.rounding})"
    return f"neighbouring slices above {card.slice_threshold:g} over {card.rule.numbers.get('run_mm', 10.0):g} mm"


def markdown(found: Findings) -> list[str]:
    """The report, line by line."""
    judged = found.judged
    lines = [f"**{found.research_line}**", "", f"# How {found.card.name} {found.card.version} reads", ""]
    lines += [*tables.headline(judged), *_made_from(found)]
    for title, note, body, picture in _sections(judged, found):
        lines += [f"## {title}", "", *([note, ""] if note else []), *body]
        lines += [f"![{title}]({picture})", ""] if picture else []
    return [*lines, *_sheets(found), *_unread(found)]


def _made_from(found: Findings) -> list[str]:
    card, judged, timing = found.card, found.judged, found.timing
    return [
        "## What was read", "",
        *(f"- {source}" for source in found.sources),
        f"- {judged.series:,} series of {judged.patients:,} patients, {judged.slices:,} slices; "
        f"{len(found.unread)} series could not be read" + (" (named at the end)" if found.unread else ""),
        f"- pack `{card.name}` {card.version}, {card.architecture}; hash `{card.pack_hash[:16]}`, "
        f"reading code `{code_digest()}`",
        f"- a series is called when {rule_words(card)}; a patient when any series is",
        f"- trained on: {card.training_data}",
        f"- time from HU to series probabilities: {timing.slice_ms:.1f} ms per slice, "
        f"{timing.series_s:.2f} s per series (median of {timing.series} series "
        f"with {timing.slices} slices, {timing.device}; worst {timing.slice_ms_worst:.1f}); decoding comes on top",
        "- read through the node's own path: the same graph, preprocessing, aggregation and rule; the node's checks "
        "for scans it should not read were not applied", "",
    ]  # fmt: skip


Section = tuple[str, str, list[str], str]


def _sections(judged: Judgement, found: Findings) -> list[Section]:
    """Title, a sentence, the table, the picture."""
    resamples = judged.levels["patient"].areas.resamples
    drawn = (
        f"Bootstrap: {resamples} resamples of patients, those with and without a bleed drawn apart, percentiles. Where "
        "every positive lies above every negative the interval shrinks to a point and says nothing about new data."
    )
    said = "A tenth's interval counts its units as independent, which slices of one patient are not."
    dice = "Equals 0.693 for a coin and 0 for an oracle; sum of weight x loss over seven."
    kind = (
        "Areas judge the finding's own output; the two columns on the right ask how often the rule for any bleed calls "
        "the series that carry it."
    )
    blood = "Volumes come from voxel truth; their negatives are all bleed-free series."
    return [
        ("Right and wrong", "", tables.rates(judged.levels), "confusion.png"),
        ("Areas under the curves", drawn, tables.curves(judged.levels), "roc.png"),
        ("Precision and recall", "", [], "pr.png"),
        ("By kind of bleed", kind, tables.kinds(judged.kinds), "kinds.png"),
        ("By vendor, thickness and volume", blood, tables.groups(judged.groups), "groups.png"),
        ("Does the map point at the blood", "", tables.hits(judged.hits), ""),
        ("Does a probability mean what it says", said, tables.calibrations(judged.levels), "reliability.png"),
        ("Probabilities by truth", "", [], "scores.png"),
        ("Other operating points", "The rule stays, the slice threshold moves.", tables.points(judged.points),
         "operating.png"),
        ("RSNA 2019 log loss", dice, tables.loss(judged.loss), ""),
        ("Beside the papers", "", tables.papers(judged, f"{found.card.name} {found.card.version}"), ""),
    ]  # fmt: skip


def _sheets(found: Findings) -> list[str]:
    if not found.sheets:
        return ["## Hardest series", "", "No pictures of this data were asked for (`--pictures`).", ""]
    lines = ["## Hardest series", ""]
    for name, title in found.sheets.items():
        lines += [f"{title}.", "", f"![{title}]({name})", ""]
    return lines


def _unread(found: Findings) -> list[str]:
    if not found.unread:
        return []
    return ["## Not read", "", *tables.table(["series", "why"], [list(pair) for pair in found.unread])]
