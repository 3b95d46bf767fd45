"""Series and study conclusions: verdict, reason, key slices, priority, fingerprint and answer."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stacks import even, stack

from service.aggregation.rules import SeriesToConclude, conclude_series, conclude_study
from service.domain.checks import CheckName, line
from service.domain.geometry import geometry_of
from service.domain.ids import PackHash, PixelsHash, SeriesUid, StudyUid
from service.domain.pack import PackFacts
from service.domain.reading import SliceReading
from service.domain.scan import StoredInstance
from service.domain.series import Check, Evidence, EvidenceKind
from service.domain.verdict import Priority, SeriesConclusion, StudyVerdict, Verdict
from service.settings import PolicySettings

PACK = PackFacts(
    name="default",
    version="1.2",
    pack_hash=PackHash("p" * 64),
    labels=("any", "subdural"),
    slice_threshold=0.5,
    rule="run",
    rule_numbers=(("run_mm", 10.0),),
)
POLICY = PolicySettings()
WHOLE = Evidence(kind=EvidenceKind.CONTIGUOUS, received=28, expected=None, sentence="released")
CLEAN = tuple(line(name, True, "found", "wanted", "") for name in CheckName)
STUDY = StudyUid("1.2.3")


def failing(*names: CheckName) -> tuple[Check, ...]:
    return tuple(line(name, name not in names, "found", "wanted", f"{name.value} is wrong") for name in CheckName)


def reading(one: StoredInstance, probability: float, problem: str = "") -> SliceReading:
    return SliceReading(
        sop_uid=one.sop_uid,
        frame=one.header.slices[0].frame,
        pixels_hash=PixelsHash(one.content_hash),
        pack_hash=PACK.pack_hash,
        probabilities=() if problem else (("any", probability), ("subdural", probability / 2)),
        problem=problem,
    )


def subject(
    probabilities: Sequence[float], instances: list[StoredInstance] | None = None, **more: Any
) -> SeriesToConclude:
    slices = instances or stack(even(len(probabilities)))
    usual: dict[str, Any] = {
        "series_uid": SeriesUid("1.2.3.4"),
        "modality": "CT",
        "description": "Head 5.0",
        "geometry": geometry_of(slices),
        "readings": tuple(reading(one, value) for one, value in zip(slices, probabilities, strict=True)),
        "findings": (("any", max(probabilities)), ("subdural", max(probabilities) / 2)),
        "evidence": WHOLE,
        "checks": CLEAN,
    }
    return SeriesToConclude(**(usual | more))


QUIET, BLEED = [0.1] * 28, [0.1] * 10 + [0.9] * 4 + [0.1] * 14


def conclude(probabilities: Sequence[float] = BLEED, **more: Any) -> SeriesConclusion:
    return conclude_series(subject(probabilities, **more), PACK, POLICY)


def test_a_bleed_is_positive_and_says_what_decided() -> None:
    found = conclude()
    assert (found.verdict, found.probability) == (Verdict.POSITIVE, 0.9)
    assert found.why == "4 neighbouring slices over 20 mm above 0.50; 10 mm are needed"
    assert found.findings == (("any", 0.9), ("subdural", 0.45))
    assert (found.pack_name, found.pack_version, found.pack_hash) == ("default", "1.2", PACK.pack_hash)
    assert [one.positive for one in found.slices] == [value > 0.5 for value in BLEED]
    assert found.decision is not None
    assert (found.decision.positive_slices, found.decision.read_slices) == (4, 28)


def test_no_bleed_in_a_whole_stack_is_negative() -> None:
    found = conclude(QUIET)
    assert (found.verdict, found.probability, found.why) == (
        Verdict.NEGATIVE,
        0.1,
        "no slice above 0.50; 10 mm are needed",
    )


def test_a_slice_exactly_at_the_threshold_is_not_positive() -> None:
    assert conclude([0.5] * 28).verdict is Verdict.NEGATIVE


@pytest.mark.parametrize(
    "name", [CheckName.GAPS, CheckName.DECODED, CheckName.COVERAGE, CheckName.STRAYS, CheckName.GRID]
)
def test_an_incomplete_stack_is_never_called_negative_but_its_bleed_counts(name: CheckName) -> None:
    silent = conclude(QUIET, checks=failing(name))
    assert (silent.verdict, silent.probability, silent.findings) == (Verdict.NOT_ANALYSED, None, ())
    assert silent.why == f"{name.value} is wrong; nothing was found in the slices read, but that is no answer"
    assert silent.decision is not None
    bleeding = conclude(BLEED, checks=failing(name))
    assert bleeding.verdict is Verdict.POSITIVE
    assert bleeding.why.endswith(f"; the scan is incomplete: {name.value} is wrong")


def test_fewer_objects_than_announced_are_no_negative() -> None:
    short = replace(WHOLE, received=28, expected=30)
    assert conclude(QUIET, evidence=short).why.startswith("only 28 of 30 objects came;")
    assert conclude(QUIET, evidence=replace(short, expected=28)).verdict is Verdict.NEGATIVE
    assert conclude(BLEED, evidence=short).verdict is Verdict.POSITIVE


def test_unread_slices_are_no_negative_even_when_the_card_is_clean() -> None:
    instances = stack(even(28))
    some = tuple(reading(one, 0.1) for one in instances[:26])
    assert conclude(QUIET, instances=instances, readings=some).why.startswith("2 slices were not read;")
    broken = (*some, *(reading(one, 0.0, "bad stream") for one in instances[26:]))
    assert conclude(QUIET, instances=instances, readings=broken).verdict is Verdict.NOT_ANALYSED


def test_nothing_decodable_is_not_analysed() -> None:
    broken = tuple(reading(one, 0.0, "bad stream") for one in stack(even(28)))
    found = conclude(QUIET, readings=broken, checks=failing(CheckName.DECODED))
    assert (found.verdict, found.why, found.slices, found.decision) == (
        Verdict.NOT_ANALYSED,
        "decoding is wrong",
        (),
        None,
    )


def test_a_refused_series_shows_its_first_reason_and_no_numbers() -> None:
    found = conclude(BLEED, checks=failing(CheckName.CONTRAST, CheckName.COUNT))
    assert (found.verdict, found.why) == (Verdict.NOT_ANALYSED, "contrast is wrong")
    assert (found.probability, found.findings, found.slices, found.key_slices, found.decision) == (
        None,
        (),
        (),
        (),
        None,
    )


def test_an_unreadable_slice_between_two_positives_breaks_the_run() -> None:
    instances = stack(even(28))
    values = [0.1] * 28
    values[10] = values[12] = 0.9
    readings = tuple(
        reading(one, value, "bad" if at == 11 else "")
        for at, (one, value) in enumerate(zip(instances, values, strict=True))
    )
    assert conclude(values, instances=instances, readings=readings).verdict is Verdict.NOT_ANALYSED


def test_a_gap_breaks_the_run() -> None:
    instances = [one for one in stack(even(29)) if one.header.instance_number != 12]
    values = [0.9 if one.header.instance_number in (11, 13) else 0.1 for one in instances]
    found = conclude(values, instances=instances)
    assert found.decision and found.decision.sentence == "1 slice over 5 mm above 0.50; 10 mm are needed"
    in_spite = "so this is no finding in spite of a series probability of 0.9 (highest slice 0.9)"
    assert found.why == f"{found.decision.sentence}, {in_spite}"


def test_key_slices_are_the_most_probable_and_spread_out() -> None:
    values = [0.1] * 28
    values[5:11] = [0.6, 0.7, 0.99, 0.8, 0.75, 0.65]
    found = conclude(values)
    assert [found.slices[at].instance_number for at in found.key_slices] == [8, 10, 6]


def test_there_are_six_key_slices_at_most_and_one_of_a_negative() -> None:
    assert len(conclude([0.9] * 28).key_slices) == 6
    values = [0.1] * 28
    values[7] = 0.4
    assert conclude(values).key_slices == (7,)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40), st.randoms(use_true_random=False))
def test_the_order_of_readings_does_not_matter(values: list[float], shuffler: random.Random) -> None:
    series = subject(values)
    mixed = list(series.readings)
    shuffler.shuffle(mixed)
    assert conclude_series(replace(series, readings=tuple(mixed)), PACK, POLICY) == conclude_series(
        series, PACK, POLICY
    )


@given(st.lists(st.floats(0, 1), min_size=12, max_size=40), st.integers(0, 39))
def test_a_positive_slice_more_never_clears_a_series(values: list[float], at: int) -> None:
    more = list(values)
    more[at % len(values)] = 1.0
    if conclude(values).verdict is Verdict.POSITIVE:
        assert conclude(more).verdict is Verdict.POSITIVE


# --- the study


def series(uid: str, probabilities: Sequence[float] = QUIET, **more: Any) -> SeriesConclusion:
    slices = stack(even(len(probabilities)))
    return conclude(probabilities, series_uid=SeriesUid(uid), geometry=geometry_of(slices), **more)


def study(*conclusions: SeriesConclusion, policy: PolicySettings = POLICY) -> StudyVerdict:
    return conclude_study(STUDY, conclusions, policy)


HEAD, BLEEDING = series("1.1"), series("1.2", BLEED)
REPORT = series("1.3", checks=failing(CheckName.MODALITY)[:2])
SCOUT = series("1.4", checks=failing(CheckName.LOCALISER, CheckName.COUNT))
CONTRAST = series("1.5", checks=failing(CheckName.CONTRAST))
GAPPED = series("1.6", checks=failing(CheckName.GAPS))


@pytest.mark.parametrize(("members", "verdict", "priority", "leading"), [
    ((HEAD,), Verdict.NEGATIVE, Priority.LOW, "1.1"),
    ((BLEEDING,), Verdict.POSITIVE, Priority.HIGH, "1.2"),
    ((HEAD, BLEEDING, SCOUT), Verdict.POSITIVE, Priority.HIGH, "1.2"),
    ((HEAD, REPORT, SCOUT, CONTRAST), Verdict.NEGATIVE, Priority.LOW, "1.1"),
    ((REPORT, SCOUT), Verdict.NOT_ANALYSED, Priority.LOW, None),
    ((REPORT, CONTRAST), Verdict.NOT_ANALYSED, Priority.MEDIUM, None),
    ((GAPPED,), Verdict.NOT_ANALYSED, Priority.MEDIUM, None),
    ((), Verdict.NOT_ANALYSED, Priority.MEDIUM, None),
])  # fmt: skip
def test_any_positive_series_decides(members, verdict, priority, leading) -> None:
    found = study(*members)
    assert (found.verdict, found.priority, found.leading_series) == (verdict, priority, leading)
    assert found.why
    assert (found.probability is None) == (verdict is Verdict.NOT_ANALYSED)


@pytest.mark.parametrize(("members", "why"), [
    ((REPORT, SCOUT, CONTRAST), CONTRAST.why), ((REPORT, SCOUT), SCOUT.why), ((CONTRAST, GAPPED, REPORT), GAPPED.why),
])  # fmt: skip
def test_the_reason_is_that_of_the_series_that_came_nearest(members: tuple[SeriesConclusion, ...], why: str) -> None:
    assert study(*members).why == why


def test_the_leading_series_may_decide_alone_and_a_contradiction_is_named() -> None:
    thin = series("1.7", [0.1] * 40)
    found = study(thin, BLEEDING, policy=PolicySettings(study="leading"))
    assert (found.verdict, found.leading_series, found.priority) == (Verdict.NEGATIVE, "1.7", Priority.MEDIUM)
    assert "another series is positive (4 neighbouring slices" in found.why
    assert study(thin, BLEEDING).verdict is Verdict.POSITIVE
    assert found.policy.startswith("leading:")


@pytest.mark.parametrize(("highest", "positive"), [(0.5, False), (0.500001, True), (0.499999, False)])
def test_a_slice_is_positive_strictly_above_the_threshold(highest: float, positive: bool) -> None:
    found = conclude([0.1] * 12 + [highest] * 3 + [0.1] * 13)
    assert [one.positive for one in found.slices].count(True) == 3 * positive
    assert found.verdict is (Verdict.POSITIVE if positive else Verdict.NEGATIVE)


def test_a_negative_beside_a_high_series_probability_names_what_fell_short() -> None:
    found = conclude(QUIET, findings=(("any", 0.97), ("subdural", 0.4)))
    assert found.why == (
        "no slice above 0.50; 10 mm are needed, "
        "so this is no finding in spite of a series probability of 0.97 (highest slice 0.1)"
    )
    assert conclude(QUIET, findings=(("any", 0.49),)).why == "no slice above 0.50; 10 mm are needed"
    assert "in spite" not in conclude(BLEED).why


def test_what_the_reader_was_shown_is_an_input() -> None:
    shown = tuple(replace(one, pixels_hash=PixelsHash(f"{at:064d}")) for at, one in enumerate(HEAD.slices))
    older = tuple(replace(one, pixels_hash=None) for one in HEAD.slices)
    assert study(replace(HEAD, slices=shown)).fingerprint != study(HEAD).fingerprint
    assert study(replace(HEAD, slices=older)).fingerprint == study(HEAD).fingerprint


@given(st.permutations([HEAD, BLEEDING, REPORT, SCOUT, CONTRAST, GAPPED]), st.sampled_from(["any", "leading"]))
def test_the_order_of_series_does_not_matter(members: list[SeriesConclusion], policy: str) -> None:
    settings = PolicySettings.model_validate({"study": policy})
    expected = study(HEAD, BLEEDING, REPORT, SCOUT, CONTRAST, GAPPED, policy=settings)
    assert study(*members, policy=settings) == expected


def test_the_fingerprint_names_the_inputs() -> None:
    base = study(HEAD).fingerprint
    assert base == study(HEAD).fingerprint
    other_bytes = replace(HEAD, slices=(replace(HEAD.slices[0], pixels_hash=PixelsHash("f" * 64)), *HEAD.slices[1:]))
    different = {
        base,
        study(other_bytes).fingerprint,
        study(replace(HEAD, slices=HEAD.slices[1:])).fingerprint,
        study(replace(HEAD, pack_hash=PackHash("q" * 64))).fingerprint,
        study(HEAD, CONTRAST).fingerprint,
        study(HEAD, policy=PolicySettings(run_mm=12)).fingerprint,
        conclude_study(StudyUid("9"), [HEAD], POLICY).fingerprint,
    }
    assert len(different) == 7


def test_how_a_series_became_complete_is_no_input() -> None:
    late = replace(HEAD, evidence=replace(WHOLE, kind=EvidenceKind.QUIET, sentence="nothing came for 10 s"))
    assert study(late).fingerprint == study(HEAD).fingerprint


def test_a_late_slice_that_changes_nothing_leaves_the_answer() -> None:
    later = series("1.2", [*BLEED, 0.1])
    assert study(later).answer == study(BLEEDING).answer
    assert study(later).fingerprint != study(BLEEDING).fingerprint


def test_a_changed_verdict_or_another_positive_series_changes_the_answer() -> None:
    second = series("1.8", BLEED)
    answers = {
        study(HEAD).answer,
        study(BLEEDING).answer,
        study(BLEEDING, second).answer,
        study(second).answer,
        study(CONTRAST).answer,
    }
    assert len(answers) == 5
    assert all(len(one) <= 64 for one in answers)
