"""The worker's day: claim, walk, and when a walk fails, write down why and go on."""

from __future__ import annotations

import logging
import threading
import time

from service.domain.job import Job
from service.errors import LeaseLost, StaleStudy
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
        job = jobs.claim(ledger, name, settings.lease_seconds, time.time())
        if job is None:
            ledger.wait_for_change(LOOK_SECONDS)
            continue
        take(ledger, desk, settings, job)


def take(ledger: Ledger, desk: WorkerDesk, settings: WorkSettings, job: Job) -> None:
    """Walk one job; nothing that goes wrong with it stops the worker."""
    try:
        walk(ledger, desk, settings, job)
    except LeaseLost as problem:
        log.warning("job %s: %s", job.job_id, problem)
    except StaleStudy as problem:
        log.info("job %s: %s; concluding again", job.job_id, problem)
        _fail(ledger, settings, job, str(problem), pause=0.0)
    except Exception as problem:
        log.exception("job %s of series %s failed", job.job_id, job.series_uid)
        pause = settings.retry_seconds * 2**job.attempt
        _fail(ledger, settings, job, f"{type(problem).__name__}: {problem}", pause)


def _fail(ledger: Ledger, settings: WorkSettings, job: Job, error: str, pause: float) -> None:
    now = time.time()
    setback = jobs.Setback(error=error, at=now, due_at=now + pause, max_attempts=settings.max_attempts)
    try:
        jobs.fail(ledger, job, setback)
    except LeaseLost as problem:
        log.warning("job %s: %s", job.job_id, problem)
