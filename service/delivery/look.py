"""Proof from a DICOMweb service, which knows no Storage Commitment: look whether the objects are there (WADO-RS).

Weaker than a commitment, since nobody promises to keep them; it shows that they arrived whole enough to be found.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from service.delivery.web_client import WebService, in_words, status_of, web_service
from service.ledger.outbox import CommitReport, CommitRequest, SentObject
from service.peers import Destination

#: a service may show what it took only after a while; before that a missing object is looked for again, not sent again
SETTLING_SECONDS = 240.0
NOT_SHOWN = "not found there yet, looked for again"
LOST = "the archive lost it, it is sent again: not found there"
OTHER = "found there as another SOP class, looked for again"
SOP_CLASS = "00080016"


def look_for(peer: Destination, request: CommitRequest) -> CommitReport:
    """Look for each object; DestinationDown when the service does not answer."""
    with web_service(peer) as service, in_words(peer):
        shown = {one: _class_shown(service, request.study_uid, one) for one in request.references}
    missing = [one.sop_uid for one, seen in shown.items() if seen is None]
    patient = request.waited < SETTLING_SECONDS
    return CommitReport(
        transaction_uid=request.transaction_uid,
        kept=[one.sop_uid for one, seen in shown.items() if seen == one.sop_class],
        lost={} if patient else dict.fromkeys(missing, LOST),
        doubted={one.sop_uid: OTHER for one, seen in shown.items() if seen not in (None, one.sop_class)}
        | (dict.fromkeys(missing, NOT_SHOWN) if patient else {}),
    )


def _class_shown(service: WebService, study_uid: str, one: SentObject) -> str | None:
    """Return the SOP class of the object there, None when there is no such object."""
    import requests

    try:
        said = service.client.retrieve_instance_metadata(study_uid, one.series_uid, one.sop_uid)
    except requests.exceptions.HTTPError as problem:
        if status_of(problem) in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
            return None
        raise
    return _first(said.get(SOP_CLASS))


def _first(element: Any) -> str:
    values = element.get("Value") if isinstance(element, dict) else None
    return str(values[0]) if values else ""
