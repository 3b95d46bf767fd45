"""When each janitor works."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType

from apscheduler.events import EVENT_JOB_ERROR, JobExecutionEvent
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Duty:
    """A janitor's work and its rhythm in seconds; one run at a time, missed runs are not made up."""

    name: str
    work: Callable[[], object]
    every_seconds: float


class Schedule:
    """Runs duties in the background until left; a duty that fails is logged and runs again next time."""

    def __init__(self, duties: list[Duty]) -> None:
        self._scheduler = BackgroundScheduler(
            executors={"default": ThreadPoolExecutor(max(2, len(duties)))},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
            timezone="UTC",
        )
        self._scheduler.add_listener(_log_failure, EVENT_JOB_ERROR)
        for duty in duties:
            self._scheduler.add_job(duty.work, "interval", seconds=duty.every_seconds, id=duty.name, name=duty.name)

    def __enter__(self) -> Schedule:
        self._scheduler.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._scheduler.shutdown(wait=True)


def _log_failure(event: JobExecutionEvent) -> None:
    log.error("duty %s failed: %s\n%s", event.job_id, event.exception, event.traceback)
