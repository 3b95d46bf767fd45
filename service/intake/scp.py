"""The door: Verification and Storage SCP on pynetdicom, and whatever else wiring hangs into it; each to whom it is for.

A caller is offered the presentation contexts of its rights only: who may query cannot store, and the other way round.
"""

from __future__ import annotations

import ipaddress
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from pydicom import Dataset
from pynetdicom import AE, evt
from pynetdicom.pdu_primitives import A_ABORT
from pynetdicom.presentation import PresentationContext

from service.dicom.contexts import SharedContexts, storage_contexts, verification_contexts
from service.dicom.statuses import Status
from service.dicom.uids import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from service.domain.ids import AssociationId
from service.domain.scan import Association
from service.errors import Unavailable
from service.intake.journal import Journal
from service.intake.reactor import DoorServer, Reins, open_server
from service.intake.rules import LIST_OF, Callers, Right, admits, end_of
from service.intake.store_instance import StoreInstance, Visit
from service.section import LOOPBACK
from service.settings import DiskSettings, NodeSettings
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
    callers: Callers = field(default_factory=Callers)


@dataclass(frozen=True, kw_only=True)
class ExtraService:
    """What another room serves on the same port: contexts to accept and pynetdicom (event, handler) pairs.

    Whoever has one of the rights is offered the contexts.
    """

    rights: frozenset[Right]
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
        self._offers: dict[frozenset[Right], SharedContexts] = {}
        self._lock = threading.Lock()
        self._ae = _application_entity(settings.node)
        self._server: DoorServer | None = None

    def start(self) -> int:
        """Start the journal, then open the port; Unavailable when it is taken."""
        node = self._settings.node
        contexts = self._offer(frozenset(Right))
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
        events = dict.fromkeys(event for extra in self._extras for event, _ in extra.handlers)
        return own + [(event, self._by_class(event)) for event in events]

    def _by_class(self, event: Any) -> Callable[[Any], Any]:
        """Return the one handler that pynetdicom allows an event: the service whose context the message came under."""
        served = {
            str(context.abstract_syntax): handler
            for extra in self._extras
            for bound, handler in extra.handlers
            if bound is event
            for context in extra.contexts
        }
        return lambda happened: served[str(happened.context.abstract_syntax)](happened)

    def _requested(self, event: Any) -> None:
        """Turn strangers away before anything is negotiated, and offer the others what they have a right to."""
        requestor = event.assoc.requestor
        calling_ae, address = str(requestor.primitive.calling_ae_title).strip(), str(requestor.address)
        rights = frozenset(one for one in Right if self._may(one, calling_ae, address))
        if rights:
            self._tell_what_is_missing(requestor.primitive, rights, calling_ae)
            event.assoc.acceptor.supported_contexts = self._offer(rights)
            return
        log.warning("refused an association of %s from %s: not among [[senders]]", calling_ae, address)
        event.assoc.acse.send_reject(*STRANGER)
        event.assoc.kill()

    def _may(self, right: Right, calling_ae: str, address: str) -> bool:
        callers = self._settings.callers
        # only names that may matter are looked up: a dead name of somebody else holds up nobody
        entries = [one for one in callers.named(right) if one.ae_title.strip() == calling_ae]
        return callers.open_to_all(right) or admits(
            entries, [_addresses(one.host) for one in entries], calling_ae, address
        )

    def _offer(self, rights: frozenset[Right]) -> SharedContexts:
        """Return the contexts of these rights, built once."""
        if rights not in self._offers:
            extra = [one for service in self._extras if service.rights & rights for one in service.contexts]
            own = storage_contexts if Right.SEND in rights else verification_contexts
            self._offers[rights] = own(extra)
        return self._offers[rights]

    def _tell_what_is_missing(self, request: Any, rights: frozenset[Right], calling_ae: str) -> None:
        """Say in the log which list a caller is missing from that asks for what others may."""
        if rights == frozenset(Right):
            return
        asked = {str(one.abstract_syntax) for one in request.presentation_context_definition_list}
        offered = {str(one.abstract_syntax) for one in self._offer(rights)}
        for right in sorted(frozenset(Right) - rights):
            theirs = {str(one.abstract_syntax) for one in self._offer(rights | {right})} - offered
            if asked & theirs:
                log.warning("%s may not %s here: it is not among %s", calling_ae, right, LIST_OF[right])

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
    """Return the addresses of a configured caller, asked anew each time since names move; none for an empty host."""
    if not host:
        return frozenset()
    try:
        return frozenset({str(ipaddress.ip_address(host))})
    except ValueError:
        pass
    try:
        return frozenset(str(one[4][0]) for one in socket.getaddrinfo(host, None))
    except OSError:
        log.warning("the name of caller %s cannot be resolved; it is refused until it can", host)
        return frozenset({host})
