"""The telling half of the deliver role: a thread per target, so that one that hangs holds up nobody else."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from service.notify.line import hang_up
from service.notify.send import NoticeRound

log = logging.getLogger(__name__)

#: how often the clock is looked at when the ledger is silent: pauses end without a change in the ledger
LOOK_SECONDS = 1.0
#: at the end a target that hangs is left after so many seconds; it is told again after the next start
GRACE_SECONDS = 3.0


@contextmanager
def telling(sending: NoticeRound, stop: threading.Event, clock: Callable[[], float] = time.time) -> Iterator[None]:
    """Tell until told to stop; on the way out every line is cut that is still waited on."""
    turns = [_turn(sending, name, clock) for name in sending.messengers]
    turns.append(lambda: sending.bury_orphans(clock()) > 0)
    threads = [threading.Thread(target=_loop, args=(turn, sending, stop), name="notify", daemon=True) for turn in turns]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        _put_down(threads)


def _turn(sending: NoticeRound, name: str, clock: Callable[[], float]) -> Callable[[], bool]:
    return lambda: sending.tell(name, clock())


def _loop(turn: Callable[[], bool], sending: NoticeRound, stop: threading.Event) -> None:
    while not stop.is_set():
        try:
            if not turn() and not stop.is_set():
                sending.ledger.wait_for_change(LOOK_SECONDS)
        except Exception:
            log.exception("a turn of telling failed, going on")
            stop.wait(LOOK_SECONDS)


def _put_down(threads: Sequence[threading.Thread]) -> None:
    if _joined(threads):
        return
    hang_up()
    if not _joined(threads):
        log.warning("a target hangs in the middle of a notice; it is told again after the next start")


def _joined(threads: Sequence[threading.Thread]) -> bool:
    deadline = time.monotonic() + GRACE_SECONDS
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return not any(thread.is_alive() for thread in threads)
