"""The answer for a study from the conclusions of its series; the order they come in does not matter. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from service.domain.checks import clearly_no_head_ct, objection
from service.domain.ids import StudyUid
from service.domain.verdict import Priority, SeriesConclusion, StudyVerdict, Verdict
from service.settings import PolicySettings

POLICIES = {
    "any": "any positive series makes the study positive",
    "leading": "the readable series with most slices decides alone",
}
#: characters of the digest that tells sets of positive series apart
ANSWER_DIGITS = 32


def conclude_study(
    study_uid: StudyUid, conclusions: Sequence[SeriesConclusion], policy: PolicySettings
) -> StudyVerdict:
    """Decide the study: not_analysed only when none of its series was; a localiser beside a head is no loss."""
    ordered = tuple(sorted(conclusions, key=lambda one: one.series_uid))
    leading = _leading(ordered, policy)
    verdict = leading.verdict if leading else Verdict.NOT_ANALYSED
    return StudyVerdict(
        study_uid=study_uid,
        verdict=verdict,
        priority=_priority(verdict, ordered),
        probability=leading.probability if leading else None,
        why=_why(leading, ordered),
        policy=f"{policy.study}: {POLICIES[policy.study]}",
        leading_series=leading.series_uid if leading else None,
        conclusions=ordered,
        fingerprint=_fingerprint(study_uid, ordered, policy),
        answer=_answer(verdict, ordered),
    )


def _leading(ordered: Sequence[SeriesConclusion], policy: PolicySettings) -> SeriesConclusion | None:
    """Return the conclusion the study rests on; of equals the first by UID."""
    read = [one for one in ordered if one.verdict is not Verdict.NOT_ANALYSED]
    if policy.study == "leading":
        return max(read, key=lambda one: (len(one.slices), _rank(one)), default=None)
    return max(read, key=_rank, default=None)


def _rank(one: SeriesConclusion) -> tuple[bool, float]:
    return one.verdict is Verdict.POSITIVE, one.probability or 0.0


def _priority(verdict: Verdict, conclusions: Sequence[SeriesConclusion]) -> Priority:
    """Put the study in its place on the list.

    HIGH: positive. LOW: negative, or clearly no head CT, for which the node has nothing to say. MEDIUM: nobody knows -
    what may be a head CT was not read, or another series of the study contradicts the leading one.
    """
    if verdict is Verdict.POSITIVE:
        return Priority.HIGH
    if verdict is Verdict.NEGATIVE:
        contradicted = any(one.verdict is Verdict.POSITIVE for one in conclusions)
        return Priority.MEDIUM if contradicted else Priority.LOW
    known = conclusions and all(clearly_no_head_ct(one.suitability) for one in conclusions)
    return Priority.LOW if known else Priority.MEDIUM


def _why(leading: SeriesConclusion | None, conclusions: Sequence[SeriesConclusion]) -> str:
    """Give the leading series' reason, else that of the series which came nearest to being read."""
    if leading is None:
        nearest = max(conclusions, key=lambda one: (objection(one.suitability), len(one.slices)), default=None)
        return nearest.why if nearest else "nothing that could be read came"
    others = [one for one in conclusions if one.verdict is Verdict.POSITIVE and leading.verdict is Verdict.NEGATIVE]
    return f"{leading.why}; another series is positive ({others[0].why})" if others else leading.why


def _fingerprint(study_uid: str, ordered: Sequence[SeriesConclusion], policy: PolicySettings) -> str:
    """Name what the answer was made from: slices by content, pack, policy; evidence and clock do not count."""
    inputs = {"study": study_uid, "policy": policy.model_dump(mode="json"), "series": [_inputs(one) for one in ordered]}
    return hashlib.sha256(json.dumps(inputs, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _inputs(one: SeriesConclusion) -> dict[str, object]:
    return {
        "series": one.series_uid,
        "pack": one.pack_hash,
        "verdict": one.verdict.value,
        "refused": one.why if one.verdict is Verdict.NOT_ANALYSED else "",
        "slices": [(score.sop_uid, score.frame, score.shown) for score in one.slices],
    }


def _answer(verdict: Verdict, ordered: Sequence[SeriesConclusion]) -> str:
    """Return what a reader would notice: the verdict and which series are positive, not how many slices."""
    positives = "\n".join(one.series_uid for one in ordered if one.verdict is Verdict.POSITIVE)
    return (
        f"{verdict.value}:{hashlib.sha256(positives.encode()).hexdigest()[:ANSWER_DIGITS]}"
        if positives
        else verdict.value
    )
