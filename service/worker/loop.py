"""The worker's day: claim, walk, and when a walk fails, write down why and go on."""

from __future__ import annotations

import logging
import threading
import time

from service.domain.job import Job
from service.errors import LeaseLost, NoRoom, StaleStudy
from service.ledger import jobs
from service.ledger.book import Ledger
from service.ledger.heart import process_name
from service.settings import WorkSettings
from service.worker.desk import WorkerDesk
from service.worker.walk import walk

log = logging.getLogger(__name__)
#: an idle worker looks at the clock this often, in seconds
LOOK_SECONDS = 1.0


def run(ledger: Ledger, desk: WorkerDesk, settings: WorkSettings, stop: threading.Event) -> None:
    """Work until told to stop; the walk in hand is finished first."""
    name = process_name()
    while not stop.is_set():
        try:
            job = jobs.claim(ledger, name, settings.lease_seconds, time.time())
            if job is None:
                ledger.wait_for_change(LOOK_SECONDS)
            else:
                take(ledger, desk, settings, job)
        except Exception:
            log.exception("the ledger cannot be used, trying again")
            stop.wait(LOOK_SECONDS)


def take(ledger: Ledger, desk: WorkerDesk, settings: WorkSettings, job: Job) -> None:
    """Walk one job; nothing that goes wrong with it stops the worker."""
    try:
        walk(ledger, desk, settings, job)
    except LeaseLost as problem:
        log.warning("job %s: %s", job.job_id, problem)
    except StaleStudy as problem:
        log.info("job %s: %s; concluding again", job.job_id, problem)
        _fail(ledger, job, _setback(settings, str(problem), 0.0, counts=False))
    except NoRoom as problem:
        log.error("job %s waits: %s", job.job_id, problem)
        _fail(ledger, job, _setback(settings, str(problem), settings.retry_seconds, counts=False))
    except Exception as problem:
        log.exception("job %s of series %s failed", job.job_id, job.series_uid)
        pause = settings.retry_seconds * 2**job.attempt
        _fail(ledger, job, _setback(settings, f"{type(problem).__name__}: {problem}", pause))


def _setback(settings: WorkSettings, error: str, pause: float, *, counts: bool = True) -> jobs.Setback:
    now = time.time()
    return jobs.Setback(error=error, at=now, due_at=now + pause, max_attempts=settings.max_attempts, counts=counts)


def _fail(ledger: Ledger, job: Job, setback: jobs.Setback) -> None:
    try:
        jobs.fail(ledger, job, setback)
    except LeaseLost as problem:
        log.warning("job %s: %s", job.job_id, problem)
