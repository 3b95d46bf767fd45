"""Calling a peer: one association with a clear sentence for every way it can fail."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from weakref import WeakSet

from pynetdicom import AE, build_context, evt
from pynetdicom.association import Association
from pynetdicom.pdu_primitives import SCP_SCU_RoleSelectionNegotiation
from pynetdicom.presentation import PresentationContext

from service.dicom.statuses import Status
from service.dicom.uids import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME, VERIFICATION
from service.errors import DestinationDown
from service.peers import Destination

CONNECT_SECONDS = 10.0
ACSE_SECONDS = 15.0
#: an archive may take its time over an object, a dead one may not hold the thread for ever
DIMSE_SECONDS = 60.0
MAX_PDU = 131072
#: pynetdicom's threads would keep a process alive until a peer that hangs runs into its timeout
_open: WeakSet[Association] = WeakSet()

Handlers = Sequence[tuple[Any, Callable[[Any], Any]]]


@contextmanager
def associate(
    calling_ae: str,
    peer: Destination,
    contexts: Sequence[PresentationContext],
    handlers: Handlers = (),
    roles: Sequence[SCP_SCU_RoleSelectionNegotiation] = (),
) -> Iterator[Association]:
    """Open an association or raise DestinationDown; Verification rides along.

    A peer that knows none of the other classes can thus say so instead of having the association aborted.
    """
    opened: list[float] = []

    def mark(event: Any) -> None:
        opened.append(time.monotonic())
        _send_at_once(event)

    try:
        association = _entity(calling_ae).associate(
            peer.host,
            peer.port,
            contexts=[*contexts, build_context(VERIFICATION)],
            ae_title=peer.ae_title,
            max_pdu=MAX_PDU,
            ext_neg=list(roles),
            evt_handlers=[(evt.EVT_CONN_OPEN, mark), *handlers],
        )
    except socket.gaierror:
        raise DestinationDown(f"no such host: {peer.host}; mend host of {peer.name!r}") from None
    if not association.is_established:
        raise DestinationDown(_why_not(association, peer, calling_ae, connected=bool(opened)))
    _open.add(association)
    try:
        yield association
    finally:
        _open.discard(association)
        _leave(association)


def hang_up() -> None:
    """Abort what is still open, whoever waits in it: the process wants to end."""
    for association in tuple(_open):
        association.abort()


def echo(calling_ae: str, peer: Destination) -> None:
    """Ask for a sign of life (PS3.4 A); DestinationDown says what is wrong and the mend."""
    with associate(calling_ae, peer, ()) as association:
        if not association.accepted_contexts:
            raise DestinationDown(f"{peer.ae_title} at {_address(peer)} answers but knows no Verification")
        answer = association.send_c_echo()
        if answer.get("Status") != Status.SUCCESS:
            raise DestinationDown(f"{peer.ae_title} at {_address(peer)} did not answer the C-ECHO")


def store_file(association: Association, path: Path, peer_name: str) -> int:
    """Send one Part-10 file (PS3.4 B) and return the status; DestinationDown when no answer came."""
    try:
        answer = association.send_c_store(path)
    except RuntimeError:
        raise DestinationDown(f"{peer_name} broke off in the middle: look into its log") from None
    if "Status" not in answer:
        raise DestinationDown(f"{peer_name} did not answer a C-STORE: look whether it hangs or its disk is full")
    return int(answer.Status)


def _entity(calling_ae: str) -> AE:
    entity = AE(ae_title=calling_ae)
    entity.implementation_class_uid = IMPLEMENTATION_CLASS_UID
    entity.implementation_version_name = IMPLEMENTATION_VERSION_NAME
    entity.connection_timeout = CONNECT_SECONDS
    entity.acse_timeout = ACSE_SECONDS
    entity.dimse_timeout = DIMSE_SECONDS
    entity.network_timeout = DIMSE_SECONDS
    return entity


def _send_at_once(event: Any) -> None:
    """Switch Nagle's algorithm off: with it an object costs 40 ms of waiting for a delayed ACK."""
    wrapped = event.assoc.dul.socket
    if wrapped is not None and wrapped.socket is not None:
        wrapped.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _leave(association: Association) -> None:
    if association.is_established:
        association.release()


def _address(peer: Destination) -> str:
    return f"{peer.host}:{peer.port}"


def _why_not(association: Association, peer: Destination, calling_ae: str, *, connected: bool) -> str:
    where = f"{peer.ae_title} at {_address(peer)}"
    if not connected:
        return f"nobody listens at {_address(peer)}: start {peer.ae_title}, or mend host and port of {peer.name!r}"
    if association.is_rejected:
        return f"{where} rejected the association ({_rejection(association)}): {_mend(association, peer, calling_ae)}"
    if association.acceptor.primitive is not None:
        return f"{where} takes none of the SOP classes proposed: allow them there"
    return f"{where} took the connection but no association: is that port a DICOM port?"


def _rejection(association: Association) -> str:
    answer = association.acceptor.primitive
    return str(answer.reason_str) if answer is not None else "no reason given"


def _mend(association: Association, peer: Destination, calling_ae: str) -> str:
    reason = _rejection(association).lower()
    if "called ae" in reason:
        return f"mend ae_title of {peer.name!r}, it is {peer.ae_title!r}"
    if "calling ae" in reason:
        return f"make {calling_ae!r} known to {peer.ae_title}"
    if "limit" in reason or "congestion" in reason:
        return "it is busy, the node tries again"
    return f"ask the people who run {peer.ae_title}"
