"""Builders of ``ichor status`` and ``ichor doctor``: how the node does, and the mend of what is wrong."""

from __future__ import annotations

import importlib.metadata
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from service import __version__
from service.delivery.association import echo
from service.delivery.web_client import greet
from service.errors import IchorError, NotInstalled, Unavailable
from service.inference.pack import find_card, require_runtime
from service.ledger import pulses
from service.ledger.book import Ledger, open_ledger
from service.ledger.migrate import HEAD, revision
from service.notify.ports import Messenger
from service.peers import Destination
from service.settings import Settings
from service.wiring.notify import messengers
from service.wiring.roles import open_store, practising
from service.wiring.slices import build_slices
from service.worklist.api import queue_answer
from service.worklist.health import take_health
from service.worklist.ports import WorklistPorts
from service.worklist.rules import Alarm, alarms

HEALTHY, DEGRADED, NOT_REACHABLE = 0, 1, 2
RUNTIMES = ("onnxruntime", "onnxruntime-gpu")
TARGET_MEND = "start it, or correct its entry in [[hl7]], [[webhooks]], [[mails]] or [[ups]]"
DESTINATION_MEND = "start it, let it know this node, or correct its entry in [[destinations]]"


@dataclass(frozen=True, kw_only=True)
class Report:
    """What ``ichor status`` prints, and how it exits."""

    exit_code: int
    alarms: tuple[Alarm, ...]
    queue: dict[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """Return it as one JSON object."""
        word = ("healthy", "degraded", "not reachable")[self.exit_code]
        return {"status": word, "alarms": [one.sentence for one in self.alarms], **self.queue}

    def lines(self) -> Iterator[str]:
        """Return it as plain lines."""
        shown = self.as_dict()
        yield f"status     {shown['status']}"
        if not self.queue:
            yield from (f"           {one.sentence}" for one in self.alarms)
            return
        oldest = shown["oldest_age_seconds"]
        yield "studies    " + _counts(shown["states"])
        yield f"oldest     {'none waits' if oldest is None else f'{oldest:.0f} s'}"
        yield "deliveries " + _counts(shown["deliveries"])
        yield "notices    " + _counts(shown["notices"])
        yield "workers    " + (", ".join(sorted({one["role"] for one in shown["workers"]})) or "none")
        yield f"disk       {shown['disk']['free_mb']:.0f} MB free"
        yield from (f"{'ALARM' if one.grave else 'note':<10} {one.sentence}" for one in self.alarms)


def _counts(numbers: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in numbers.items() if count) or "none"


def status(settings: Settings) -> Report:
    """Look at the ledger; a node without a living process is not reachable."""
    try:
        ledger = _existing(settings)
    except IchorError as problem:
        return Report(exit_code=NOT_REACHABLE, alarms=(Alarm(sentence=str(problem), grave=True),), queue={})
    try:
        return _report(settings, ledger)
    finally:
        ledger.close()


def _existing(settings: Settings) -> Ledger:
    """Open the ledger without making one: looking must leave no trace."""
    file = settings.node.data_dir / "ledger.sqlite3"
    if not settings.database.url and not file.exists():
        raise Unavailable(f"no node has run with data_dir {settings.node.data_dir}: start it with ichor serve")
    return open_ledger(settings.database_url, migrate=False)


def _report(settings: Settings, ledger: Ledger) -> Report:
    now = time.time()
    alive = pulses.alive(ledger, now)
    if any(one.role == "practice" for one in alive):
        settings = practising(settings)
    store = open_store(settings)
    slices = build_slices(settings, store)
    ports = WorklistPorts(ledger=ledger, store=store, settings=settings, slices=slices, version=__version__)
    if not alive:
        gone = Alarm(sentence="no process of the node shows life: start it with ichor serve", grave=True)
        return Report(exit_code=NOT_REACHABLE, alarms=(gone,), queue=queue_answer(ports))
    found = tuple(alarms(take_health(ports), now))
    code = DEGRADED if any(one.grave for one in found) else HEALTHY
    return Report(exit_code=code, alarms=found, queue=queue_answer(ports))


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One line of ``ichor doctor``."""

    subject: str
    well: bool
    text: str
    mend: str = ""


def doctor(settings: Settings) -> Iterator[Finding]:
    """Check everything that can be checked from here, whether or not the node runs."""
    yield Finding(subject="settings", well=True, text="read and understood")
    yield _runtime()
    yield _try("pack", lambda: f"{find_card(settings.model.pack).name} verified", "name another with model.pack")
    yield _try("data folder", lambda: _folder(settings), "free some space or name another with node.data_dir")
    yield _try("database", lambda: _database(settings), "check [database] url, or run ichor migrate")
    running = _runs(settings)
    for name, host, port in _doors(settings):
        yield _try(name, partial(_port, host, port, running), "stop the other program or set another port")
    if not settings.destinations:
        yield Finding(subject="destinations", well=True, text="none configured: results stay on this node")
    for one in settings.destinations:
        yield _try(f"destination {one.name}", partial(_echo, settings, one), DESTINATION_MEND)
    for teller in messengers(settings):
        yield _try(f"notices to {teller.target.name}", partial(_reached, teller), TARGET_MEND)


def _try(subject: str, check: Callable[[], str], mend: str) -> Finding:
    try:
        return Finding(subject=subject, well=True, text=check())
    except IchorError as problem:
        return Finding(subject=subject, well=False, text=str(problem), mend=mend)


def _runtime() -> Finding:
    there = [name for name in RUNTIMES if _installed(name)]
    if len(there) == 2:
        mend = 'pip uninstall -y onnxruntime onnxruntime-gpu, then pip install ".[cpu]" or ".[gpu]"'
        return Finding(
            subject="onnx runtime", well=False, text="both wheels are installed, they overwrite each other", mend=mend
        )
    try:
        require_runtime()
    except NotInstalled as problem:
        return Finding(
            subject="onnx runtime", well=False, text=str(problem), mend='pip install ".[cpu]" in the source folder'
        )
    return Finding(subject="onnx runtime", well=True, text=", ".join(there) or "installed")


def _installed(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _folder(settings: Settings) -> str:
    free = open_store(settings).free_mb()
    if free < settings.disk.min_free_mb:
        raise Unavailable(f"{free:.0f} MB free, disk.min_free_mb asks for {settings.disk.min_free_mb:.0f}")
    return f"{settings.node.data_dir} is writable, {free:.0f} MB free"


def _database(settings: Settings) -> str:
    ledger = open_ledger(settings.database_url)
    try:
        return f"revision {revision(ledger)} of {HEAD}"
    finally:
        ledger.close()


def _runs(settings: Settings) -> bool:
    try:
        ledger = _existing(settings)
    except IchorError:
        return False
    try:
        return bool(pulses.alive(ledger, time.time()))
    finally:
        ledger.close()


def _doors(settings: Settings) -> list[tuple[str, str, int]]:
    node, web = settings.node, settings.web
    return [("DICOM port", node.host, node.port), ("web port", web.host, web.port)]


def _port(host: str, port: int, running: bool) -> str:
    if running:
        return f"{host}:{port} is this node's, which runs"
    try:
        socket.create_server((host, port)).close()
    except OSError as problem:
        raise Unavailable(f"{host}:{port} cannot be opened: {problem.strerror}") from None
    return f"{host}:{port} is free"


def _reached(teller: Messenger) -> str:
    teller.prove()
    return teller.check()


def _echo(settings: Settings, one: Destination) -> str:
    if one.url:
        greet(one)
        return f"the DICOMweb service at {one.url} answers"
    echo(settings.node.ae_title, one)
    return f"{one.ae_title} at {one.host}:{one.port} answers C-ECHO"
