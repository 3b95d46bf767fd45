"""Proof of delivery: asking the archive whether it really keeps what it took (Storage Commitment SCU, PS3.4 J)."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import generate_uid
from pynetdicom import build_context, evt
from pynetdicom.association import Association
from pynetdicom.presentation import PresentationContext

from service.delivery import rules
from service.delivery.association import associate
from service.dicom.statuses import Status, name_of
from service.dicom.uids import STORAGE_COMMITMENT_INSTANCE, STORAGE_COMMITMENT_PUSH_MODEL
from service.errors import DestinationDown
from service.ledger import outbox
from service.ledger.book import Ledger
from service.ledger.outbox import CommitRequest
from service.settings import DeliverySettings, Destination

log = logging.getLogger(__name__)

#: PS3.4 Table J.3-1: Request Storage Commitment
REQUEST_COMMITMENT = 1
#: how long the association is held open for peers that report on it instead of calling back
LINGER_SECONDS = 1.0

Handler = Callable[[Any], tuple[int, Dataset | None]]


class CommitmentRound:
    """Asks each destination that wants it (``commit = true``) for proof of what was sent."""

    def __init__(
        self, destinations: Iterable[Destination], ledger: Ledger, settings: DeliverySettings, calling_ae: str
    ) -> None:
        self.destinations = {one.name: one for one in destinations if one.commit}
        self._ledger = ledger
        self._settings = settings
        self._calling_ae = calling_ae
        self._told: set[str] = set()

    def run_once(self, now: float) -> int:
        """Ask every destination about one study; returns how many were asked."""
        return sum(self.ask(name, now) for name in self.destinations)

    def ask(self, name: str, now: float) -> bool:
        """Ask one destination about the study that was sent first; False when nothing waits for proof."""
        if name not in self.destinations:
            return False
        timeout = self._settings.commit_timeout_seconds
        request = outbox.ask_commitment(self._ledger, name, str(generate_uid(prefix=None)), now + timeout, now)
        if request is None:
            return False
        if rules.is_commitment_hopeless(request.waited):
            self._leave_unproven(request, f"sent, not proven: {name} never answered the Storage Commitment")
            return True
        if request.waited > timeout:
            outbox.put_off_commitment(self._ledger, request.transaction_uid, now + request.waited)
        self._request(request, self.destinations[name])
        return True

    def _request(self, request: CommitRequest, peer: Destination) -> None:
        reported = threading.Event()
        event, handler = event_report_handler(self._ledger)

        def keep(happened: Any) -> tuple[int, Dataset | None]:
            answer = handler(happened)
            reported.set()
            return answer

        try:
            with associate(self._calling_ae, peer, [commitment_context()], [(event, keep)]) as association:
                if self._asked(association, request, peer):
                    reported.wait(LINGER_SECONDS)
        except DestinationDown as problem:
            log.warning("could not ask %s for Storage Commitment, asking again later: %s", peer.name, problem)

    def _asked(self, association: Association, request: CommitRequest, peer: Destination) -> bool:
        if not any(one.abstract_syntax == STORAGE_COMMITMENT_PUSH_MODEL for one in association.accepted_contexts):
            self._tell_once(peer.name)
            self._leave_unproven(request, f"{peer.name} knows no Storage Commitment; sent, not proven")
            return False
        answer, _ = association.send_n_action(
            references_of(request), REQUEST_COMMITMENT, STORAGE_COMMITMENT_PUSH_MODEL, STORAGE_COMMITMENT_INSTANCE
        )
        status = answer.get("Status")
        if status != Status.SUCCESS:
            log.warning(
                "%s refused to commit with %r, asking again later: is %r known there as a modality that may ask?",
                peer.name, name_of(status), self._calling_ae,
            )  # fmt: skip
        return bool(status == Status.SUCCESS)

    def _tell_once(self, name: str) -> None:
        if name not in self._told:
            self._told.add(name)
            log.warning("%s knows no Storage Commitment; sent, not proven: set commit = false to stop asking", name)

    def _leave_unproven(self, request: CommitRequest, text: str) -> None:
        log.info("%d object(s): %s", len(request.references), text)
        outbox.settle_unproven(self._ledger, request.transaction_uid, text)


def commitment_context() -> PresentationContext:
    """Return the context of PS3.4 J, as we propose it."""
    return build_context(STORAGE_COMMITMENT_PUSH_MODEL)


def report_context() -> PresentationContext:
    """Return the context under which a peer calls the door to report; it is the SCP then (PS3.4 J.3.3)."""
    context = build_context(STORAGE_COMMITMENT_PUSH_MODEL)
    context.scu_role, context.scp_role = True, True
    return context


def references_of(request: CommitRequest) -> Dataset:
    """Return the action information of PS3.4 Table J.3-1."""
    information = Dataset()
    information.TransactionUID = request.transaction_uid
    information.ReferencedSOPSequence = Sequence([_reference(*one) for one in request.references])
    return information


def _reference(sop_class: str, sop_uid: str) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = sop_class
    item.ReferencedSOPInstanceUID = sop_uid
    return item


def event_report_handler(ledger: Ledger, clock: Callable[[], float] = time.time) -> tuple[Any, Handler]:
    """Return what binds N-EVENT-REPORT to the ledger; the report is on disk before it is answered."""

    def handle(event: Any) -> tuple[int, Dataset | None]:
        try:
            _keep_report(ledger, event.event_information, clock())
        except Exception:
            log.exception("a Storage Commitment report could not be kept")
            return Status.PROCESSING_FAILURE, None
        return Status.SUCCESS, None

    return evt.EVT_N_EVENT_REPORT, handle


def _keep_report(ledger: Ledger, report: Dataset, now: float) -> None:
    transaction = str(report.get("TransactionUID", ""))
    kept = [str(one.ReferencedSOPInstanceUID) for one in report.get("ReferencedSOPSequence") or ()]
    lost = [(str(one.ReferencedSOPInstanceUID), _loss(one)) for one in report.get("FailedSOPSequence") or ()]
    known = outbox.commitment_report(ledger, transaction, kept, lost, now)
    log.info("storage commitment %s: %d kept, %d lost, %d of ours", transaction, len(kept), len(lost), known)


def _loss(item: Dataset) -> str:
    return f"the archive lost it, it is sent again: {name_of(item.get('FailureReason'))}"
