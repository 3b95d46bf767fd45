"""The deliver role: a thread per destination, so that a slow or dead archive holds up nobody else, one for reports."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from service.delivery.association import hang_up
from service.delivery.commit import CommitmentRound
from service.delivery.report import ReportRound
from service.delivery.send import DeliveryRound

log = logging.getLogger(__name__)

#: how often the clock is looked at when the ledger is silent: pauses end without a change in the ledger
LOOK_SECONDS = 1.0
#: a destination that hangs in the middle of an object is left at the end after so many seconds; its lease runs out
GRACE_SECONDS = 20.0


def serve_deliveries(
    sending: DeliveryRound,
    commitments: CommitmentRound,
    reports: ReportRound,
    stop: threading.Event,
) -> None:
    """Send, ask for proof and give it until told to stop; returns when the threads have put their studies down."""
    turns = [_turn(sending, commitments, name, time.time) for name in sending.destinations]
    turns.append(lambda: sending.bury_orphans(time.time()) > 0)
    turns.append(lambda: reports.run_once(time.time()))
    threads = [
        threading.Thread(target=_loop, args=(turn, sending, stop), name="deliver", daemon=True) for turn in turns
    ]
    for thread in threads:
        thread.start()
    stop.wait()
    deadline = time.monotonic() + GRACE_SECONDS
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    hanging = sum(thread.is_alive() for thread in threads)
    if hanging:
        hang_up()
        log.warning("%d destination(s) hang in the middle of an object; it is sent again after the next start", hanging)


def _turn(
    sending: DeliveryRound, commitments: CommitmentRound, name: str, clock: Callable[[], float]
) -> Callable[[], bool]:
    asked_at = -LOOK_SECONDS

    def turn() -> bool:
        """Sending goes before proof: an outage's backlog is cleared first; proof never crowds the ledger."""
        nonlocal asked_at
        if sending.send_to(name, clock()):
            return True
        if time.monotonic() - asked_at < LOOK_SECONDS:
            return False
        asked_at = time.monotonic()
        return commitments.ask(name, clock())

    return turn


def _loop(turn: Callable[[], bool], sending: DeliveryRound, stop: threading.Event) -> None:
    while not stop.is_set():
        try:
            if not turn() and not stop.is_set():
                sending.ledger.wait_for_change(LOOK_SECONDS)
        except Exception:
            log.exception("a delivery turn failed, going on")
            stop.wait(LOOK_SECONDS)
