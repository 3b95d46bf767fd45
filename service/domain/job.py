"""The life cycle of a reading job: an enum and one table; what is not in the table cannot happen."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from service.domain.ids import JobId, SeriesUid, StudyUid


class JobState(StrEnum):
    """Where a reading job stands."""

    OFFERED = "offered"
    RUNNING = "running"
    WAITING = "waiting"
    RETRYABLE = "retryable"
    DONE = "done"
    GIVEN_UP = "given_up"


class JobEvent(StrEnum):
    """What can happen to a reading job."""

    CLAIM = "claim"
    RELEASE = "release"
    ARRIVED = "arrived"
    COMPLETED = "completed"
    FINISH = "finish"
    FAIL = "fail"
    LEASE_LOST = "lease_lost"
    DUE = "due"
    EXHAUSTED = "exhausted"
    REPLAY = "replay"


TRANSITIONS: dict[tuple[JobState, JobEvent], JobState] = {
    (JobState.OFFERED, JobEvent.CLAIM): JobState.RUNNING,
    (JobState.RUNNING, JobEvent.RELEASE): JobState.WAITING,
    (JobState.RUNNING, JobEvent.FINISH): JobState.DONE,
    (JobState.RUNNING, JobEvent.FAIL): JobState.RETRYABLE,
    (JobState.RUNNING, JobEvent.LEASE_LOST): JobState.RETRYABLE,
    (JobState.WAITING, JobEvent.ARRIVED): JobState.OFFERED,
    (JobState.WAITING, JobEvent.COMPLETED): JobState.OFFERED,
    (JobState.RETRYABLE, JobEvent.DUE): JobState.OFFERED,
    (JobState.RETRYABLE, JobEvent.EXHAUSTED): JobState.GIVEN_UP,
    (JobState.DONE, JobEvent.ARRIVED): JobState.OFFERED,
    (JobState.DONE, JobEvent.REPLAY): JobState.OFFERED,
    (JobState.GIVEN_UP, JobEvent.ARRIVED): JobState.OFFERED,
    (JobState.GIVEN_UP, JobEvent.REPLAY): JobState.OFFERED,
}


def sources(event: JobEvent) -> dict[JobState, JobState]:
    """Return, for one event, each state it may start from and the state it leads to."""
    return {before: after for (before, happened), after in TRANSITIONS.items() if happened is event}


@dataclass(frozen=True, kw_only=True)
class Job:
    """A claimed job: read this series as it stands at ``version``."""

    job_id: JobId
    series_uid: SeriesUid
    study_uid: StudyUid
    version: int
    attempt: int
    lease: str
