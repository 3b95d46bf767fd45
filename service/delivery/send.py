"""Sending: one study's due objects over one association, each answer in the ledger before the next object leaves."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from pydicom.errors import InvalidDicomError
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import build_context
from pynetdicom.association import Association
from pynetdicom.presentation import PresentationContext

from service.delivery import answers, rules
from service.delivery.association import associate, store_file
from service.dicom.statuses import stored
from service.dicom.uids import uid_name
from service.domain.delivery import Delivery
from service.errors import DestinationDown, LeaseLost
from service.ledger import outbox
from service.ledger.book import Ledger
from service.settings import DeliverySettings, Destination
from service.store.files import FileStore

log = logging.getLogger(__name__)

#: after a crash the objects wait this long; what is not sent by then is leased anew
LEASE_SECONDS = 10.0
MOST_OBJECTS = 64
SYNTAXES = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)


@dataclass(frozen=True)
class Rest:
    """A destination that did not answer is left alone until then."""

    until: float
    failures: int


@dataclass(frozen=True)
class Outcome:
    """What became of one C-STORE, in words where there is something to say."""

    taken: bool
    text: str


class DeliveryRound:
    """What is due, to where it belongs; give each destination its own thread, or all of them one call."""

    def __init__(
        self,
        destinations: Iterable[Destination],
        store: FileStore,
        ledger: Ledger,
        settings: DeliverySettings,
        calling_ae: str,
    ) -> None:
        self.destinations = {one.name: one for one in destinations}
        self.ledger = ledger
        self._store = store
        self._settings = settings
        self._calling_ae = calling_ae
        self._rests: dict[str, Rest] = {}
        self.jitter: Callable[[], float] = random.random

    def run_once(self, now: float) -> int:
        """Send one study to each destination that has something due; returns how many objects were handled."""
        return self.bury_orphans(now) + sum(self.send_to(name, now) for name in self.destinations)

    def send_to(self, name: str, now: float) -> int:
        """Send the most urgent study that waits for one destination, unless the destination rests."""
        rest = self._rests.get(name)
        if rest is not None and now < rest.until:
            return 0
        # looking costs a reader, leasing takes the write lock from the door
        if name not in outbox.waiting_destinations(self.ledger):
            return 0
        group = outbox.due(self.ledger, now, LEASE_SECONDS, MOST_OBJECTS, name)
        if group:
            self._send(group, self.destinations[name], _Clock(now))
        return len(group)

    def bury_orphans(self, now: float) -> int:
        """Declare dead what waits for a destination that the settings do not know (any more)."""
        unknown = outbox.waiting_destinations(self.ledger) - self.destinations.keys()
        return sum(self._bury(name, now) for name in unknown)

    def _bury(self, name: str, now: float) -> int:
        error = f"no [[destinations]] entry is called {name!r}: put it back and retry, or leave it"
        group = outbox.due(self.ledger, now, LEASE_SECONDS, MOST_OBJECTS, name)
        for delivery in group:
            self._record(outbox.exhausted, delivery, error, now)
        if group:
            log.error("%d deliveries are dead: %s", len(group), error)
        return len(group)

    def _send(self, group: Sequence[Delivery], peer: Destination, clock: _Clock) -> None:
        waiting = list(group)
        lease_end = clock.now + LEASE_SECONDS
        try:
            with associate(self._calling_ae, peer, contexts_for(group)) as association:
                self._rests.pop(peer.name, None)
                while waiting and clock.now < lease_end:
                    self._send_one(association, waiting.pop(0), clock)
        except DestinationDown as problem:
            self._rest(peer.name, waiting, str(problem), clock.now)

    def _send_one(self, association: Association, delivery: Delivery, clock: _Clock) -> None:
        try:
            outcome = self._store_object(association, delivery)
        except DestinationDown as problem:
            # it may be this object that the peer breaks at: let the others go first next time
            self._refused(delivery, str(problem), clock.now)
            raise
        if not outcome.taken:
            return self._refused(delivery, outcome.text, clock.now)
        log.info("sent %s to %s %s", delivery.obj.sop_uid, delivery.destination, outcome.text)
        return self._record(outbox.accepted, delivery, clock.now, outcome.text)

    def _store_object(self, association: Association, delivery: Delivery) -> Outcome:
        path = self._store.path(delivery.obj.content_hash)
        sop_class = delivery.obj.sop_class
        if sop_class not in {str(one.abstract_syntax) for one in association.accepted_contexts}:
            return Outcome(False, answers.not_negotiated(delivery.destination, uid_name(sop_class)))
        if not path.exists():
            return Outcome(False, "the result file is gone from the store: replay the study")
        try:
            status = store_file(association, path, delivery.destination)
        except (ValueError, AttributeError, InvalidDicomError) as problem:
            return Outcome(False, f"the result file cannot be sent: {problem}; replay the study")
        if stored(status):
            return Outcome(True, answers.warning(delivery.destination, status))
        return Outcome(False, answers.refusal(delivery.destination, status))

    def _refused(self, delivery: Delivery, error: str, now: float) -> None:
        log.warning("could not send %s to %s: %s", delivery.obj.sop_uid, delivery.destination, error)
        pause = rules.next_pause(delivery.attempt, self._settings, self.jitter())
        self._fail(delivery, error, now + pause, now)

    def _fail(self, delivery: Delivery, error: str, due_at: float, now: float) -> None:
        if rules.is_exhausted(delivery.queued_at, now, self._settings):
            log.error("gave up on %s to %s: %s", delivery.obj.sop_uid, delivery.destination, error)
            return self._record(outbox.exhausted, delivery, error, now)
        return self._record(outbox.refused, delivery, error, due_at, now)

    def _rest(self, name: str, waiting: Sequence[Delivery], error: str, now: float) -> None:
        """Let the whole group wait for the same moment, and the destination with it."""
        before = self._rests.get(name)
        failures = before.failures if before else 0
        pause = rules.rest_of(failures, self._settings, self.jitter())
        log.warning("%s rests for %.0f s: %s", name, pause, error)
        self._rests[name] = Rest(until=now + pause, failures=failures + 1)
        for delivery in waiting:
            self._fail(delivery, error, now + pause, now)

    def _record(self, verb: Callable[..., None], delivery: Delivery, *facts: object) -> None:
        try:
            verb(self.ledger, delivery, *facts)
        except LeaseLost as problem:
            log.warning("%s", problem)


class _Clock:
    """The given moment plus what has passed since."""

    def __init__(self, now: float) -> None:
        self._offset = now - time.monotonic()

    @property
    def now(self) -> float:
        """Return epoch seconds."""
        return time.monotonic() + self._offset


def contexts_for(group: Iterable[Delivery]) -> list[PresentationContext]:
    """Propose each class once, explicit VR first, the default transfer syntax behind it (PS3.5 10.1)."""
    classes = sorted({one.obj.sop_class for one in group})
    return [build_context(one, list(SYNTAXES)) for one in classes]
