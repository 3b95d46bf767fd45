"""Sending: one study's due objects by one way, each answer in the ledger before the next object leaves."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from service.delivery import rules
from service.delivery.answers import Outcome
from service.delivery.ways import Carrier, way_to
from service.domain.delivery import Delivery
from service.errors import DestinationDown, LeaseLost
from service.ledger import outbox
from service.ledger.book import Ledger
from service.peers import Destination
from service.settings import DeliverySettings
from service.store.files import FileStore

log = logging.getLogger(__name__)

#: after a crash the objects wait this long; what is not sent by then is leased anew
LEASE_SECONDS = 10.0
MOST_OBJECTS = 64


@dataclass(frozen=True)
class Rest:
    """A destination that did not answer is left alone until then."""

    until: float
    failures: int


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
            with way_to(peer, group, self._calling_ae) as carrier:
                while waiting and clock.now < lease_end:
                    self._send_one(carrier, waiting.pop(0), clock)
                    self._rests.pop(peer.name, None)
        except DestinationDown as problem:
            self._rest(peer.name, waiting, str(problem), clock.now)

    def _send_one(self, carrier: Carrier, delivery: Delivery, clock: _Clock) -> None:
        try:
            outcome = self._carry(carrier, delivery)
        except DestinationDown as problem:
            # it may be this object that the peer breaks at: let the others go first next time
            self._refused(delivery, str(problem), clock.now)
            raise
        if not outcome.taken:
            return self._refused(delivery, outcome.text, clock.now)
        log.info("sent %s to %s %s", delivery.obj.sop_uid, delivery.destination, outcome.text)
        return self._record(outbox.accepted, delivery, clock.now, outcome.text)

    def _carry(self, carrier: Carrier, delivery: Delivery) -> Outcome:
        path = self._store.path(delivery.obj.content_hash)
        if not path.exists():
            return Outcome(False, "the result file is gone from the store: replay the study")
        return carrier.carry(delivery, path)

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
