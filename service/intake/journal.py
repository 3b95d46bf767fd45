"""Group commit: many handler threads, one writer, one transaction for whatever waits; also keeps visits in order."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from itertools import groupby

from service.domain.ids import AssociationId
from service.domain.scan import Arrival, Association, AssociationEnd, ReceivedInstance
from service.errors import RetryLater
from service.ledger.arrivals import close_association, lose_open_associations, open_association, record
from service.ledger.book import Ledger

log = logging.getLogger(__name__)
#: instances per transaction at most, so that nobody waits long for others
LARGEST_BATCH = 256


@dataclass(frozen=True)
class _Opened:
    association: Association


@dataclass(frozen=True)
class _Closed:
    association: AssociationId
    end: AssociationEnd
    at: float


@dataclass(frozen=True)
class _Instance:
    received: ReceivedInstance
    arrival: Future[Arrival] = field(default_factory=Future)


_Entry = _Opened | _Closed | _Instance


class Journal:
    """Writes the door's events to the ledger in the order they came; ``record`` returns after the commit."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._entries: queue.Queue[_Entry | None] = queue.Queue()
        self._gate = threading.Lock()
        self._open = False
        self._writer = threading.Thread(target=self._write_all, name="intake-journal", daemon=True)

    def start(self) -> None:
        """Close the visits a dead process left open, and start the writer."""
        lost = lose_open_associations(self._ledger, time.time())
        if lost:
            log.warning("%d association(s) were open when the node last stopped; they count as lost", lost)
        self._open = True
        self._writer.start()

    def stop(self) -> None:
        """Take nothing more, write what waits, end the writer."""
        with self._gate:
            was_open, self._open = self._open, False
            if was_open:
                self._entries.put(None)
        if was_open:
            self._writer.join()

    def record(self, received: ReceivedInstance) -> Arrival:
        """Return what the ledger made of the instance, once it survives a power cut."""
        entry = _Instance(received)
        if not self._put(entry):
            raise RetryLater("the node is shutting down")
        return entry.arrival.result()

    def opened(self, association: Association) -> None:
        """Note a visit before its first instance; does not wait."""
        self._put(_Opened(association))

    def closed(self, association: AssociationId, end: AssociationEnd, at: float) -> None:
        """Note the end of a visit after its last instance; does not wait."""
        if not self._put(_Closed(association, end, at)):
            log.warning(
                "association %s ended after the journal closed; it counts as lost at the next start", association
            )

    def _put(self, entry: _Entry) -> bool:
        with self._gate:
            if self._open:
                self._entries.put(entry)
            return self._open

    def _write_all(self) -> None:
        more = True
        while more:
            batch, more = self._next_batch()
            for kind, run in groupby(batch, key=type):
                entries = list(run)
                if kind is _Instance:
                    self._write_instances([one for one in entries if isinstance(one, _Instance)])
                else:
                    self._write_visits(entries)

    def _next_batch(self) -> tuple[list[_Entry], bool]:
        """Wait for one entry and take all that piled up meanwhile."""
        batch: list[_Entry] = []
        entry = self._entries.get()
        while entry is not None:
            batch.append(entry)
            if len(batch) >= LARGEST_BATCH:
                return batch, True
            try:
                entry = self._entries.get_nowait()
            except queue.Empty:
                return batch, True
        return batch, False

    def _write_visits(self, entries: Sequence[_Entry]) -> None:
        for entry in entries:
            try:
                if isinstance(entry, _Opened):
                    open_association(self._ledger, entry.association)
                elif isinstance(entry, _Closed):
                    close_association(self._ledger, entry.association, entry.end, entry.at)
            except Exception:
                log.exception("the ledger did not take an association event")

    def _write_instances(self, entries: Sequence[_Instance]) -> None:
        """Commit together; when that fails, one by one, so that one bad row does not refuse its neighbours."""
        try:
            arrivals = record(self._ledger, [one.received for one in entries])
        except RetryLater as problem:
            log.error("%d instance(s) refused: %s", len(entries), problem)
            for one in entries:
                one.arrival.set_exception(problem)
            return
        except Exception as problem:
            if len(entries) > 1:
                for one in entries:
                    self._write_instances([one])
                return
            log.exception("the ledger did not take instance %s", entries[0].received.sop_uid)
            entries[0].arrival.set_exception(problem)
            return
        for entry, arrival in zip(entries, arrivals, strict=True):
            entry.arrival.set_result(arrival)
