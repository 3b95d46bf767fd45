"""Studies older than the retention go: only finished ones with everything delivered."""

from __future__ import annotations

import logging

from service.ledger import retention
from service.ledger.book import Ledger
from service.store.files import FileStore

log = logging.getLogger(__name__)
DAY_SECONDS = 86400.0


def purge(ledger: Ledger, store: FileStore, days: float, now: float) -> list[str]:
    """Forget what is old and delivered; return the studies that went."""
    before = now - days * DAY_SECONDS
    gone: list[str] = []
    for study_uid in retention.expired(ledger, before):
        purged = retention.purge(ledger, study_uid, before, now, store.remove)
        if purged is None:
            continue
        log.info("study %s purged, %d files", study_uid, len(purged.files))
        gone.append(study_uid)
    aside = retention.forget_conflicts(ledger, before, store.remove)
    if aside:
        log.info("%d file(s) that were kept aside purged", aside)
    return gone
