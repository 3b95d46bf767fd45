"""STOW-RS: one object a request, its answer read as PS3.18 10.5.3 has it."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path
from typing import Any

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError

from service.delivery import answers
from service.delivery.answers import Outcome
from service.delivery.web_client import WebService, in_words, status_of
from service.dicom.functional_groups import BAD_VALUE
from service.dicom.statuses import Status
from service.domain.delivery import Delivery
from service.errors import DestinationDown
from service.peers import Destination

#: these speak of the object, not of the service (PS3.18 Table 10.5.3-1)
ABOUT_THE_OBJECT = frozenset(
    {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.CONFLICT,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        HTTPStatus.UNPROCESSABLE_ENTITY,
    }
)


#: no DICOMweb service says this to a STOW-RS, whatever its status
PAGE = "text/html"


class StowCarrier:
    """Stores objects at a DICOMweb service."""

    def __init__(self, service: WebService, peer: Destination) -> None:
        self._service = service
        self._peer = peer

    def carry(self, delivery: Delivery, path: Path) -> Outcome:
        """Store one file; DestinationDown when the service as a whole is at fault."""
        try:
            data = dcmread(path)
        except (*BAD_VALUE, OSError, InvalidDicomError) as problem:
            return Outcome(False, answers.unsendable(problem))
        with in_words(self._peer):
            response = self._store(data)
        if PAGE in response.headers.get("Content-Type", ""):
            raise DestinationDown(f"{self._peer.name} at {self._peer.url} answers with a web page: mend url")
        return read_answer(response.status_code, body_of(response), delivery)

    def _store(self, data: Dataset) -> Any:
        import requests

        heard = self._service.heard
        heard.clear()
        try:
            self._service.client.store_instances([data])
        except requests.exceptions.HTTPError as problem:
            if status_of(problem) not in ABOUT_THE_OBJECT:
                raise
        except BAD_VALUE:
            # the service was heard, but the client cannot read what it said
            if not heard:
                raise
        return heard[-1]


def body_of(response: Any) -> Dataset:
    """Return what the service says about the object, empty when that cannot be read."""
    try:
        said = response.json()
        return Dataset.from_json(said[0] if isinstance(said, list) else said)
    except (*BAD_VALUE, OSError, IndexError):
        return Dataset()


def read_answer(http_status: int, said: Dataset, delivery: Delivery) -> Outcome:
    """Tell whether the object was stored: the word about it counts for more than the word about the request."""
    failures = _reasons(said, "FailedSOPSequence", "FailureReason", delivery.obj.sop_uid)
    if failures:
        return Outcome(False, answers.refusal(delivery.destination, failures[0]))
    if http_status >= HTTPStatus.MULTIPLE_CHOICES:
        return Outcome(False, answers.http_refusal(delivery.destination, http_status))
    warnings = _reasons(said, "ReferencedSOPSequence", "WarningReason", delivery.obj.sop_uid)
    return Outcome(True, answers.warning(delivery.destination, warnings[0] if warnings else Status.SUCCESS))


def _reasons(said: Dataset, sequence: str, reason: str, sop_uid: str) -> list[int]:
    """Return the reasons given for one object; a failure without a name or number counts as its own."""
    found = []
    for item in said.get(sequence) or ():
        if item.get("ReferencedSOPInstanceUID", sop_uid) != sop_uid:
            continue
        code = item.get(reason)
        if code is not None or reason == "FailureReason":
            found.append(int(code if code is not None else Status.PROCESSING_FAILURE))
    return found
