"""The study row: its state follows from its series, jobs and deliveries, and its timeline tells the walk."""

from __future__ import annotations

from sqlalchemy import Connection, insert, select, update

from service.domain.delivery import DeliveryState
from service.domain.job import JobState
from service.domain.series import SeriesState
from service.domain.verdict import StudyState, Verdict
from service.ledger.tables import deliveries, events, jobs, result_objects, series, studies

PENDING = {DeliveryState.QUEUED, DeliveryState.RETRYING}


def note(connection: Connection, study_uid: str, step: str, text: str, at: float) -> None:
    """Write one line of the study's timeline; never a name or a patient's number."""
    connection.execute(insert(events).values(study_uid=study_uid, at=at, step=step, text=text))


def refresh_state(connection: Connection, study_uid: str) -> StudyState:
    """Recompute and keep the study's state; call it at the end of every verb that touches the study."""
    open_series = _found(connection, series.c.state, series.c.study_uid == study_uid)
    job_states = _found(connection, jobs.c.state, jobs.c.study_uid == study_uid)
    row = connection.execute(
        select(studies.c.verdict, studies.c.published_set).where(studies.c.study_uid == study_uid)
    ).one()
    sent = set(
        connection.scalars(
            select(deliveries.c.state)
            .join(result_objects, result_objects.c.sop_uid == deliveries.c.sop_uid)
            .where(result_objects.c.result_set == row.published_set)
            .distinct()
        )
    )
    state = study_state(SeriesState.OPEN in open_series, job_states, sent, row.verdict)
    connection.execute(update(studies).where(studies.c.study_uid == study_uid).values(state=state))
    return state


def study_state(receiving: bool, job_states: set[str], sent: set[str], verdict: str | None) -> StudyState:
    """Tell where a study stands: the earliest unfinished step wins, a failure outranks a finished step."""
    if receiving:
        return StudyState.RECEIVING
    if JobState.RUNNING in job_states:
        return StudyState.READING
    if job_states & {JobState.OFFERED, JobState.WAITING, JobState.RETRYABLE}:
        return StudyState.WAITING
    if JobState.GIVEN_UP in job_states or DeliveryState.DEAD in sent:
        return StudyState.FAILED
    if sent & PENDING:
        return StudyState.DELIVERING
    return StudyState.NOT_ANALYSED if verdict == Verdict.NOT_ANALYSED else StudyState.DONE


def _found(connection: Connection, column: object, where: object) -> set[str]:
    return set(connection.scalars(select(column).where(where).distinct()))  # type: ignore[call-overload]
