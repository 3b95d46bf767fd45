"""What the templates print: finished words, so that they hold no logic."""

from __future__ import annotations

from dataclasses import dataclass

from service.domain.scan import Patient
from service.domain.verdict import Priority, StudyState, Verdict
from service.ledger.codec import from_json
from service.ledger.listing import ListedStudy, Progress
from service.worklist.answers import why_of
from service.worklist.words import HEADLINES, STATES, clock, day, lapse, percent, person_name, sentence, span

MOVING = (StudyState.RECEIVING, StudyState.WAITING, StudyState.READING, StudyState.DELIVERING)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the worklist in words."""

    uid: str
    priority: Priority
    tone: str
    headline: str
    chance: str
    probability: float | None
    name: str
    person: str
    accession: str
    description: str
    state: StudyState
    state_word: str
    moving: bool
    progress: str
    received: int
    expected: int | None
    age: str
    arrived: str
    told: str
    why: str


def row_of(study: ListedStudy, progress: Progress, now: float) -> Row:
    """Put one study into words."""
    patient = from_json(Patient, study.patient)
    return Row(
        uid=study.study_uid,
        priority=study.priority,
        tone=tone_of(study),
        headline=headline_of(study),
        chance=percent(study.probability),
        probability=study.probability,
        name=person_name(patient.name) or "No name",
        person=person_line(patient),
        accession=study.accession_number,
        description=str(study.header.get("description", "")),
        state=study.state,
        state_word=STATES[study.state],
        moving=study.state in MOVING,
        progress=_progress(study, progress),
        received=progress.received,
        expected=progress.expected if study.state is StudyState.RECEIVING else None,
        age=span(now - study.received_at),
        arrived=clock(study.received_at, now),
        told=_told(study),
        why=sentence(why_of(study)),
    )


def headline_of(study: ListedStudy) -> str:
    """Return the finding in a few words."""
    if study.verdict is not None:
        return HEADLINES[study.verdict]
    return "Reading failed" if study.state is StudyState.FAILED else "Not read yet"


def tone_of(study: ListedStudy) -> str:
    """Return the colour family of a study."""
    if study.verdict is Verdict.POSITIVE:
        return "positive"
    if study.verdict is Verdict.NOT_ANALYSED or study.state is StudyState.FAILED:
        return "unread"
    return "negative" if study.verdict is Verdict.NEGATIVE else "pending"


def person_line(patient: Patient) -> str:
    """Return ID, sex and age as far as they are known."""
    age = f"{patient.age_years:.0f} y" if patient.age_years is not None else ""
    born = f"born {day(patient.birth_date)}" if patient.birth_date else ""
    return " · ".join(part for part in (patient.patient_id, patient.sex, age or born) if part)


def _progress(study: ListedStudy, progress: Progress) -> str:
    if study.state is StudyState.RECEIVING:
        whole = f" of {progress.expected}" if progress.expected else ""
        return f"{progress.received}{whole} images"
    if progress.deliveries and study.state in (StudyState.DELIVERING, StudyState.FAILED):
        return f"{progress.delivered} of {progress.deliveries} sent"
    return ""


def _told(study: ListedStudy) -> str:
    if study.notified_at is None:
        return ""
    return f"reported after {lapse(study.notified_at - study.received_at)}"
