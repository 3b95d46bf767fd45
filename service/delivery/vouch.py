"""Vouching for what was received: Storage Commitment asked of us (SCP, PS3.4 J), answered by a report.

The request is in the ledger before it is answered. Whoever has an address gets the report over an association of its
own, from the deliver role; whoever has none gets it over the association that asked, while that stays open.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from pydicom.dataset import Dataset
from pynetdicom import evt
from pynetdicom.dimse_primitives import N_EVENT_REPORT
from pynetdicom.dsutils import encode

from service.delivery.report import Voucher, event_type_of, report_of, voucher_of
from service.dicom.functional_groups import BAD_VALUE
from service.dicom.statuses import Status, name_of, refusal
from service.dicom.uids import STORAGE_COMMITMENT_INSTANCE, STORAGE_COMMITMENT_PUSH_MODEL, is_valid_uid
from service.domain.delivery import RequestState
from service.ledger import promises
from service.ledger.book import Ledger
from service.ledger.promises import OpenPromise, PromiseAsked
from service.peers import Destination, Sender
from service.store.files import FileStore

log = logging.getLogger(__name__)

#: PS3.4 Table J.3-1: Request Storage Commitment
REQUEST_COMMITMENT = 1
#: instances in one request, and requests of one caller that wait for their report
MOST_INSTANCES = 10_000
MOST_OPEN = 1000
#: a caller without an address is reported to over its own association within this time, or not at all
SAME_ASSOCIATION_SECONDS = 60.0

Answer = tuple[Dataset | int, Dataset | None]
#: (association, report, presentation context ID, what is told the peer's status)
SayAfter = Callable[[Any, N_EVENT_REPORT, int, Callable[[int], None]], None]


@dataclass(frozen=True)
class AddressBook:
    """Where reports are brought: a sender's own port, else that of a destination of the same AE title."""

    senders: Sequence[Sender] = ()
    destinations: Sequence[Destination] = ()

    def find(self, asked: PromiseAsked) -> Destination | None:
        """Return where a caller listens; its host is the one it called from where the settings name none."""
        for one in self.senders:
            if one.ae_title.strip() == asked.calling_ae and one.port:
                host = one.host or asked.address
                return Destination(name=asked.calling_ae, ae_title=one.ae_title, host=host, port=one.port)
        return next((one for one in self.destinations if one.ae_title.strip() == asked.calling_ae), None)


class Promises:
    """Takes requests at the door."""

    def __init__(
        self,
        ledger: Ledger,
        store: FileStore,
        book: AddressBook,
        say_after: SayAfter,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._ledger = ledger
        self._store = store
        self._book = book
        self._say_after = say_after
        self._clock = clock

    def action_handler(self) -> tuple[Any, Callable[[Any], Answer]]:
        """Return what binds N-ACTION to the ledger."""
        return evt.EVT_N_ACTION, self.take

    def take(self, event: Any) -> Answer:
        """Keep a request, then answer it; the report follows."""
        try:
            found = _asked(event)
            if isinstance(found, Dataset):
                return found, None
            return self._kept(event, found), None
        except Exception:
            log.exception("a request for Storage Commitment could not be kept")
            return refusal(Status.PROCESSING_FAILURE, "the node could not keep the request; see its log"), None

    def _kept(self, event: Any, asked: PromiseAsked) -> Dataset | int:
        if promises.open_requests(self._ledger, asked.calling_ae) >= MOST_OPEN:
            return refusal(Status.RESOURCE_LIMITATION, "too many requests wait for their report")
        now = self._clock()
        has_address = self._book.find(asked) is not None
        due_at = now if has_address else now + SAME_ASSOCIATION_SECONDS
        promise = promises.keep_request(self._ledger, asked, due_at, now)
        log.info("%s asks about %d object(s), transaction %s",
                 asked.calling_ae, len(asked.instances), asked.transaction_uid)  # fmt: skip
        if not has_address:
            self._report_here(event, promise)
        return Status.SUCCESS

    def _report_here(self, event: Any, promise: OpenPromise) -> None:
        voucher = voucher_of(self._ledger, self._store, promise)

        def answered(status: int) -> None:
            if status == Status.SUCCESS:
                promises.settle_request(self._ledger, promise.request_id, RequestState.REPORTED)
            else:
                log.warning("%s did not take the report: %s", promise.asked.calling_ae, name_of(status))

        message = _message(promise.asked.transaction_uid, voucher, event.context.transfer_syntax)
        self._say_after(event.assoc, message, event.context.context_id, answered)


def _asked(event: Any) -> PromiseAsked | Dataset:
    """Return what is asked, or the refusal of what is no request."""
    wrong = _objection(event)
    if wrong is not None:
        return wrong
    try:
        information = event.action_information
        transaction = str(information.get("TransactionUID", ""))
        named = tuple(_reference(one) for one in information.get("ReferencedSOPSequence") or ())
    except (*BAD_VALUE, OSError, EOFError):
        return refusal(Status.INVALID_ARGUMENT, "the action information is no data set")
    if not is_valid_uid(transaction) or not named or not all(is_valid_uid(uid) for one in named for uid in one):
        return refusal(Status.INVALID_ARGUMENT, "a Transaction UID and references are needed")
    if len(named) > MOST_INSTANCES:
        return refusal(Status.RESOURCE_LIMITATION, f"more than {MOST_INSTANCES} instances in one request")
    requestor = event.assoc.requestor
    return PromiseAsked(
        transaction_uid=transaction,
        calling_ae=str(requestor.ae_title).strip(),
        address=str(requestor.address),
        instances=tuple(dict.fromkeys(named)),
    )


def _objection(event: Any) -> Dataset | None:
    """Refuse what is addressed to something else."""
    if event.request.RequestedSOPClassUID != STORAGE_COMMITMENT_PUSH_MODEL:
        return refusal(Status.NO_SUCH_CLASS, "not a Storage Commitment")
    if event.request.RequestedSOPInstanceUID != STORAGE_COMMITMENT_INSTANCE:
        return refusal(Status.NO_SUCH_INSTANCE, "not the instance of Storage Commitment")
    if event.action_type != REQUEST_COMMITMENT:
        return refusal(Status.NO_SUCH_ACTION, "only action type 1 is known here")
    return None


def _reference(item: Dataset) -> tuple[str, str]:
    return str(item.get("ReferencedSOPClassUID", "")), str(item.get("ReferencedSOPInstanceUID", ""))


def _message(transaction_uid: str, voucher: Voucher, transfer_syntax: Any) -> N_EVENT_REPORT:
    """Return the report as a request of our own on an association that the peer opened."""
    report = N_EVENT_REPORT()
    report.AffectedSOPClassUID = STORAGE_COMMITMENT_PUSH_MODEL
    report.AffectedSOPInstanceUID = STORAGE_COMMITMENT_INSTANCE
    report.EventTypeID = event_type_of(voucher)
    syntax = transfer_syntax
    encoded = encode(
        report_of(transaction_uid, voucher), syntax.is_implicit_VR, syntax.is_little_endian, syntax.is_deflated
    )
    report.EventInformation = BytesIO(encoded or b"")
    return report
