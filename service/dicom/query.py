"""Asking a PACS how many instances a series has: Study Root C-FIND at series level (PS3.4 C.6.2.1.3)."""

from __future__ import annotations

import logging
from typing import Any

from pydicom import Dataset
from pynetdicom import AE
from pynetdicom.association import Association

from service.dicom.statuses import Status, name_of
from service.dicom.uids import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME, STUDY_ROOT_FIND
from service.peers import QueryPeer

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
        return _count(association, peer, study_uid, series_uid)
    finally:
        if association.is_established:
            association.release()


def _associate(peer: QueryPeer, calling_ae: str, timeout: float) -> Association:
    entity = AE(ae_title=calling_ae)
    entity.implementation_class_uid = IMPLEMENTATION_CLASS_UID
    entity.implementation_version_name = IMPLEMENTATION_VERSION_NAME
    entity.connection_timeout = entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = timeout
    entity.add_requested_context(STUDY_ROOT_FIND)
    return entity.associate(peer.host, peer.port, ae_title=peer.ae_title)


def _wanted(level: str, study_uid: str, series_uid: str) -> Dataset:
    wanted = Dataset()
    wanted.QueryRetrieveLevel = level
    wanted.StudyInstanceUID = study_uid
    wanted.SeriesInstanceUID = series_uid
    if level == "SERIES":
        wanted.NumberOfSeriesRelatedInstances = None
    else:
        wanted.SOPInstanceUID = None
    return wanted


def _count(association: Association, peer: QueryPeer, study_uid: str, series_uid: str) -> int | None:
    """Take the count where the peer gives it; it is optional (PS3.4 C.6.1.1.4), else count the instances listed."""
    if not association.accepted_contexts:
        log.warning("query peer %s does not accept Study Root C-FIND", peer.ae_title)
        return None
    series = _answers(association, peer, _wanted("SERIES", study_uid, series_uid))
    if not series:
        return None
    told = max((_number(one.get("NumberOfSeriesRelatedInstances")) for one in series), default=0)
    listed = [] if told else _answers(association, peer, _wanted("IMAGE", study_uid, series_uid))
    return told or len({one.get("SOPInstanceUID") for one in listed}) or None


def _answers(association: Association, peer: QueryPeer, wanted: Dataset) -> list[Dataset]:
    """Return the answers about this very series, none when the query did not end well."""
    found: list[Dataset] = []
    if not association.is_established:
        return found
    for status, answer in association.send_c_find(wanted, STUDY_ROOT_FIND):
        code = status.get("Status")
        if code in MATCHES and answer is not None and answer.get("SeriesInstanceUID") == wanted.SeriesInstanceUID:
            found.append(answer)
        elif code not in MATCHES and code != Status.SUCCESS:
            hint = f"; does it know the AE title {association.requestor.ae_title}?" if code is None else ""
            log.warning("query peer %s ended the query with %s%s", peer.ae_title, name_of(code), hint)
            return []
    return found


def _number(value: Any) -> int:
    try:
        return max(0, int(value))
    except (TypeError, ValueError):
        return 0
