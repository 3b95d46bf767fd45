"""Sending a series as a scanner would: one association, C-STORE after C-STORE (PS3.4 B)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from pynetdicom import build_context

from service.delivery import answers
from service.delivery.association import associate, store_file
from service.dicom import uids
from service.dicom.statuses import stored
from service.errors import DestinationDown
from service.peers import Destination

log = logging.getLogger(__name__)

Progress = Callable[[int, int], None]


def send_series(paths: Sequence[Path], peer: Destination, calling_ae: str, progress: Progress | None = None) -> int:
    """Send CT files; ``progress`` hears (sent, all). DestinationDown says what is wrong and the mend."""
    context = build_context(uids.CT_IMAGE, [uids.EXPLICIT_LE, uids.IMPLICIT_LE])
    with associate(calling_ae, peer, [context]) as association:
        if not any(one.abstract_syntax == uids.CT_IMAGE for one in association.accepted_contexts):
            raise DestinationDown(answers.not_negotiated(peer.name, uids.uid_name(uids.CT_IMAGE)))
        for sent, path in enumerate(paths, start=1):
            status = store_file(association, path, peer.name)
            if not stored(status):
                raise DestinationDown(answers.refusal(peer.name, status))
            if progress:
                progress(sent, len(paths))
    log.info("sent %d images to %s", len(paths), peer.name)
    return len(paths)
