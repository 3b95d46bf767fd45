"""What the result objects say, in words and numbers; pure, shared by the pictures and the report."""

from __future__ import annotations

import unicodedata

from service.domain.series import Check
from service.domain.verdict import ANY, SeriesConclusion, SliceScore, StudyVerdict, Verdict

NOTICE = "research use only, not for diagnosis; trained on synthetic data"
BANNER = "RESEARCH USE ONLY - NOT FOR DIAGNOSIS - TRAINED ON SYNTHETIC DATA"
PICTURE_SERIES = "Ichor heatmap (research use only)"
REPORT_SERIES = "Ichor report (research use only)"
KEY_SERIES = "Ichor key slices (research use only)"
STATE_SERIES = "Ichor heat outline (research use only)"
#: what a viewer lists a presentation state under; at most 16 and 64 characters
STATE_LABEL = "ICHOR_KEY_SLICES"
STATE_DESCRIPTION = "Ichor key slices with heat outline; research use only"
OUTLINE_NOTE = "Line: where the heat of the network is at least half its peak; not the outline of a bleed"
NO_OUTLINE_NOTE = "No activation worth outlining on this slice"
DERIVATION = (
    "Source CT slices in a brain window (centre 40 HU, width 80 HU) beside the same slice under the activation map of "
    "a neural network, scaled by the probability of the slice. " + NOTICE
)
HEADLINES = {
    Verdict.POSITIVE: ("POSITIVE", "intracranial haemorrhage suspected"),
    Verdict.NEGATIVE: ("NEGATIVE", "no intracranial haemorrhage suspected"),
}
#: above this number of thumbnails each would be too small to read
MOST_THUMBNAILS = 6

_PLAIN = str.maketrans(
    {"\u2265": ">=", "\u2264": "<=", "\u2013": "-", "\u2014": "-", "\u2212": "-", "\u00d7": "x", "\u00b7": "-"}
    | {"\u2026": "...", "\u2192": "->", "\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u00b0": " deg"}
)


def plain(text: str, most: int | None = None) -> str:
    """Fold to ASCII, which every character set of PS3.3 C.12.1.1.2 and the picture's font can show."""
    folded = unicodedata.normalize("NFKD", text.translate(_PLAIN))
    kept = "".join(one for one in folded if not unicodedata.combining(one))
    ascii_only = " ".join(kept.encode("ascii", "replace").decode("ascii").split())
    return ascii_only if most is None or len(ascii_only) <= most else ascii_only[: most - 3] + "..."


def sentence(text: str) -> str:
    """Begin with a capital and leave the rest as it is."""
    return text[:1].upper() + text[1:]


def ready(text: str) -> str:
    """Make a sentence that stands on its own: a capital first, but for a word like kVp, and a full stop last."""
    begun = sentence(text) if text.split(" ", 1)[0].islower() else text
    return begun if begun.endswith((".", "!", "?")) else f"{begun}."


def leading(verdict: StudyVerdict) -> SeriesConclusion | None:
    """Return the conclusion that the study's answer rests on."""
    return next((one for one in verdict.conclusions if one.series_uid == verdict.leading_series), None)


def probability_words(probability: float | None) -> str:
    """Round to two digits without ever claiming certainty."""
    if probability is None:
        return "-"
    if probability > 0.995:
        return "> 0.99"
    return "< 0.01" if probability < 0.005 else f"{probability:.2f}"


def finding_rows(conclusion: SeriesConclusion) -> tuple[tuple[str, float], ...]:
    """Return the kinds of bleed with their probabilities, most probable first."""
    kinds = [(label, value) for label, value in conclusion.findings if label != ANY]
    return tuple(sorted(kinds, key=lambda row: -row[1]))


def slice_words(score: SliceScore, conclusion: SeriesConclusion) -> str:
    """Say which slice this is, by the number the scanner gave it and by its place in the stack."""
    number = "" if score.instance_number is None else f"instance {score.instance_number}, "
    order = next((at for at, one in enumerate(conclusion.slices, 1) if one == score), None)
    counted = "" if order is None else f"slice {order} of {len(conclusion.slices)} in anatomical order, "
    return f"{number}{counted}{score.place_mm:.1f} mm along the stack"


def check_words(check: Check) -> str:
    """Put one line of the suitability card into a sentence."""
    state = "passed" if check.passed else "not passed"
    why = f"; {check.reason}" if check.reason else ""
    return plain(f"{check.name}: {state}, found {check.found}, wanted {check.wanted}{why}")


def suitability_words(conclusion: SeriesConclusion) -> str:
    """Sum the suitability card up, naming what failed."""
    failed = [check.name for check in conclusion.suitability if not check.passed]
    passed = f"{len(conclusion.suitability) - len(failed)} of {len(conclusion.suitability)} suitability checks passed"
    return plain(f"{passed}; not passed: {', '.join(failed)}" if failed else passed)


def evidence_words(conclusion: SeriesConclusion) -> str:
    """Say why the series counts as complete, and each gap."""
    if conclusion.evidence is None:
        return "completeness of the series was not recorded"
    gaps = [gap for gap in conclusion.evidence.gaps if gap not in conclusion.evidence.sentence]
    return plain("; ".join([conclusion.evidence.sentence, *gaps]))


def rule_words(conclusion: SeriesConclusion) -> str:
    """Return the sentence of the rule that decided."""
    return plain(conclusion.decision.sentence if conclusion.decision else conclusion.why)


def pack_words(conclusion: SeriesConclusion) -> str:
    """Name the model pack as a reader would look it up."""
    return plain(f"model pack {conclusion.pack_name} {conclusion.pack_version}, hash {conclusion.pack_hash[:12]}")


def fit(shape: tuple[int, int], pixel_mm: tuple[float, float], room: tuple[int, int]) -> tuple[int, int]:
    """Return (width, height) in picture pixels of a slice drawn true to its mm inside ``room`` (width, height)."""
    height_mm, width_mm = shape[0] * pixel_mm[0], shape[1] * pixel_mm[1]
    scale = min(room[0] / width_mm, room[1] / height_mm)
    return max(1, round(width_mm * scale)), max(1, round(height_mm * scale))


def grid(count: int) -> tuple[int, int]:
    """Return (columns, rows) of thumbnails for up to six key slices."""
    return (max(count, 1), 1) if count <= 3 else ((count + 1) // 2, 2)
