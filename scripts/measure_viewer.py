"""Times the study page of a thin series in Chromium over a node of its own on loopback, and prints the medians.

scripts/measure-viewer [--slices N] [--times N] [--cache-mb N] [--cores N] [--scan FOLDER]

Opening: from the click's navigation until the most telling slice is painted with its heat and can be scrolled.
Scrolling: wheel notches, each sent as soon as the slice before is painted, through every slice; none is left out.
The browser starts with an empty cache each time; the node keeps no drawn slice unless --cache-mb says so.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from service.errors import DestinationDown
from service.peers import Destination
from service.practice.send import send_series
from service.wiring import scans

READY = """() => { const stage = document.getElementById('stage'); return stage && stage.dataset.state === 'ready'
  && stage.dataset.heat !== 'loading' && performance.now(); }"""
SCROLL = """() => new Promise((done) => {
  const viewer = document.getElementById('viewer'), stage = document.getElementById('stage');
  const last = Number(document.getElementById('slice').max), seen = [];
  const notch = () => stage.dispatchEvent(new WheelEvent('wheel', { deltaY: 100, bubbles: true, cancelable: true }));
  const step = (event) => {
    if (event.detail.at === seen[seen.length - 1]) { return; }
    seen.push(event.detail.at);
    if (event.detail.at < last) { notch(); return; }
    viewer.removeEventListener('viewer:shown', step);
    const skipped = last - seen[0] + 1 - seen.length;
    done({ seconds: (performance.now() - began) / 1000, slices: seen.length, skipped: skipped });
  };
  viewer.addEventListener('viewer:shown', step);
  const began = performance.now();
  stage.dispatchEvent(new KeyboardEvent('keydown', { key: 'Home', bubbles: true, cancelable: true }));
})"""


@dataclass(frozen=True)
class Node:
    """A node of our own, and where it listens."""

    process: subprocess.Popen[bytes]
    web: int
    dicom: int

    def api(self, path: str) -> Any:
        """Ask the open door of practice mode."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.web}{path}", timeout=30) as answer:
            return json.load(answer)


@contextmanager
def running_node(folder: Path, cache_mb: float) -> Iterator[Node]:
    """Serve in practice mode, and end the process group afterwards."""
    dicom, web, archive = _free_ports(3)
    told = {
        "NODE__DATA_DIR": str(folder / "data"), "NODE__PORT": dicom, "WEB__PORT": web, "PRACTICE__PORT": archive,
        "DISK__MIN_FREE_MB": 16, "WEB__PICTURE_CACHE_MB": cache_mb,
    }  # fmt: skip
    environment = os.environ | {f"ICHOR__{name}": str(value) for name, value in told.items()}
    command = [sys.executable, "-P", "-m", "service", "serve", "--practice"]
    with (folder / "node.log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True,
        )  # fmt: skip
    try:
        _wait(lambda: b"ready:" in (folder / "node.log").read_bytes(), 180, "the node to start")
        yield Node(process, web, dicom)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(60)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def _wait(check: Any, seconds: float, what: str) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = check()
        if found:
            return found
        time.sleep(0.2)
    raise SystemExit(f"waited {seconds:.0f} s for {what}")


def send_and_wait(node: Node, paths: list[Path]) -> str:
    """Send the series and wait until every study of the node stands still; return the study's UID."""
    import pydicom

    study = str(pydicom.dcmread(paths[0], stop_before_pixels=True).StudyInstanceUID)
    _wait(lambda: _at_rest(node, 2), 600, "the practice cases to be read")
    door = Destination(name="n", ae_title="ICHOR", host="127.0.0.1", port=node.dicom)
    _wait(lambda: _sent(paths, door), 1800, "the door to take the series")
    _wait(lambda: _at_rest(node, 3), 1800, "the series to be read")
    return study


def _sent(paths: list[Path], door: Destination) -> bool:
    """Send everything; a busy machine may need it twice, and the node takes what it has without doubling it."""
    try:
        send_series(paths, door, "MEASURECT")
    except DestinationDown as problem:
        print(f"sending again: {problem}", file=sys.stderr)
        return False
    return True


def _at_rest(node: Node, count: int) -> bool:
    rows = node.api("/api/worklist")["studies"]
    return len(rows) == count and all(one["state"] in ("done", "not_analysed", "failed") for one in rows)


@dataclass(frozen=True)
class Visit:
    """Seconds until the page was open, and how fast it scrolled."""

    opened: float
    rate: float
    skipped: int


def one_visit(browser: Browser, address: str) -> Visit:
    """Open the page with an empty browser cache, then scroll through the whole series."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.goto(address, wait_until="commit")
    opened = page.wait_for_function(READY, polling="raf").json_value() / 1000
    scrolled = page.evaluate(SCROLL)
    context.close()
    return Visit(opened, scrolled["slices"] / scrolled["seconds"], int(scrolled["skipped"]))


def main() -> None:
    """Make or take a scan, start a node, visit the page several times."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slices", type=int, default=300)
    parser.add_argument("--times", type=int, default=7)
    parser.add_argument("--cache-mb", type=float, default=0)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--scan", type=Path, help="a folder with the series, instead of a phantom made now")
    asked = parser.parse_args()
    chromium = shutil.which("chromium")
    if not chromium:
        raise SystemExit("there is no Chromium: apt-get install chromium")
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: asked.cores])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wish = scans.PhantomWish(finding="intraparenchymal", seed=7, slices=asked.slices, thickness=150 / asked.slices)
        paths = sorted(asked.scan.glob("*.dcm")) if asked.scan else scans.write_phantom(wish, folder / "scan")
        with running_node(folder, asked.cache_mb) as node:
            study = send_and_wait(node, paths)
            visits = _visits(chromium, f"http://127.0.0.1:{node.web}/studies/{study}", asked.times)
    report(visits, len(paths), asked)


def _visits(chromium: str, address: str, times: int) -> list[Visit]:
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        visits = [one_visit(browser, address) for _ in range(times)]
        browser.close()
    return visits


def report(visits: list[Visit], slices: int, asked: argparse.Namespace) -> None:
    """Print the medians with what they were measured on."""
    print(
        f"study page of {slices} slices: opens in {_spread([one.opened for one in visits], 2)} s, scrolls "
        f"{_spread([one.rate for one in visits], 0)} slices/s, {sum(one.skipped for one in visits)} slices left out; "
        f"median of {len(visits)} visits, browser cache empty, node keeps {asked.cache_mb:g} MB of drawn slices; "
        f"{asked.cores} cores of {platform.machine()} {platform.system()} under a load of {os.getloadavg()[0]:.1f}, "
        f"Chromium, {date.today()}"
    )


def _spread(values: list[float], digits: int) -> str:
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


if __name__ == "__main__":
    main()
