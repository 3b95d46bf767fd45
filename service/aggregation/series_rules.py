"""The answer for one series: what was read, where it lies, how whole it is, and the rule that decides. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from service.aggregation.slice_rules import Mark, decide, slice_threshold
from service.domain.checks import CheckName, blocks_negative, blocks_reading
from service.domain.geometry import Geometry
from service.domain.ids import SeriesUid
from service.domain.pack import PackFacts
from service.domain.reading import SliceReading
from service.domain.series import Check, Evidence
from service.domain.verdict import ANY, Decision, SeriesConclusion, SliceScore, Verdict
from service.settings import PolicySettings

#: pictures of one series at most
MOST_KEY_SLICES = 6
#: a series probability from here on beside a negative asks for a word
TELLING = 0.5
#: key slices lie at least this far apart, so that they do not show one spot six times
KEY_SPREAD_MM = 10.0


@dataclass(frozen=True, kw_only=True)
class SeriesToConclude:
    """A complete series with all its readings; ``findings`` are the pack's series-level probabilities, any first."""

    series_uid: SeriesUid
    modality: str
    description: str
    geometry: Geometry
    readings: tuple[SliceReading, ...]
    findings: tuple[tuple[str, float], ...]
    evidence: Evidence | None
    checks: tuple[Check, ...]


def conclude_series(series: SeriesToConclude, pack: PackFacts, policy: PolicySettings) -> SeriesConclusion:
    """Decide one series.

    A positive stands even in an incomplete stack. A negative is given only for a whole one: what was not seen is not
    free of bleeding, so gaps, undecodable or missing slices turn it into not_analysed with that reason.
    """
    refusals = blocks_reading(series.checks)
    if refusals:
        return _conclusion(series, pack, Verdict.NOT_ANALYSED, refusals[0].reason)
    scores, marks = _stack(series, slice_threshold(pack, policy))
    doubts = _doubts(series, len(scores))
    if not scores:
        return _conclusion(series, pack, Verdict.NOT_ANALYSED, "; ".join(doubts) or "no slice could be read")
    decision = decide(marks, pack, policy)
    verdict, why = _answer(decision, doubts, _in_spite(series, scores))
    return _conclusion(series, pack, verdict, why, (decision, scores))


def _answer(decision: Decision, doubts: Sequence[str], in_spite: str) -> tuple[Verdict, str]:
    named = "; ".join(doubts)
    if decision.positive:
        return (
            Verdict.POSITIVE,
            f"{decision.sentence}; the scan is incomplete: {named}" if doubts else decision.sentence,
        )
    if doubts:
        return Verdict.NOT_ANALYSED, f"{named}; nothing was found in the slices read, but that is no answer"
    return Verdict.NEGATIVE, decision.sentence + in_spite


def _in_spite(series: SeriesToConclude, scores: Sequence[SliceScore]) -> str:
    """Explain a negative beside a high series probability: the rule decides, and what it counts fell short."""
    probability = dict(series.findings).get(ANY, 0.0)
    if probability < TELLING:
        return ""
    highest = max(one.probability for one in scores)
    return (
        f", so this is no finding in spite of a series probability of {probability:.3g} (highest slice {highest:.3g})"
    )


def _conclusion(
    series: SeriesToConclude,
    pack: PackFacts,
    verdict: Verdict,
    why: str,
    read: tuple[Decision, tuple[SliceScore, ...]] | None = None,
) -> SeriesConclusion:
    """Put the noun together; probabilities of the series appear only beside an answer."""
    answered = verdict is not Verdict.NOT_ANALYSED
    decision, scores = read or (None, ())
    return SeriesConclusion(
        series_uid=series.series_uid,
        verdict=verdict,
        probability=dict(series.findings).get(ANY) if answered else None,
        why=why,
        pack_name=pack.name,
        pack_version=pack.version,
        pack_hash=pack.pack_hash,
        evidence=series.evidence,
        suitability=series.checks,
        decision=decision,
        findings=series.findings if answered else (),
        slices=scores,
        key_slices=key_slices(scores),
        modality=series.modality,
        description=series.description,
    )


def _stack(series: SeriesToConclude, threshold: float) -> tuple[tuple[SliceScore, ...], tuple[Mark, ...]]:
    """Put readings in anatomical order; between two that have an unread slice or a gap between them, a run breaks."""
    readings = {(one.sop_uid, one.frame): one for one in series.readings if not one.problem}
    gaps = set(series.geometry.gap_after)
    scores: list[SliceScore] = []
    marks: list[Mark] = []
    for at, place in enumerate(series.geometry.slices):
        reading = readings.get((place.sop_uid, place.frame))
        if reading is None:
            marks[-1:] = [_broken(one) for one in marks[-1:]]
            continue
        probability = reading.probability(ANY)
        positive = probability > threshold
        scores.append(
            SliceScore(
                sop_uid=place.sop_uid,
                frame=place.frame,
                content_hash=place.content_hash,
                instance_number=place.instance_number,
                place_mm=place.place_mm,
                probability=probability,
                positive=positive,
                findings=reading.probabilities,
                pixels_hash=reading.pixels_hash,
            )
        )
        marks.append(Mark(place_mm=place.place_mm, thickness=place.thickness, positive=positive, gap_after=at in gaps))
    return tuple(scores), tuple(marks)


def _broken(mark: Mark) -> Mark:
    return Mark(place_mm=mark.place_mm, thickness=mark.thickness, positive=mark.positive, gap_after=True)


def _doubts(series: SeriesToConclude, read: int) -> list[str]:
    """Name all that forbids to call the series negative."""
    failed = blocks_negative(series.checks)
    doubts = [one.reason for one in failed]
    evidence = series.evidence
    if evidence and evidence.expected and evidence.expected > evidence.received:
        doubts.append(f"only {evidence.received} of {evidence.expected} objects came")
    unread = len(series.geometry.slices) - read
    if unread and CheckName.DECODED not in (one.name for one in failed):
        doubts.append(f"{unread} {'slice was' if unread == 1 else 'slices were'} not read")
    return doubts


def key_slices(scores: Sequence[SliceScore]) -> tuple[int, ...]:
    """Choose what to show: the most probable positives, spread out; without any, the most probable slice."""
    ranked = sorted(range(len(scores)), key=lambda at: (-scores[at].probability, at))
    positives = [at for at in ranked if scores[at].positive]
    chosen: list[int] = []
    for at in positives:
        if len(chosen) < MOST_KEY_SLICES and all(_apart(scores[at], scores[other]) for other in chosen):
            chosen.append(at)
    return tuple(chosen or ranked[:1])


def _apart(one: SliceScore, other: SliceScore) -> bool:
    return abs(one.place_mm - other.place_mm) >= KEY_SPREAD_MM
