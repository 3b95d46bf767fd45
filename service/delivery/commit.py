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
from service.delivery.look import look_for
from service.dicom.statuses import Status, name_of
from service.dicom.uids import STORAGE_COMMITMENT_INSTANCE, STORAGE_COMMITMENT_PUSH_MODEL
from service.errors import DestinationDown
from service.ledger import outbox
from service.ledger.book import Ledger
from service.ledger.outbox import CommitReport, CommitRequest
from service.peers import Destination
from service.settings import DeliverySettings

log = logging.getLogger(__name__)

#: PS3.4 Table J.3-1: Request Storage Commitment
REQUEST_COMMITMENT = 1
#: how long the association is held open for peers that report on it instead of calling back
LINGER_SECONDS = 1.0

#: sending again mends these; everything else is mended by asking again, if at all (PS3.3 C.14.1.1)
GONE = frozenset({Status.NO_SUCH_INSTANCE})

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
        peer = self.destinations[name]
        try:
            if peer.url:
                self._keep(look_for(peer, request), now)
            else:
                self._request(request, peer)
        except DestinationDown as problem:
            log.warning("could not ask %s for proof, asking again later: %s", peer.name, problem)
            outbox.doubt_commitment(self._ledger, request.transaction_uid, f"not proven yet: {problem}")
        return True

    def _keep(self, report: CommitReport, now: float) -> None:
        outbox.commitment_report(self._ledger, report, now)
        log.info("%d found, %d not", len(report.kept), len(report.lost) + len(report.doubted))

    def _request(self, request: CommitRequest, peer: Destination) -> None:
        reported = threading.Event()
        event, handler = event_report_handler(self._ledger)

        def keep(happened: Any) -> tuple[int, Dataset | None]:
            answer = handler(happened)
            reported.set()
            return answer

        with associate(self._calling_ae, peer, [commitment_context()], [(event, keep)]) as association:
            if self._asked(association, request, peer):
                reported.wait(LINGER_SECONDS)

    def _asked(self, association: Association, request: CommitRequest, peer: Destination) -> bool:
        if not any(one.abstract_syntax == STORAGE_COMMITMENT_PUSH_MODEL for one in association.accepted_contexts):
            self._tell_once(peer.name)
            text = f"{peer.name} knows no Storage Commitment; sent, not proven"
            self._leave_unproven(request, text, unprovable=True)
            return False
        # before the request: the report may overtake its answer, and its word is the later one
        if request.waited:
            silence = f"not proven yet: {peer.name} has not reported for {request.waited:.0f} s, asked again"
            outbox.doubt_commitment(self._ledger, request.transaction_uid, silence)
        answer, _ = association.send_n_action(
            references_of(request), REQUEST_COMMITMENT, STORAGE_COMMITMENT_PUSH_MODEL, STORAGE_COMMITMENT_INSTANCE
        )
        status = answer.get("Status")
        if status != Status.SUCCESS:
            text = f"{peer.name} refused to commit with {name_of(status)!r}, asking again later"
            log.warning("%s: is %r known there as a modality that may ask?", text, self._calling_ae)
            outbox.doubt_commitment(self._ledger, request.transaction_uid, text)
        return bool(status == Status.SUCCESS)

    def _tell_once(self, name: str) -> None:
        if name not in self._told:
            self._told.add(name)
            log.warning("%s knows no Storage Commitment; sent, not proven: set commit = false to stop asking", name)

    def _leave_unproven(self, request: CommitRequest, text: str, *, unprovable: bool = False) -> None:
        log.info("%d object(s): %s", len(request.references), text)
        outbox.settle_unproven(self._ledger, request.transaction_uid, text, unprovable=unprovable)


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
    information.ReferencedSOPSequence = Sequence([_reference(one.sop_class, one.sop_uid) for one in request.references])
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


def _keep_report(ledger: Ledger, said: Dataset, now: float) -> None:
    failed = [
        (str(one.ReferencedSOPInstanceUID), one.get("FailureReason")) for one in said.get("FailedSOPSequence") or ()
    ]
    report = CommitReport(
        transaction_uid=str(said.get("TransactionUID", "")),
        kept=[str(one.ReferencedSOPInstanceUID) for one in said.get("ReferencedSOPSequence") or ()],
        lost={uid: _loss(reason) for uid, reason in failed if reason in GONE},
        doubted={uid: _doubt(reason) for uid, reason in failed if reason not in GONE},
    )
    known = outbox.commitment_report(ledger, report, now)
    log.info(
        "storage commitment %s: %d kept, %d lost, %d refused, %d of ours",
        report.transaction_uid, len(report.kept), len(report.lost), len(report.doubted), known,
    )  # fmt: skip


def _loss(reason: int | None) -> str:
    return f"the archive lost it, it is sent again: {name_of(reason)}"


def _doubt(reason: int | None) -> str:
    return f"the archive did not commit, it is asked again: {name_of(reason)}"
