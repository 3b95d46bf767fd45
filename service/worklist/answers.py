"""Ledger nouns as the JSON that CONTRACT names; programs rely on every key."""

from __future__ import annotations

from typing import Any

from service.domain.series import Evidence
from service.domain.verdict import SeriesConclusion
from service.ledger.case import Case, ListedDelivery, ListedNotice, ListedResult, ListedSeries, Step
from service.ledger.codec import to_json
from service.ledger.listing import ListedStudy
from service.ledger.undelivered import Undelivered
from service.worklist.words import UNREAD_WHY, iso

Json = dict[str, Any]


def study_row(study: ListedStudy) -> Json:
    """Return one line of the list."""
    return {
        "study_instance_uid": study.study_uid,
        "accession_number": study.accession_number,
        "patient_id": study.patient.get("patient_id", ""),
        "patient_name": study.patient.get("name", ""),
        "state": study.state,
        "priority": study.priority,
        "verdict": study.verdict,
        "probability": study.probability,
        "received_at": iso(study.received_at),
        "concluded_at": iso(study.concluded_at),
        "notified_at": iso(study.notified_at),
        "why": why_of(study),
    }


def why_of(study: ListedStudy) -> str:
    """Return the reason as kept, or what the study waits for while nobody has concluded it."""
    return study.why or UNREAD_WHY.get(study.state, "")


def case_answer(case: Case) -> Json:
    """Return one study whole; the top-level slices, suitability and evidence are the leading series'."""
    leading = leading_of(case)
    conclusion = leading.conclusion if leading else None
    return {
        **study_row(case.study),
        "policy": case.verdict.policy if case.verdict else None,
        "leading_series": leading.series_uid if leading else None,
        "slices": _slices(conclusion),
        "suitability": to_json_list(conclusion.suitability) if conclusion else [],
        "evidence": _evidence(leading.evidence) if leading else None,
        "series": [_series(one) for one in case.series],
        "results": [_result(one) for one in case.results],
        "deliveries": [delivery_answer(one) for one in case.deliveries],
        "notices": [notice_answer(one) for one in case.notices],
        "timeline": timeline(case.steps),
    }


def leading_of(case: Case) -> ListedSeries | None:
    """Return the series the study's verdict rests on, else the one with the most slices read, else the largest."""
    named = case.verdict.leading_series if case.verdict else None
    ranked = sorted(
        case.series,
        key=lambda one: (
            one.series_uid == named,
            len(one.conclusion.slices) if one.conclusion else 0,
            len(one.conclusion.suitability) if one.conclusion else 0,
            one.received,
        ),
    )
    return ranked[-1] if ranked else None


def to_json_list(nouns: tuple[Any, ...]) -> list[Any]:
    """Return each noun as a dict."""
    return [to_json(one) for one in nouns]


def _slices(conclusion: SeriesConclusion | None) -> list[Json]:
    if conclusion is None:
        return []
    return [
        {
            "sop_instance_uid": one.sop_uid,
            "frame": one.frame,
            "instance_number": one.instance_number,
            "place_mm": one.place_mm,
            "probability": one.probability,
            "positive": one.positive,
            "findings": dict(one.findings),
        }
        for one in conclusion.slices
    ]


def _evidence(evidence: Evidence | None) -> Json | None:
    if evidence is None:
        return None
    answer: Json = to_json(evidence)
    return answer


def _series(one: ListedSeries) -> Json:
    found = one.conclusion
    return {
        "series_instance_uid": one.series_uid,
        "modality": one.modality,
        "description": one.description,
        "state": one.state,
        "received": one.received,
        "expected": one.expected,
        "first_arrival_at": iso(one.first_arrival_at),
        "completed_at": iso(one.completed_at),
        "evidence": _evidence(one.evidence),
        "job": one.job,
        "error": one.error,
        "verdict": found.verdict if found else None,
        "probability": found.probability if found else None,
        "why": found.why if found else one.error,
        "findings": dict(found.findings) if found else {},
        "decision": to_json(found.decision) if found and found.decision else None,
        "pack": {"name": found.pack_name, "version": found.pack_version, "hash": found.pack_hash} if found else None,
        "suitability": to_json_list(found.suitability) if found else [],
        "slices": _slices(found),
        "key_slices": list(found.key_slices) if found else [],
    }


def _result(one: ListedResult) -> Json:
    return {
        "sop_instance_uid": one.sop_uid,
        "sop_class_uid": one.sop_class,
        "series_instance_uid": one.series_uid,
        "kind": one.kind,
        "dialect": one.dialect,
        "number": one.number,
        "result_set": one.result_set,
        "made_at": iso(one.made_at),
        "current": one.current,
    }


def delivery_answer(one: ListedDelivery) -> Json:
    """Return one delivery."""
    return {
        "id": one.delivery_id,
        "study_instance_uid": one.study_uid,
        "sop_instance_uid": one.sop_uid,
        "kind": one.kind,
        "dialect": one.dialect,
        "number": one.number,
        "destination": one.destination,
        "state": one.state,
        "attempt": one.attempt,
        "queued_at": iso(one.queued_at),
        "sent_at": iso(one.sent_at),
        "committed_at": iso(one.committed_at),
        "error": one.error,
    }


def undelivered_row(one: Undelivered, now: float) -> Json:
    """Return what one destination still lacks of one flagged study, or has not proven."""
    return {
        "study_instance_uid": one.study_uid,
        "accession_number": one.accession_number,
        "destination": one.destination,
        "state": one.state,
        "objects": one.objects,
        "queued_at": iso(one.queued_at),
        "age_seconds": round(now - one.queued_at, 3),
        "provable": not one.unprovable,
        "error": one.error,
    }


def notice_answer(one: ListedNotice) -> Json:
    """Return one notice."""
    return {
        "id": one.notice_id,
        "study_instance_uid": one.study_uid,
        "target": one.target,
        "kind": one.kind,
        "number": one.number,
        "key": one.key,
        "verdict": one.verdict,
        "state": one.state,
        "attempt": one.attempt,
        "queued_at": iso(one.queued_at),
        "sent_at": iso(one.sent_at),
        "error": one.error,
    }


def timeline(steps: tuple[Step, ...]) -> list[Json]:
    """Return the walk; ``seconds`` counts from the step before, ``since_start`` from the first."""
    answer: list[Json] = []
    for at, step in enumerate(steps):
        before = steps[at - 1] if at else step
        answer.append(
            {
                "at": iso(step.at),
                "step": step.step,
                "text": step.text,
                "series_instance_uid": step.series_uid,
                "seconds": round(step.at - before.at, 3),
                "since_start": round(step.at - steps[0].at, 3),
            }
        )
    return answer
