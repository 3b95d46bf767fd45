"""Real DICOM peers for tests, each on a free loopback port and stopped by its own process.

Fixtures: ``free_port()`` gives a port, ``program("storescu")`` a path, ``storescp_factory(*options)`` a storescp,
``orthanc`` and ``dcmqrscp`` a running, empty archive. A missing program skips with the install line, in CI it fails.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

LOOPBACK = "127.0.0.1"
START_SECONDS = 30
STOP_SECONDS = 15
PACKAGES = {"Orthanc": "orthanc", "dciodvfy": "dicom3tools", "dcentvfy": "dicom3tools", "chromium": "chromium"}
ORTHANC_PLUGINS = Path("/usr/share/orthanc/plugins")
#: Debian's DCMTK and Orthanc wait 40 ms per object without it
ENVIRONMENT = os.environ | {"TCP_NODELAY": "1"}


def find_program(name: str) -> str:
    """Return the program's path, or skip with the line that installs it; in CI nothing may be missing."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    if found:
        return found
    reason = f"{name} is not installed: apt-get install {PACKAGES.get(name, 'dcmtk')}"
    if os.environ.get("CI", "").lower() in ("true", "1"):
        pytest.fail(reason)
    pytest.skip(reason)


def take_free_port() -> int:
    """Return a TCP port that nobody uses now."""
    with closing(socket.socket()) as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


@dataclass
class Server:
    """A peer process that listens on ``port``; start and stop it as often as a test likes."""

    command: list[str]
    port: int
    aet: str
    folder: Path
    process: subprocess.Popen[bytes] | None = None
    log: Path = field(init=False)

    def __post_init__(self) -> None:
        self.log = self.folder.with_suffix(".log")

    def start(self) -> None:
        with self.log.open("ab") as sink:
            self.process = subprocess.Popen(self.command, stdout=sink, stderr=sink, env=ENVIRONMENT)
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and self.process.poll() is None:
            with suppress(OSError), closing(socket.create_connection((LOOPBACK, self.port), timeout=1)):
                return
            time.sleep(0.02)
        pytest.fail(f"{self.command[0]} did not start: {self.log.read_text(errors='replace')[-2000:]}")

    def stop(self) -> None:
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def files(self) -> list[Path]:
        return sorted(one for one in self.folder.rglob("*") if one.is_file() and one.name != "index.dat")


@dataclass
class Orthanc(Server):
    """Orthanc with its REST API; ``ask`` speaks JSON."""

    http_port: int = 0

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """Return the JSON (or bytes) of an answer below 400."""
        connection = HTTPConnection(LOOPBACK, self.http_port, timeout=30)
        with closing(connection):
            connection.request(method, path, json.dumps(body) if body is not None else None)
            answer = connection.getresponse()
            content = answer.read()
            if answer.status >= 400:
                raise AssertionError(f"{method} {path}: {answer.status} {content[:500]!r}")
            is_json = "json" in answer.headers.get("Content-Type", "")
        return json.loads(content) if is_json and content else content

    def know(self, aet: str, port: int, *, name: str = "node", commitment: bool = True) -> None:
        """Register a modality, as an administrator would in DicomModalities."""
        entry = {"AET": aet, "Host": LOOPBACK, "Port": port, "AllowStorageCommitment": commitment}
        self.ask("PUT", f"/modalities/{name}", entry)

    def send(self, study_uid: str, name: str = "node") -> None:
        """Send a study to a registered modality and wait until it is through."""
        body = {"Resources": self.find("Study", study_uid), "Synchronous": True}
        self.ask("POST", f"/modalities/{name}/store", body)

    def find(self, level: str, uid: str) -> list[str]:
        """Return Orthanc's own ids of what has this UID."""
        tag = {"Study": "StudyInstanceUID", "Series": "SeriesInstanceUID", "Instance": "SOPInstanceUID"}[level]
        found: list[str] = self.ask("POST", "/tools/find", {"Level": level, "Query": {tag: uid}})
        return found

    def sop_uids(self) -> list[str]:
        """Return the SOP Instance UID of everything it keeps."""
        return sorted(
            self.ask("GET", f"/instances/{one}")["MainDicomTags"]["SOPInstanceUID"] for one in self.instances()
        )

    def instances(self) -> list[str]:
        found: list[str] = self.ask("GET", "/instances")
        return found

    def wipe(self) -> None:
        """Forget all studies and modalities."""
        for one in self.ask("GET", "/patients"):
            self.ask("DELETE", f"/patients/{one}")
        for one in self.ask("GET", "/modalities"):
            self.ask("DELETE", f"/modalities/{one}")


def _orthanc(folder: Path) -> Orthanc:
    port, http_port = take_free_port(), take_free_port()
    plugins = [str(one) for one in map(ORTHANC_PLUGINS.joinpath, ("libOrthancDicomWeb.so", "libOrthancGdcm.so"))]
    settings = {
        "Name": "test", "DicomAet": "ORTHANC", "DicomPort": port, "HttpPort": http_port,
        "StorageDirectory": str(folder), "IndexDirectory": str(folder),
        "RemoteAccessAllowed": False, "AuthenticationEnabled": False, "SslEnabled": False,
        "DicomModalities": {}, "StableAge": 1, "OverwriteInstances": False,
        "Plugins": [one for one in plugins if Path(one).exists()],
    }  # fmt: skip
    file = folder.with_suffix(".json")
    file.write_text(json.dumps(settings))
    return Orthanc([find_program("Orthanc"), str(file)], port, "ORTHANC", folder, http_port=http_port)


@pytest.fixture(scope="session")
def orthanc_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    server = _orthanc(tmp_path_factory.mktemp("orthanc"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def orthanc(orthanc_process: Orthanc) -> Orthanc:
    """A running Orthanc that knows nothing: no study, no modality."""
    if orthanc_process.process is None:
        orthanc_process.start()
    orthanc_process.wipe()
    return orthanc_process


@pytest.fixture
def dcmqrscp(tmp_path: Path) -> Iterator[Server]:
    """DCMTK's query/retrieve archive: no Storage Commitment, uncompressed transfer syntaxes only."""
    folder = tmp_path / "dcmqrscp"
    folder.mkdir()
    port = take_free_port()
    file = tmp_path / "dcmqrscp.cfg"
    file.write_text(
        f"NetworkTCPPort = {port}\nMaxPDUSize = 16384\nMaxAssociations = 16\n"
        "HostTable BEGIN\nHostTable END\nVendorTable BEGIN\nVendorTable END\n"
        f"AETable BEGIN\nDCMQRSCP {folder} RW (500, 1024mb) ANY\nAETable END\n"
    )
    server = Server([find_program("dcmqrscp"), "-c", str(file), str(port)], port, "DCMQRSCP", folder)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def storescp_factory(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Give storescp processes; options as on its command line, ``port`` to take over a known one."""
    servers: list[Server] = []

    def make(*options: str, port: int | None = None, start: bool = True) -> Server:
        folder = tmp_path / f"storescp{len(servers)}"
        folder.mkdir()
        listen = port or take_free_port()
        command = [find_program("storescp"), "-od", str(folder), *options, str(listen)]
        server = Server(command, listen, "STORESCP", folder)
        servers.append(server)
        if start:
            server.start()
        return server

    yield make
    for one in servers:
        one.stop()


@pytest.fixture
def free_port() -> Callable[[], int]:
    """Call it for each port needed."""
    return take_free_port


@pytest.fixture
def program() -> Callable[[str], str]:
    """Call it with a program's name for its path; skips (in CI: fails) when it is not installed."""
    return find_program
