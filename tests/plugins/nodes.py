"""A whole node, started and stopped through its command line, as a hospital would."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
READY_SECONDS = 60.0


def free_ports(count: int) -> list[int]:
    """Ask the system for ports that are free now, all different."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def wait_until(check: Callable[[], Any], seconds: float, what: str) -> Any:
    """Poll until the check gives something true, or fail with what was waited for and what was last seen."""
    end = time.monotonic() + seconds
    seen: Any = None
    while time.monotonic() < end:
        try:
            seen = check()
        except OSError as problem:
            seen = problem
        if seen and not isinstance(seen, Exception):
            return seen
        time.sleep(0.1)
    raise AssertionError(f"waited {seconds:.0f} s for {what}; last seen: {seen!r}")


def _stays(name: str) -> bool:
    """Keep the caller's environment but for settings; the suite may be run with another pack."""
    return not name.startswith("ICHOR__") or name.startswith("ICHOR__MODEL__")


class Node:
    """One installation: a folder, its ports, and the process group that serves it."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.dicom, self.web, self.archive = free_ports(3)
        self.environment = {
            **{name: value for name, value in os.environ.items() if _stays(name)},
            "ICHOR__NODE__DATA_DIR": str(folder / "data"),
            "ICHOR__NODE__PORT": str(self.dicom),
            "ICHOR__WEB__PORT": str(self.web),
            "ICHOR__PRACTICE__PORT": str(self.archive),
            "ICHOR__COMPLETION__QUIET_SECONDS": "3",
            "ICHOR__DISK__MIN_FREE_MB": "16",
            **settings,
        }
        self.process: subprocess.Popen[bytes] | None = None
        self.token = ""
        self.log = folder / "node.log"

    def command(self, *arguments: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """Run one verb to its end."""
        return subprocess.run(
            [sys.executable, "-P", "-m", "service", *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def start_soon(self, *arguments: str) -> None:
        """Serve, and do not wait."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "service", "serve", *arguments],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def start(self, *arguments: str) -> Node:
        """Serve, and wait until every role is alive."""
        before = self.log.stat().st_size if self.log.exists() else 0
        self.start_soon(*arguments)

        def ready() -> bool:
            assert self.process and self.process.poll() is None, self.log.read_text()[before:]
            return "ready:" in self.log.read_text()[before:]

        wait_until(ready, READY_SECONDS, "the node to be ready")
        if not self.token:
            self.token = self.command("token", "create", "--role", "admin").stdout.strip()
        return self

    def stop(self) -> int:
        """Drain with SIGTERM; return the exit code."""
        assert self.process
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)

    def kill(self) -> None:
        """Pull the plug: SIGKILL for the supervisor and every role."""
        assert self.process
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(30)

    def end(self) -> None:
        """Leave nothing running."""
        if self.process and self.process.poll() is None:
            self.kill()

    def api(self, path: str, method: str = "GET") -> Any:
        """Ask the API as admin."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.web}{path}", method=method, headers={"Authorization": f"Bearer {self.token}"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def study(self, uid: str) -> dict[str, Any]:
        """Give one study in full."""
        found: dict[str, Any] = self.api(f"/api/studies/{uid}")
        return found

    def settled(
        self, uid: str, seconds: float = 60, states: tuple[str, ...] = ("done", "not_analysed", "failed")
    ) -> Any:
        """Wait until the study stands still."""

        def look() -> Any:
            row = next((one for one in self.api("/api/worklist")["studies"] if one["study_instance_uid"] == uid), None)
            return row if row and row["state"] in states else None

        return wait_until(look, seconds, f"study {uid} to be {' or '.join(states)}")


def _maker(folder: Path, nodes: list[Node]) -> Callable[..., Node]:
    def make(**settings: str) -> Node:
        own = folder / f"node{len(nodes)}"
        own.mkdir()
        nodes.append(Node(own, **settings))
        return nodes[-1]

    return make


@pytest.fixture
def node_in(tmp_path: Path) -> Iterator[Callable[..., Node]]:
    """Make nodes, each in a folder of its own; all are gone after the test."""
    nodes: list[Node] = []
    yield _maker(tmp_path, nodes)
    for node in nodes:
        node.end()


@pytest.fixture(scope="module")
def module_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Node]]:
    """Make nodes that live as long as a module's tests."""
    nodes: list[Node] = []
    yield _maker(tmp_path_factory.mktemp("nodes"), nodes)
    for node in nodes:
        node.end()
