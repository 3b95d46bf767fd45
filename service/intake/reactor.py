"""The seam to pynetdicom 3.0.4: holes in its acceptor closed at the socket. Nobody else touches its insides.

A PDU has a size limit and a deadline, a client that connects and leaves frees its slot at once, contexts are shared
between associations, a request without a name is answered, a report of ours travels on an association that asked for it
without stopping it, and the end of an association is told once, from its own thread, after all it brought.
"""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import count
from threading import Thread
from typing import Any

from pynetdicom import _config, evt
from pynetdicom.ae import ApplicationEntity
from pynetdicom.dimse_primitives import C_STORE, N_EVENT_REPORT
from pynetdicom.transport import RequestHandler, ThreadedAssociationServer

from service.dicom.contexts import SharedContexts
from service.dicom.statuses import Status

#: a peer may exceed the announced PDU length by this much (some do, and an A-ASSOCIATE-RQ may be long)
PDU_SLACK = 1024 * 1024
#: PS3.8 9.3.1: type, reserved, length
PDU_HEAD = 6
#: the kernel holds this many connections that wait to be accepted
BACKLOG = 128
#: pynetdicom's loggers that would print a traceback for every garbled connection
TALKATIVE = ("acse", "association", "dimse", "dul", "fsm", "pdu", "transport")

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Reins:
    """What holds an association in check, and who is told when it is over."""

    ended: Callable[[Any], None]
    max_pdu: int
    #: a PDU arrives from its first to its last byte within this time
    pdu_seconds: float


class DoorServer(ThreadedAssociationServer):
    """An association server whose accepted sockets can neither stall nor flood it."""

    request_queue_size = BACKLOG
    daemon_threads = True

    def __init__(self, reins: Reins, *args: Any, **kwargs: Any) -> None:
        self.reins = reins
        super().__init__(*args, **kwargs)

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept; a socket without a timeout would block its thread for ever on half a PDU."""
        connection, address = super().get_request()
        connection.settimeout(self.reins.pdu_seconds)
        return connection, address

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log what broke before an association began, instead of printing it."""
        log.warning("connection from %s failed before its association began", client_address, exc_info=True)


class DoorRequestHandler(RequestHandler):
    """Prepares an association before its threads start."""

    server: DoorServer

    def _create_association(self) -> Any:
        association: Any = super()._create_association()
        reins = self.server.reins
        association.dul.socket.recv = PduReader(association.dul.socket, reins).recv
        association._serve_request = partial(_serve, association, association._serve_request)
        association.postscripts, association.awaited, association.numbers = [], {}, count(1)
        association.run = partial(_run, association, reins.ended)
        association.bind(evt.EVT_CONN_CLOSE, _free_slot)
        return association


class PduReader:
    """Reads exactly what a PDU announces: within a size, and from first to last byte within a time."""

    def __init__(self, wrapped: Any, reins: Reins) -> None:
        self._wrapped = wrapped
        self._limit = reins.max_pdu + PDU_SLACK
        self._seconds = reins.pdu_seconds
        self._deadline = 0.0

    def recv(self, size: int) -> bytearray:
        """Return ``size`` bytes, fewer when the peer closed; OSError (TimeoutError is one) ends the association."""
        if size == PDU_HEAD:
            self._deadline = time.monotonic() + self._seconds
        if size > self._limit:
            raise OSError(f"a PDU of {size} bytes where {self._limit} is the limit")
        buffer = bytearray(size)
        got = self._fill(memoryview(buffer))
        return buffer if got == size else buffer[:got]

    def _fill(self, view: memoryview) -> int:
        connection: socket.socket = self._wrapped.socket
        got = 0
        while got < len(view):
            left = self._deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError("the peer stalls in the middle of a PDU")
            connection.settimeout(left)
            count = connection.recv_into(view[got:])
            if not count:
                break
            got += count
        connection.settimeout(self._seconds)
        return got


def open_server(
    ae: ApplicationEntity, address: tuple[str, int], contexts: SharedContexts, handlers: list[Any], reins: Reins
) -> DoorServer:
    """Bind a server and accept in a thread of its own; OSError when the port is taken."""
    _config.LOG_HANDLER_LEVEL = "none"
    _quieten()
    server = DoorServer(
        reins, ae, address, ae.ae_title, contexts, evt_handlers=handlers, request_handler=DoorRequestHandler
    )
    ae._servers.append(server)
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, name="intake-door", daemon=True).start()
    return server


def _run(association: Any, ended: Callable[[Any], None]) -> None:
    """Run the association's thread and tell its end after the last handler returned."""
    try:
        Thread.run(association)
    finally:
        ended(association)


def say_after(association: Any, report: N_EVENT_REPORT, context_id: int, answered: Callable[[int], None]) -> None:
    """Send a report of ours once the message now being served has its answer; the peer's status goes to ``answered``.

    pynetdicom's own way would take the next message for the answer, whatever it is, and abort over a C-STORE.
    """
    association.postscripts.append((report, context_id, answered))


def _serve(association: Any, serve: Callable[[Any, int], None], message: Any, context_id: int) -> None:
    """Serve a message, then say what it gave rise to; what pynetdicom leaves unanswered is answered here."""
    if isinstance(message, N_EVENT_REPORT) and message.MessageIDBeingRespondedTo is not None:
        answered = association.awaited.pop(message.MessageIDBeingRespondedTo, None)
        if answered is not None:
            answered(message.Status)
        return
    if isinstance(message, C_STORE) and not message.is_valid_request and message.MessageID is not None:
        _refuse_nameless(association, message, context_id)
        return
    serve(message, context_id)
    while association.postscripts and association.is_established:
        report, on_context, answered = association.postscripts.pop(0)
        report.MessageID = next(association.numbers)
        association.awaited[report.MessageID] = answered
        association.dimse.send_msg(report, on_context)


def _refuse_nameless(association: Any, message: C_STORE, context_id: int) -> None:
    """Answer a C-STORE-RQ that names no instance or class; pynetdicom would leave its sender waiting."""
    answer = C_STORE()
    answer.MessageIDBeingRespondedTo = message.MessageID
    answer.Status = int(Status.INVALID_INSTANCE)
    association.dimse.send_msg(answer, context_id)


def _free_slot(event: Any) -> None:
    """Wake an acceptor whose client closed before it asked for anything; it would wait for the ACSE timeout."""
    association = event.assoc
    if association.is_acceptor and association.requestor.primitive is None:
        association.dul.to_user_queue.put(None)


class _OneLine(logging.Filter):
    """Garbage from the network must not fill the disk with tracebacks."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.exc_info = None
        return True


def _quieten() -> None:
    for name in TALKATIVE:
        logger = logging.getLogger(f"pynetdicom.{name}")
        if not any(isinstance(one, _OneLine) for one in logger.filters):
            logger.addFilter(_OneLine())
