"""A real browser on a real server: scripts run under the policy, the list refreshes by itself."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from service.domain.scan import Patient
from service.worklist import create_app

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium here; get it with: apt-get install chromium")


class FirstRefresh:
    """Lets something happen just before the page's first refresh is answered."""

    def __init__(self, app: Any, hospital: Any) -> None:
        self.app, self.hospital, self.done = app, hospital, False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if not self.done and any(name == b"hx-request" for name, _ in scope.get("headers", ())):
            self.hospital.on_refresh()
            self.done = True
        await self.app(scope, receive, send)


@pytest.fixture
def address(hospital: Any) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    app = FirstRefresh(create_app(hospital.ports()), hospital)
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="critical"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


def browse(url: str, profile: Path, milliseconds: int) -> tuple[str, str]:
    """The page's elements after a while, and what the browser's console said."""
    assert BROWSER
    flags = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--enable-logging=stderr",
    ]
    flags += [f"--user-data-dir={profile}", f"--virtual-time-budget={milliseconds}", "--dump-dom", url]
    done = subprocess.run([BROWSER, *flags], capture_output=True, text=True, timeout=90, check=True)
    return done.stdout, "\n".join(line for line in done.stderr.splitlines() if "CONSOLE" in line)


def test_the_pages_run_without_a_complaint(hospital: Any, address: str, tmp_path: Path) -> None:
    uid = hospital.positive(patient=Patient(name="<img src=x onerror=alert(1)>^Eve"))
    for path, words in (("/", "Suspected haemorrhage"), (f"/studies/{uid}", "Key slices"), ("/queue", "Signs of life")):
        html, console = browse(address + path, tmp_path / "profile", 3000)
        assert words in html
        assert console == ""
        assert 'id="lost" class="lost" role="alert" hidden' in html


def test_a_study_that_arrives_appears_by_itself(hospital: Any, address: str, tmp_path: Path) -> None:
    hospital.study("waiting", name="Early^Bird")
    hospital.on_refresh = lambda: hospital.study("receiving", age=2, name="Late^Comer")
    html, console = browse(address + "/", tmp_path / "profile", 6000)
    assert "Early, Bird" in html and "Late, Comer" in html
    assert html.count("Late, Comer") == 1
    assert console == ""


def test_a_silent_node_is_said_on_the_page(hospital: Any, address: str, tmp_path: Path) -> None:
    hospital.study("waiting", name="Early^Bird")
    hospital.on_refresh = lambda: 1 / 0
    html, _ = browse(address + "/", tmp_path / "profile", 6000)
    assert "Early, Bird" in html
    assert 'id="lost" class="lost" role="alert">' in html
