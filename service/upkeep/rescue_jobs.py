"""Jobs of workers that show no life are offered again; due ones too."""

from __future__ import annotations

import logging

from service.ledger import jobs
from service.ledger.book import Ledger
from service.ledger.heart import is_dead
from service.settings import WorkSettings

log = logging.getLogger(__name__)


def rescue_jobs(ledger: Ledger, settings: WorkSettings, now: float) -> int:
    """Rescue and offer; return how many jobs move again."""
    dead = [name for name in jobs.running_workers(ledger) if is_dead(name)]
    rescued = jobs.rescue(ledger, now, settings.max_attempts, dead)
    if rescued:
        log.warning("%d job(s) taken back from workers that showed no sign of life", rescued)
    return rescued + jobs.offer_due(ledger, now)
