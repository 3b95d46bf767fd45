"""A connection with one deadline for all of it: a peer that drips or hangs is cut off, as is everybody at the end."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from weakref import WeakSet

from service.errors import DestinationDown


@dataclass(frozen=True, kw_only=True)
class Peer:
    """Where to call and how; ``seconds`` is the time for everything, from the first packet to the last."""

    name: str
    host: str
    port: int
    seconds: float
    tls: bool = False
    ca_file: Path | None = None

    @property
    def address(self) -> str:
        """Return where it is."""
        return f"{self.host}:{self.port}"

    def trust(self) -> ssl.SSLContext:
        """Return what its certificate is verified against."""
        try:
            return ssl.create_default_context(cafile=self.ca_file)
        except OSError as problem:
            raise DestinationDown(f"ca_file {self.ca_file} of {self.name!r} cannot be used: {problem}") from None


class Line:
    """An open connection; ``sock`` may be replaced when TLS begins on it."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.was_cut = False

    def cut(self) -> None:
        """Wake whoever waits on it; from then on it is at its end."""
        self.was_cut = True
        with suppress(OSError):
            # past ssl's own method, which would let a reader go on in the clear
            socket.socket.shutdown(self.sock, socket.SHUT_RDWR)


_open: WeakSet[Line] = WeakSet()


def hang_up() -> None:
    """Cut every line, whoever waits on it: the process wants to end."""
    for line in tuple(_open):
        line.cut()


@contextmanager
def called(peer: Peer) -> Iterator[Line]:
    """Open a line and close it; every way it can fail is a DestinationDown with its mend."""
    with _explained(peer):
        line = Line(socket.create_connection((peer.host, peer.port), timeout=peer.seconds))
    timer = threading.Timer(peer.seconds, line.cut)
    timer.daemon = True
    timer.start()
    _open.add(line)
    try:
        with _explained(peer, line):
            if peer.tls:
                line.sock = peer.trust().wrap_socket(line.sock, server_hostname=peer.host)
            yield line
    finally:
        timer.cancel()
        _open.discard(line)
        line.sock.close()


@contextmanager
def _explained(peer: Peer, line: Line | None = None) -> Iterator[None]:
    try:
        yield
    except OSError as problem:
        raise DestinationDown(_why(peer, line, problem)) from None


def _why(peer: Peer, line: Line | None, problem: OSError) -> str:
    if (line is not None and line.was_cut) or isinstance(problem, TimeoutError):
        return f"{peer.name} at {peer.address} did not answer within {peer.seconds:g} s: look whether it hangs"
    if isinstance(problem, socket.gaierror):
        return f"no such host: {peer.host}; mend the address of {peer.name!r}"
    if isinstance(problem, ssl.SSLCertVerificationError):
        reason = problem.verify_message
        return f"the certificate of {peer.address} is not trusted ({reason}): set ca_file of {peer.name!r}"
    if isinstance(problem, ssl.SSLError):
        return f"{peer.address} speaks no TLS that can be trusted: mend the port or the security of {peer.name!r}"
    if isinstance(problem, ConnectionRefusedError):
        return f"nobody listens at {peer.address}: start {peer.name}, or mend its address"
    return f"{peer.name} at {peer.address} broke off ({problem.strerror or type(problem).__name__}): look into its log"
