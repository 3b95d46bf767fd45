"""What a way of telling must be able to do."""

from __future__ import annotations

from typing import Protocol

from service.domain.notice import NoticeKind
from service.notify.letter import Letter
from service.targets import NoticeTarget


class Messenger(Protocol):
    """Tells one target in its own language; how it fails says what happens next.

    NoticeRefused: the target answered and did not take this notice, others may pass.
    DestinationDown: it did not answer, or asked to be left alone; nothing else goes to it for a while.
    """

    kind: NoticeKind

    @property
    def target(self) -> NoticeTarget:
        """Return whom it tells."""

    def tell(self, letter: Letter) -> str:
        """Tell it once; return what is worth keeping about the answer, or nothing."""

    def prove(self) -> None:
        """Find out without calling anybody whether secrets, certificates and templates can be used."""

    def check(self) -> str:
        """Reach the target without telling it anything, and say how it went."""
