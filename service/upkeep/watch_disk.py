"""The disk is watched, so that the door's refusal never comes as a surprise."""

from __future__ import annotations

import logging

from service.settings import DiskSettings
from service.store.files import FileStore

log = logging.getLogger(__name__)
#: warn while this many times the limit is left
WARN_FACTOR = 2.0


def watch_disk(store: FileStore, settings: DiskSettings) -> float:
    """Warn when space runs low; return the free MB."""
    free = store.free_mb()
    if free < settings.min_free_mb:
        limit = settings.min_free_mb
        log.error("disk: %.0f MB free, below disk.min_free_mb = %.0f: the door refuses objects", free, limit)
    elif free < WARN_FACTOR * settings.min_free_mb:
        log.warning("disk: %.0f MB free; the door closes below %.0f MB", free, settings.min_free_mb)
    return free
