"""Asking the query peers how many instances a series has; the largest answer counts, and silence is no answer."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from service.dicom.query import series_count
from service.peers import QueryPeer

log = logging.getLogger(__name__)
#: a sweep waits for a peer no longer than this
TIMEOUT_SECONDS = 5.0


def ask(peers: Sequence[QueryPeer], calling_ae: str, study_uid: str, series_uid: str) -> int | None:
    """Return the largest count any peer names: one that is still receiving names too few, none too many."""
    counts = [series_count(peer, calling_ae, study_uid, series_uid, TIMEOUT_SECONDS) for peer in peers]
    known = max((count for count in counts if count is not None), default=None)
    if known is not None:
        log.info("series %s has %d instances at the query peers", series_uid, known)
    return known
