"""What every report tells, in whatever dialect: the verdict as plain values, put into words once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from highdicom.sr import CodedConcept

from service.domain.verdict import SeriesConclusion, Verdict
from service.outputs import concepts
from service.outputs.frame import MANUFACTURER, Task, ichor_version
from service.outputs.placement import frame_number
from service.outputs.rules import (
    HEADLINES,
    NOTICE,
    check_words,
    evidence_words,
    finding_rows,
    plain,
    probability_words,
    rule_words,
    sentence,
    slice_words,
    suitability_words,
)
from service.outputs.source import KeySlice


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One sentence and what it is about."""

    topic: CodedConcept
    text: str


@dataclass(frozen=True, kw_only=True)
class KeyImage:
    """An image to look at, or one frame of it (from 1), and why, in a sentence and in a few words."""

    sop_class: str
    sop_uid: str
    frame: int | None
    words: str
    short: str


@dataclass(frozen=True, kw_only=True)
class Algorithm:
    """Node and pack, so that a result can be traced to its weights."""

    name: str
    version: str
    maker: str
    parameters: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Suitability:
    """The suitability card: each check as a sentence, those that were not passed once more, and the sum."""

    checks: tuple[str, ...]
    failed: tuple[str, ...]
    summary: str


@dataclass(frozen=True, kw_only=True)
class Finding:
    """The finding; ``kinds`` are (label, probability), most probable first; ``statements`` are its reasons."""

    purpose: str
    present: bool
    headline: str
    probability: float | None
    kinds: tuple[tuple[str, float], ...]
    algorithm: Algorithm
    key_images: tuple[KeyImage, ...]
    statements: tuple[Statement, ...]
    suitability: Suitability


def finding_of(task: Task) -> Finding:
    """Say what was found."""
    return Finding(
        purpose=NOTICE,
        present=task.verdict.verdict is Verdict.POSITIVE,
        headline=_headline(task),
        probability=task.verdict.probability,
        kinds=finding_rows(task.conclusion),
        algorithm=_algorithm(task),
        key_images=tuple(_key_image(task, key) for key in task.source.key_slices),
        statements=tuple(one for one in _statements(task) if one.text),
        suitability=_suitability(task.conclusion),
    )


def _headline(task: Task) -> str:
    word, meaning = HEADLINES[task.verdict.verdict]
    chance = probability_words(task.verdict.probability)
    return f"{word}: {meaning}. Probability {chance}, worklist priority {task.verdict.priority.value}."


def _algorithm(task: Task) -> Algorithm:
    pack, parameters = task.source.pack, [f"pack hash {task.source.pack.pack_hash}"]
    if task.conclusion.decision:
        decision = task.conclusion.decision
        parameters += [f"decision rule {plain(decision.rule)}", f"slice threshold {decision.threshold:g}"]
    if pack.refines:
        parameters.append("slice probabilities refined over the whole scan")
    return Algorithm(
        name=plain(f"Ichor {pack.name}"),
        version=plain(f"{pack.version} (Ichor {ichor_version()})"),
        maker=MANUFACTURER,
        parameters=tuple(parameters),
    )


def _key_image(task: Task, key: KeySlice) -> KeyImage:
    score, sop_class = key.score, task.sop_class(key)
    chance = probability_words(score.probability)
    named = f"{score.place_mm:.1f} mm" if score.instance_number is None else f"instance {score.instance_number}"
    return KeyImage(
        sop_class=sop_class,
        sop_uid=str(score.sop_uid),
        frame=frame_number(key, sop_class),
        words=f"{slice_words(score, task.conclusion)}: probability {chance}",
        short=f"{named} ({chance})",
    )


def _suitability(conclusion: SeriesConclusion) -> Suitability:
    card = conclusion.suitability
    return Suitability(
        checks=tuple(check_words(one) for one in card),
        failed=tuple(check_words(one) for one in card if not one.passed),
        summary=suitability_words(conclusion),
    )


def _statements(task: Task) -> Iterator[Statement]:
    """Say in plain words what decided and how complete the scan was."""
    conclusion = task.conclusion
    yield Statement(topic=concepts.CONCLUSION, text=plain(task.verdict.why))
    yield Statement(topic=concepts.DECISION_RULE, text=rule_words(conclusion))
    yield Statement(topic=concepts.COMPLETENESS, text=evidence_words(conclusion))
    for other in task.verdict.conclusions:
        if other is not conclusion:
            words = plain(f"series {other.series_uid}: {other.verdict.value}, {other.why}")
            yield Statement(topic=concepts.OTHER_SERIES, text=words)
    yield Statement(topic=concepts.SITE_POLICY, text=plain(task.verdict.policy))


def kinds_words(finding: Finding) -> str:
    """Put the kinds into one sentence; empty for a pack that does not tell them apart."""
    listed = ", ".join(f"{plain(label)} {probability_words(value)}" for label, value in finding.kinds)
    return sentence(f"{listed}.") if listed else ""
