"""The supervisor: a fallen role is started again, a wrong setting stops all, the end drains everyone."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from service.errors import Unavailable
from service.supervise import supervise


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


COUNT_AND_FALL = "import sys; open(sys.argv[1], 'a').write('x'); sys.exit(3)"
WAIT_FOR_LEASH = "import sys; open(sys.argv[1], 'w').write('up'); sys.stdin.read()"


def test_a_fallen_role_is_started_again(tmp_path: Path) -> None:
    marks, stop = tmp_path / "marks", threading.Event()
    threading.Timer(4.0, stop.set).start()
    supervise(["read"], lambda _: [*python(COUNT_AND_FALL), str(marks)], stop)
    assert 2 <= len(marks.read_text()) <= 4  # pauses grow: about 0, 1 and 3 seconds


def test_a_role_that_cannot_start_stops_the_node() -> None:
    with pytest.raises(Unavailable, match="role receive cannot start"):
        supervise(["receive"], lambda _: python("import sys; sys.exit(2)"), threading.Event())


def test_all_roles_are_gone_afterwards(tmp_path: Path) -> None:
    stop, others = threading.Event(), {one.pid for one in psutil.Process().children()}
    pids: set[int] = set()

    def look() -> None:
        if all((tmp_path / role).exists() for role in ("a", "b")):
            pids.update({one.pid for one in psutil.Process().children()} - others)
            stop.set()

    supervise(["a", "b"], lambda role: [*python(WAIT_FOR_LEASH), str(tmp_path / role)], stop, look)
    assert len(pids) == 2
    assert not [pid for pid in pids if psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie"]


def test_roles_end_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    child = f"{WAIT_FOR_LEASH}; open(sys.argv[1], 'w').write('gone')"
    code = (
        "import sys, threading; from service.supervise import supervise;"
        f"supervise(['a'], lambda _: [sys.executable, '-c', {child!r}, sys.argv[1]], threading.Event())"
    )
    mark = tmp_path / "mark"
    with subprocess.Popen([*python(code), str(mark)]) as boss:
        end = time.monotonic() + 20
        while not mark.exists() and time.monotonic() < end:
            time.sleep(0.05)
        os.kill(boss.pid, 9)
    while mark.read_text() != "gone" and time.monotonic() < end:
        time.sleep(0.05)
    assert mark.read_text() == "gone"
