"""Asking a PACS how many instances a series has: Study Root C-FIND at series level (PS3.4 C.6.2.1.3)."""

from __future__ import annotations

import logging
from typing import Any

from pydicom import Dataset
from pynetdicom import AE
from pynetdicom.association import Association

from service.dicom.statuses import Status, name_of
from service.dicom.uids import STUDY_ROOT_FIND
from service.settings import QueryPeer

log = logging.getLogger(__name__)
#: one match follows, with or without all the keys that were asked for
MATCHES = frozenset({Status.PENDING, Status.PENDING_WITHOUT_OPTIONAL_KEYS})


def series_count(peer: QueryPeer, calling_ae: str, study_uid: str, series_uid: str, timeout: float) -> int | None:
    """Return the instances the peer has of a series; None when it does not know, say or answer.

    ``timeout`` in seconds holds for the connection and for each answer.
    """
    association = _associate(peer, calling_ae, timeout)
    if not association.is_established:
        log.warning("query peer %s does not answer at %s:%d", peer.ae_title, peer.host, peer.port)
        return None
    try:
        return _count(association, peer, _wanted(study_uid, series_uid))
    finally:
        if association.is_established:
            association.release()


def _associate(peer: QueryPeer, calling_ae: str, timeout: float) -> Association:
    entity = AE(ae_title=calling_ae)
    entity.connection_timeout = entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = timeout
    entity.add_requested_context(STUDY_ROOT_FIND)
    return entity.associate(peer.host, peer.port, ae_title=peer.ae_title)


def _wanted(study_uid: str, series_uid: str) -> Dataset:
    wanted = Dataset()
    wanted.QueryRetrieveLevel = "SERIES"
    wanted.StudyInstanceUID = study_uid
    wanted.SeriesInstanceUID = series_uid
    wanted.NumberOfSeriesRelatedInstances = None
    return wanted


def _count(association: Association, peer: QueryPeer, wanted: Dataset) -> int | None:
    """Believe only an answer about this very series, from a query that ended well."""
    if not association.accepted_contexts:
        log.warning("query peer %s does not accept Study Root C-FIND", peer.ae_title)
        return None
    found: list[int] = []
    for status, answer in association.send_c_find(wanted, STUDY_ROOT_FIND):
        code = status.get("Status")
        if code in MATCHES and answer is not None and answer.get("SeriesInstanceUID") == wanted.SeriesInstanceUID:
            found += _number(answer.get("NumberOfSeriesRelatedInstances"))
        elif code not in MATCHES and code != Status.SUCCESS:
            hint = f"; does it know the AE title {association.requestor.ae_title}?" if code is None else ""
            log.warning("query peer %s ended the query with %s%s", peer.ae_title, name_of(code), hint)
            return None
    return max(found, default=None)


def _number(value: Any) -> list[int]:
    try:
        number = int(value)
    except (TypeError, ValueError):
        return []
    return [number] if number > 0 else []
