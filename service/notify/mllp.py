"""HL7 over MLLP: one message, one acknowledgement, one line (HL7 v2 transport, minimal lower layer protocol)."""

from __future__ import annotations

from service.domain.notice import NoticeKind
from service.errors import DestinationDown, NoticeRefused
from service.notify.hl7_text import require_taken
from service.notify.letter import Letter
from service.notify.line import Line, Peer, called
from service.notify.oru import control_id, oru
from service.targets import Hl7Target

BLOCK_BEGINS, BLOCK_ENDS = b"\x0b", b"\x1c\r"
#: an acknowledgement longer than this is none
MOST_ANSWER = 65536


class Hl7Messenger:
    """Sends each letter as ORU^R01 and waits for the acknowledgement."""

    kind = NoticeKind.HL7

    def __init__(self, target: Hl7Target) -> None:
        self.target = target
        self._peer = Peer(
            name=target.name,
            host=target.host,
            port=target.port,
            seconds=target.timeout_seconds,
            tls=target.tls,
            ca_file=target.ca_file,
        )

    def tell(self, letter: Letter) -> str:
        """Send one message; only AA or CA for this very message counts."""
        with called(self._peer) as line:
            line.sock.sendall(BLOCK_BEGINS + oru(letter, self.target) + BLOCK_ENDS)
            answer = self._answer(line)
        require_taken(self.target.name, answer.decode("utf-8", "replace"), control_id(letter.key))
        return ""

    def prove(self) -> None:
        """Read the authority's certificate, where there is one."""
        if self.target.tls:
            self._peer.trust()

    def check(self) -> str:
        """Connect and hang up; MLLP knows no question that would be no message."""
        with called(self._peer):
            return f"{self._peer.address} takes connections" + (" over TLS" if self.target.tls else "")

    def _answer(self, line: Line) -> bytes:
        got = b""
        while BLOCK_ENDS not in got:
            piece = line.sock.recv(4096)
            if not piece and line.was_cut:
                raise TimeoutError
            if not piece:
                raise DestinationDown(f"{self.target.name} hung up without an acknowledgement: look into its log")
            got += piece
            if len(got) > MOST_ANSWER:
                raise NoticeRefused(f"{self.target.name} answers without end: is that an HL7 port?")
        return got.split(BLOCK_ENDS)[0].lstrip(BLOCK_BEGINS)
