"""Several roles on one machine: a process each, watched, restarted, drained. One role needs no supervisor."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from service.errors import Unavailable

log = logging.getLogger(__name__)

#: exit code of a child whose settings are wrong: restarting it cannot help
BAD_USAGE = 2
#: a child is given this long to drain before it is killed, in seconds
DRAIN_SECONDS = 30.0
#: pause before a fallen child is started again, doubled up to the longest
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
#: a child that ran this long starts with the first pause again
STEADY_SECONDS = 60.0
LOOK_SECONDS = 0.1


@dataclass
class Child:
    """One role's process; its standard input is a leash: when we are gone it reads the end and stops."""

    role: str
    command: Sequence[str]
    pause: float = FIRST_PAUSE
    started_at: float = 0.0
    start_at: float = 0.0
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def start(self) -> None:
        """Start the process."""
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE)  # noqa: S603 - our own interpreter
        self.started_at = time.monotonic()

    def ended(self) -> int | None:
        """Return the exit code of a process that ended since we last looked."""
        if self.process is None:
            return None
        return self.process.poll()

    def let_go(self) -> None:
        """Close our end of the leash."""
        if self.process and self.process.stdin:
            self.process.stdin.close()

    def schedule_restart(self) -> None:
        """Start again after a pause that grows while the child keeps falling."""
        now = time.monotonic()
        self.pause = FIRST_PAUSE if now - self.started_at > STEADY_SECONDS else min(self.pause * 2, LONGEST_PAUSE)
        self.start_at = now + self.pause
        self.process = None

    def ask_to_stop(self) -> None:
        """Let go of the leash and send SIGTERM."""
        self.let_go()
        if self.process and self.process.poll() is None:
            self.process.terminate()

    def wait_or_kill(self, deadline: float) -> None:
        """Give the process until the deadline, then end it."""
        if self.process is None:
            return
        try:
            self.process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            log.warning("role %s did not drain in time and was killed", self.role)
            self.process.kill()
            self.process.wait()


def supervise(
    roles: Sequence[str],
    command_of: Callable[[str], Sequence[str]],
    stop: threading.Event,
    while_running: Callable[[], None] = lambda: None,
) -> None:
    """Keep one process per role alive until told to stop, then drain all of them."""
    children = [Child(role, command_of(role)) for role in roles]
    try:
        for child in children:
            child.start()
        while not stop.wait(LOOK_SECONDS):
            while_running()
            for child in children:
                _tend(child)
    finally:
        _drain(children)


def _tend(child: Child) -> None:
    if child.process is None:
        if time.monotonic() >= child.start_at:
            child.start()
        return
    code = child.ended()
    if code is None:
        return
    child.let_go()
    if code == BAD_USAGE:
        raise Unavailable(f"role {child.role} cannot start; the line above says why")
    log.error("role %s ended with code %s; it is started again", child.role, code)
    child.schedule_restart()


def _drain(children: Sequence[Child]) -> None:
    for child in children:
        child.ask_to_stop()
    deadline = time.monotonic() + DRAIN_SECONDS
    for child in children:
        child.wait_or_kill(deadline)


def watch_leash(stop: threading.Event) -> None:
    """Stop when the supervisor is gone: its end of our standard input closes."""

    def wait_for_end() -> None:
        # unbuffered: a daemon thread inside sys.stdin would abort the interpreter's shutdown
        while os.read(sys.stdin.fileno(), 1024):
            pass
        stop.set()

    threading.Thread(target=wait_for_end, name="leash", daemon=True).start()


def python_command(*arguments: str) -> list[str]:
    """Return the command line of this program; -P keeps a stray ``models`` folder here from being imported."""
    return [sys.executable, "-P", "-m", "service", *arguments]
