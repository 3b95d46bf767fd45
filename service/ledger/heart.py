"""A thread that says at short intervals that this process lives."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import psutil
from sqlalchemy.exc import SQLAlchemyError

from service.ledger import pulses
from service.ledger.book import Ledger

log = logging.getLogger(__name__)
BEAT_SECONDS = 2.0


def process_name() -> str:
    """Name this process so that no later one is mistaken for it: host, pid and start."""
    return f"{socket.gethostname()}:{os.getpid()}:{started_at(os.getpid())}"


def started_at(pid: int) -> int:
    """Return when a process started, in 1/100 s since the machine did; a clock set meanwhile does not change it."""
    since_boot: float = psutil.Process(pid).create_time() - psutil.boot_time()
    return round(since_boot * 100)


def is_dead(name: str) -> bool:
    """Tell that a named process of this host no longer exists; processes of other hosts are never called dead."""
    host, pid, started = name.rsplit(":", 2)
    if host != socket.gethostname():
        return False
    try:
        return started_at(int(pid)) != int(started)
    except psutil.NoSuchProcess:
        return True


class Heart:
    """Beats until stopped; a beat that cannot be written is logged, never fatal."""

    def __init__(self, ledger: Ledger, role: str, note: Callable[[], Mapping[str, Any]] = dict) -> None:
        self._ledger = ledger
        self._role = role
        self._note = note
        self._name = process_name()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, name=f"heart-{role}", daemon=True)

    def __enter__(self) -> Heart:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        pulses.stop(self._ledger, self._role, self._name)

    def _beat(self) -> None:
        while True:
            try:
                pulses.beat(self._ledger, self._role, self._name, self._note(), time.time())
            except SQLAlchemyError:
                log.exception("the pulse of role %s could not be written", self._role)
            if self._stop.wait(BEAT_SECONDS):
                return
