"""The deliver role: a thread per destination, so that a slow or dead archive holds up nobody else."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from service.delivery.commit import CommitmentRound
from service.delivery.send import DeliveryRound

log = logging.getLogger(__name__)

#: how often the clock is looked at when the ledger is silent: pauses end without a change in the ledger
LOOK_SECONDS = 1.0


def serve_deliveries(
    sending: DeliveryRound,
    commitments: CommitmentRound,
    stop: threading.Event,
    clock: Callable[[], float] = time.time,
) -> None:
    """Send and ask for proof until told to stop; returns when the last thread has put its study down."""
    turns = [_turn(sending, commitments, name, clock) for name in sending.destinations]
    turns.append(lambda: sending.bury_orphans(clock()) > 0)
    threads = [threading.Thread(target=_loop, args=(turn, sending, stop), name="deliver") for turn in turns]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


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
