"""The report on Storage Commitment: what is kept for sure, what is not and why (PS3.4 J.3.3)."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from dataclasses import dataclass

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pynetdicom import build_role

from service.delivery import rules
from service.delivery.association import associate
from service.delivery.commit import commitment_context
from service.dicom.statuses import Status, name_of
from service.dicom.uids import STORAGE_COMMITMENT_INSTANCE, STORAGE_COMMITMENT_PUSH_MODEL
from service.domain.delivery import RequestState
from service.errors import DestinationDown
from service.ledger import promises
from service.ledger.book import Ledger
from service.ledger.promises import OpenPromise, PromiseAsked
from service.peers import Destination
from service.settings import DeliverySettings
from service.store.files import FileStore

log = logging.getLogger(__name__)

#: PS3.4 Table J.3-2
ALL_KEPT, SOME_LOST = 1, 2
#: a report under way is not begun again by another process for so long: longer than every timeout of an association
LEASE_SECONDS = 180.0

Reference = tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class Voucher:
    """References (SOP class, SOP instance) that are kept, and those that are not with the reason of PS3.3 C.14.1.1."""

    kept: tuple[Reference, ...]
    lost: tuple[tuple[Reference, Status], ...] = ()


def voucher_of(ledger: Ledger, store: FileStore, promise: OpenPromise) -> Voucher:
    """Look each instance up: a row in the ledger, its file in the store, under the class that was asked for."""
    asked = promise.asked.instances
    if promise.duplicate:
        return Voucher(kept=(), lost=tuple((one, Status.DUPLICATE_TRANSACTION) for one in asked))
    known = promises.held(ledger, [uid for _, uid in asked])

    def reason(sop_class: str, sop_uid: str) -> Status:
        found = known.get(sop_uid)
        if found is None or not store.has(found.content_hash):
            return Status.NO_SUCH_INSTANCE
        return Status.SUCCESS if found.sop_class in ("", sop_class) else Status.CLASS_INSTANCE_CONFLICT

    judged = [(one, reason(*one)) for one in asked]
    return Voucher(
        kept=tuple(one for one, why in judged if why is Status.SUCCESS),
        lost=tuple((one, why) for one, why in judged if why is not Status.SUCCESS),
    )


def event_type_of(voucher: Voucher) -> int:
    """Return which event is reported."""
    return SOME_LOST if voucher.lost else ALL_KEPT


def report_of(transaction_uid: str, voucher: Voucher) -> Dataset:
    """Return the event information."""
    report = Dataset()
    report.TransactionUID = transaction_uid
    if voucher.kept:
        report.ReferencedSOPSequence = Sequence([_item(one) for one in voucher.kept])
    if voucher.lost:
        report.FailedSOPSequence = Sequence([_item(one, why) for one, why in voucher.lost])
    return report


def _item(reference: Reference, why: Status | None = None) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = reference
    if why is not None:
        item.FailureReason = int(why)
    return item


def send_report(calling_ae: str, peer: Destination, transaction_uid: str, voucher: Voucher) -> None:
    """Bring a report over an association of its own; DestinationDown when it was not taken."""
    role = build_role(STORAGE_COMMITMENT_PUSH_MODEL, scp_role=True)
    with associate(calling_ae, peer, [commitment_context()], roles=[role]) as association:
        if not any(one.abstract_syntax == STORAGE_COMMITMENT_PUSH_MODEL for one in association.accepted_contexts):
            raise DestinationDown(f"{peer.name} takes no Storage Commitment reports")
        answer, _ = association.send_n_event_report(
            report_of(transaction_uid, voucher),
            event_type_of(voucher),
            STORAGE_COMMITMENT_PUSH_MODEL,
            STORAGE_COMMITMENT_INSTANCE,
        )
        if answer.get("Status") != Status.SUCCESS:
            raise DestinationDown(f"{peer.name} answered the report with {name_of(answer.get('Status'))!r}")


class ReportRound:
    """Brings due reports, one at a time; a caller that cannot be reached lets the others go first."""

    def __init__(
        self,
        ledger: Ledger,
        store: FileStore,
        find: Callable[[PromiseAsked], Destination | None],
        settings: DeliverySettings,
        calling_ae: str,
    ) -> None:
        self._ledger = ledger
        self._store = store
        self._find = find
        self._settings = settings
        self._calling_ae = calling_ae

    def run_once(self, now: float) -> bool:
        """Bring one report; False when none is due."""
        promise = promises.claim_request(self._ledger, now, LEASE_SECONDS)
        if promise is None:
            return False
        asked, peer = promise.asked, self._find(promise.asked)
        if peer is None:
            self._give_up(promise, f"no port is known for {asked.calling_ae}: give its [[senders]] entry one")
            return True
        try:
            voucher = voucher_of(self._ledger, self._store, promise)
            send_report(self._calling_ae, peer, asked.transaction_uid, voucher)
        except DestinationDown as problem:
            self._later(promise, str(problem), now)
            return True
        promises.settle_request(self._ledger, promise.request_id, RequestState.REPORTED)
        log.info("reported to %s: %d kept, %d not", asked.calling_ae, len(voucher.kept), len(voucher.lost))
        return True

    def _later(self, promise: OpenPromise, error: str, now: float) -> None:
        if rules.is_exhausted(promise.received_at, now, self._settings):
            self._give_up(promise, error)
            return
        pause = rules.next_pause(promise.attempt, self._settings, random.random())  # noqa: S311 - no secret
        log.warning("the report to %s is brought again in %.0f s: %s", promise.asked.calling_ae, pause, error)
        promises.put_off_requests(self._ledger, promise.asked.calling_ae, error, now + pause)

    def _give_up(self, promise: OpenPromise, error: str) -> None:
        log.error("gave up on the report to %s: %s", promise.asked.calling_ae, error)
        promises.settle_request(self._ledger, promise.request_id, RequestState.GIVEN_UP, error)
