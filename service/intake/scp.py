"""The C-STORE door: Verification and Storage SCP on pynetdicom, and whatever else wiring hangs into it."""

from __future__ import annotations

import ipaddress
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from pydicom import Dataset
from pynetdicom import AE, evt
from pynetdicom.pdu_primitives import A_ABORT
from pynetdicom.presentation import PresentationContext

from service.dicom.contexts import storage_contexts
from service.dicom.statuses import Status
from service.dicom.uids import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from service.domain.ids import AssociationId
from service.domain.scan import Association
from service.errors import Unavailable
from service.intake.journal import Journal
from service.intake.reactor import DoorServer, Reins, open_server
from service.intake.rules import admits, end_of
from service.intake.store_instance import StoreInstance, Visit
from service.section import LOOPBACK
from service.settings import DiskSettings, NodeSettings, Sender
from service.store.files import FileStore

log = logging.getLogger(__name__)
#: a connected client asks for an association within this time (ARTIM, PS3.8 9.1.5)
ASK_SECONDS = 10.0
#: a PDU takes at most this long
PDU_SECONDS = 20.0
#: PS3.8 9.3.4: rejected-permanent, by the service user, calling AE title not recognized
STRANGER = (0x01, 0x01, 0x03)


@dataclass(frozen=True, kw_only=True)
class DoorSettings:
    """The slices of the settings that concern the door."""

    node: NodeSettings
    disk: DiskSettings
    senders: tuple[Sender, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ExtraService:
    """What another room serves on the same port: contexts to accept and pynetdicom (event, handler) pairs."""

    contexts: Sequence[PresentationContext] = ()
    handlers: Sequence[tuple[Any, Callable[[Any], Any]]] = ()


class StorageDoor:
    """Listens, receives, and closes properly; ``start`` returns the port it bound."""

    def __init__(
        self, settings: DoorSettings, store: FileStore, journal: Journal, extras: Iterable[ExtraService] = ()
    ) -> None:
        self._settings = settings
        self._keeper = StoreInstance(store=store, journal=journal, min_free_mb=settings.disk.min_free_mb)
        self._journal = journal
        self._extras = tuple(extras)
        self._visits: dict[int, Visit] = {}
        self._aborted_by_word: set[int] = set()
        self._lock = threading.Lock()
        self._ae = _application_entity(settings.node)
        self._server: DoorServer | None = None

    def start(self) -> int:
        """Start the journal, then open the port; Unavailable when it is taken."""
        node = self._settings.node
        contexts = storage_contexts(one for extra in self._extras for one in extra.contexts)
        self._journal.start()
        try:
            self._server = open_server(self._ae, (node.host, node.port), contexts, self._handlers(), self._reins())
        except OSError as problem:
            self._journal.stop()
            raise Unavailable(
                f"port {node.port} on {node.host} cannot be opened: {problem.strerror}; set [node] host or port"
            ) from problem
        port = int(self._server.server_address[1])
        log.info("listening as %s on %s:%d", node.ae_title, node.host, port)
        return port

    def stop(self, grace_seconds: float = 5.0) -> None:
        """Accept nobody more, let running associations finish, abort the rest, then write the last rows."""
        if self._server is None:
            return
        self._server.shutdown()
        deadline = time.monotonic() + grace_seconds
        while self.active and time.monotonic() < deadline:
            time.sleep(0.02)
        for association in self._server.active_associations:
            association.abort()
        for association in self._server.active_associations:
            association.join(grace_seconds)
        self._journal.stop()
        self._server = None
        log.info("the door is closed")

    @property
    def active(self) -> int:
        """Return how many associations are open now."""
        return len(self._server.active_associations) if self._server else 0

    def _reins(self) -> Reins:
        node = self._settings.node
        return Reins(ended=self._ended, max_pdu=node.max_pdu, pdu_seconds=min(PDU_SECONDS, node.idle_seconds))

    def _handlers(self) -> list[tuple[Any, Callable[[Any], Any]]]:
        own: list[tuple[Any, Callable[[Any], Any]]] = [
            (evt.EVT_REQUESTED, self._requested),
            (evt.EVT_C_STORE, self._store),
            (evt.EVT_ACSE_RECV, self._heard),
        ]
        return own + [one for extra in self._extras for one in extra.handlers]

    def _requested(self, event: Any) -> None:
        """Turn strangers away before anything is negotiated."""
        requestor = event.assoc.requestor
        calling_ae, address = str(requestor.primitive.calling_ae_title), str(requestor.address)
        senders = self._settings.senders
        if admits(senders, [_addresses(one.host) for one in senders], calling_ae, address):
            return
        log.warning("refused an association of %s from %s: not among [[senders]]", calling_ae, address)
        event.assoc.acse.send_reject(*STRANGER)
        event.assoc.kill()

    def _store(self, event: Any) -> Status | Dataset:
        return self._keeper.answer(event, self._visit(event.assoc))

    def _heard(self, event: Any) -> None:
        if isinstance(event.primitive, A_ABORT):
            with self._lock:
                self._aborted_by_word.add(id(event.assoc))

    def _visit(self, assoc: Any) -> Visit:
        """Return the visit of an association; its first instance opens it in the ledger."""
        with self._lock:
            known = self._visits.get(id(assoc))
            if known is not None:
                return known
            visit = Visit(association=AssociationId(str(uuid4())), calling_ae=str(assoc.requestor.ae_title).strip())
            self._visits[id(assoc)] = visit
        self._journal.opened(
            Association(
                association=visit.association,
                calling_ae=visit.calling_ae,
                called_ae=str(assoc.requestor.primitive.called_ae_title).strip(),
                address=str(assoc.requestor.address),
                opened_at=time.time(),
            )
        )
        return visit

    def _ended(self, assoc: Any) -> None:
        """Runs in the association's own thread after its last handler, so no instance can follow."""
        with self._lock:
            visit = self._visits.pop(id(assoc), None)
            by_word = id(assoc) in self._aborted_by_word
            self._aborted_by_word.discard(id(assoc))
        if visit is None:
            return
        end = end_of(released=assoc.is_released, aborted_by_word=by_word)
        self._journal.closed(visit.association, end, time.time())
        log.info("association of %s ended: %s", visit.calling_ae, end)


def _application_entity(node: NodeSettings) -> AE:
    ae = AE(node.ae_title)
    ae.implementation_class_uid = IMPLEMENTATION_CLASS_UID
    ae.implementation_version_name = IMPLEMENTATION_VERSION_NAME
    ae.maximum_associations = node.max_associations
    ae.maximum_pdu_size = node.max_pdu
    ae.network_timeout = node.idle_seconds
    ae.acse_timeout = min(ASK_SECONDS, node.idle_seconds)
    ae.require_called_aet = node.host not in LOOPBACK
    return ae


def _addresses(host: str) -> frozenset[str]:
    """Return the addresses of a configured sender, asked anew each time since names move; none for an empty host."""
    if not host:
        return frozenset()
    try:
        return frozenset({str(ipaddress.ip_address(host))})
    except ValueError:
        pass
    try:
        return frozenset(str(one[4][0]) for one in socket.getaddrinfo(host, None))
    except OSError:
        log.warning("the name of sender %s cannot be resolved; it is refused until it can", host)
        return frozenset({host})
