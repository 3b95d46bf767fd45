"""The roles of ``ichor serve``: each builder puts one process together and runs it until told to stop."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import uvicorn

from service import __version__
from service.errors import Unavailable
from service.ledger import promises, pulses
from service.ledger.book import Ledger, open_ledger
from service.ledger.heart import Heart
from service.peers import Destination
from service.settings import Settings
from service.store.files import FileStore
from service.targets import NoticeTarget
from service.upkeep.schedule import Duty

log = logging.getLogger(__name__)
PRACTICE_NAME = "practice-archive"
#: how often open series are judged, in seconds
JUDGE_SECONDS = 0.2
RESCUE_SECONDS = 1.0
DISK_SECONDS = 30.0
FORGET_SECONDS = 60.0
PURGE_SECONDS = 3600.0
#: pulses older than this are dropped
FORGOTTEN_SECONDS = 3600.0
#: answered requests for Storage Commitment, and with them their transaction UIDs, are remembered this long
REMEMBERED_SECONDS = 30 * 24 * 3600.0


def practising(settings: Settings) -> Settings:
    """Return the settings with the practice archive as the only destination and nobody to tell.

    Synthetic results stay on this machine.
    """
    archive = Destination(
        name=PRACTICE_NAME, ae_title=settings.practice.ae_title, host="127.0.0.1", port=settings.practice.port
    )
    nobody: dict[str, tuple[NoticeTarget, ...]] = {"hl7": (), "webhooks": (), "mails": (), "ups": ()}
    return settings.model_copy(update={"destinations": (archive,), **nobody})


def prepare(settings: Settings, roles: Sequence[str]) -> None:
    """Find out before any process starts what would stop all of them."""
    from service.inference.pack import find_card, require_runtime
    from service.wiring.notify import require_usable

    open_store(settings)
    require_runtime()
    find_card(settings.model.pack)
    open_ledger(settings.database_url).close()
    if "deliver" in roles:
        require_usable(settings)
    doors = {
        "receive": ("node", settings.node.host, settings.node.port),
        "web": ("web", settings.web.host, settings.web.port),
        "practice": ("practice", "127.0.0.1", settings.practice.port),
    }
    for role in roles:
        if role in doors:
            _require_free(*doors[role])


def _require_free(section: str, host: str, port: int) -> None:
    try:
        socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except OSError as problem:
        raise Unavailable(
            f"port {port} on {host} cannot be opened: {os.strerror(problem.errno or 0)}; "
            f"stop the other program or set [{section}] port"
        ) from None


def open_store(settings: Settings) -> FileStore:
    """Open the data folder, or say why not."""
    try:
        return FileStore(settings.node.data_dir)
    except OSError as problem:
        folder = settings.node.data_dir
        raise Unavailable(
            f"node.data_dir {folder} cannot be used: {problem.strerror}; make it writable or name another"
        ) from None


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What the web role answers for: the roles of this node, and whether practice leaves its door open."""

    roles: frozenset[str]
    open_door: bool = False


def run_role(settings: Settings, role: str, stop: threading.Event, surroundings: Surroundings) -> None:
    """Run one role until told to stop, and leave in good order."""
    roles: dict[str, Callable[[], None]] = {
        "receive": lambda: receive(settings, stop),
        "read": lambda: read(settings, stop),
        "deliver": lambda: deliver(settings, stop),
        "web": lambda: web(settings, stop, surroundings),
        "tend": lambda: tend(settings, stop),
        "practice": lambda: practice(settings, stop),
    }
    roles[role]()
    log.info("stopped")


def receive(settings: Settings, stop: threading.Event) -> None:
    """The door."""
    from service.intake.journal import Journal
    from service.intake.rules import Callers
    from service.intake.scp import DoorSettings, StorageDoor
    from service.wiring.door import beside_storage

    store, ledger = open_store(settings), open_ledger(settings.database_url)
    store.sweep_drafts(time.time())
    provers = tuple(one for one in settings.destinations if one.commit and not one.url)
    callers = Callers(senders=settings.senders, queriers=settings.queriers, provers=provers)
    own = DoorSettings(node=settings.node, disk=settings.disk, callers=callers)
    door = StorageDoor(own, store, Journal(ledger), beside_storage(settings, ledger, store))
    door.start()
    with Heart(ledger, "receive", lambda: {"associations": door.active}):
        stop.wait()
        door.stop()
    ledger.close()


def read(settings: Settings, stop: threading.Event) -> None:
    """The worker."""
    from service.wiring.desk import build_desk
    from service.worker.loop import run

    store, ledger = open_store(settings), open_ledger(settings.database_url)
    desk = build_desk(settings, store)
    with Heart(ledger, "read", lambda: {"device": desk.device, "pack": desk.pack.name}):
        run(ledger, desk, settings.work, stop)
    ledger.close()


def deliver(settings: Settings, stop: threading.Event) -> None:
    """The sender of results, and the teller of notices beside it."""
    from service.delivery.commit import CommitmentRound
    from service.delivery.report import ReportRound
    from service.delivery.send import DeliveryRound
    from service.delivery.serve import serve_deliveries
    from service.notify.serve import telling
    from service.wiring.door import address_book
    from service.wiring.notify import notice_round

    store, ledger = open_store(settings), open_ledger(settings.database_url)
    title = settings.node.ae_title
    sending = DeliveryRound(settings.destinations, store, ledger, settings.delivery, title)
    proving = CommitmentRound(settings.destinations, ledger, settings.delivery, title)
    reporting = ReportRound(ledger, store, address_book(settings).find, settings.delivery, title)
    with Heart(ledger, "deliver"), telling(notice_round(settings, ledger), stop):
        serve_deliveries(sending, proving, reporting, stop)
    ledger.close()


def web(settings: Settings, stop: threading.Event, surroundings: Surroundings) -> None:
    """The page and the API."""
    from service.wiring.slices import build_slices
    from service.worklist.app import create_app
    from service.worklist.ports import WorklistPorts

    store, ledger = open_store(settings), open_ledger(settings.database_url)
    ports = WorklistPorts(
        ledger=ledger,
        store=store,
        settings=settings,
        slices=build_slices(settings, store),
        open_door=surroundings.open_door,
        roles=surroundings.roles,
        process=f"{socket.gethostname()}:",
        version=__version__,
    )
    door = _listen(settings)
    log.info("page at http://%s:%d/", settings.web.host, settings.web.port)
    server = uvicorn.Server(uvicorn.Config(create_app(ports), log_config=None, access_log=False))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [door]}, name="web")
    thread.start()
    with Heart(ledger, "web"):
        while thread.is_alive() and not stop.wait(0.2):
            continue
    server.should_exit = True
    thread.join()
    door.close()
    ledger.close()


def _listen(settings: Settings) -> socket.socket:
    address = (settings.web.host, settings.web.port)
    try:
        return socket.create_server(address, backlog=128)
    except OSError as problem:
        raise Unavailable(
            f"port {address[1]} on {address[0]} cannot be opened: {problem.strerror}; set [web] host or port"
        ) from None


def tend(settings: Settings, stop: threading.Event) -> None:
    """The janitors."""
    from service.upkeep.schedule import Schedule

    store, ledger = open_store(settings), open_ledger(settings.database_url)
    with Schedule(_duties(settings, ledger, store)), Heart(ledger, "tend"):
        stop.wait()
    ledger.close()


def _duties(settings: Settings, ledger: Ledger, store: FileStore) -> list[Duty]:
    from service.upkeep.complete_series import CompleteSeries
    from service.upkeep.purge import purge
    from service.upkeep.rescue_jobs import rescue_jobs
    from service.upkeep.watch_disk import watch_disk

    completing = CompleteSeries(ledger, settings.completion, _ask_peers(settings))
    duties = [
        Duty("complete_series", lambda: completing.sweep(time.time()), JUDGE_SECONDS),
        Duty("rescue_jobs", lambda: rescue_jobs(ledger, settings.work, time.time()), RESCUE_SECONDS),
        Duty("watch_disk", lambda: watch_disk(store, settings.disk), DISK_SECONDS),
        Duty("forget_pulses", lambda: pulses.forget(ledger, time.time() - FORGOTTEN_SECONDS), FORGET_SECONDS),
    ]

    def forget_requests() -> int:
        return promises.forget_requests(ledger, time.time() - REMEMBERED_SECONDS)

    duties.append(Duty("forget_requests", forget_requests, PURGE_SECONDS))
    days = settings.disk.retention_days
    if days:
        duties.append(Duty("purge", lambda: purge(ledger, store, days, time.time()), PURGE_SECONDS))
    return duties


def _ask_peers(settings: Settings) -> Callable[[str, str], int | None] | None:
    if not settings.query_peers:
        return None
    from service.assembly.ask_peer import ask

    return lambda study_uid, series_uid: ask(settings.query_peers, settings.node.ae_title, study_uid, series_uid)


def practice(settings: Settings, stop: threading.Event) -> None:
    """The practice archive, and two synthetic heads."""
    from service.practice.serve_practice import practice_beside

    ledger = open_ledger(settings.database_url)
    node = settings.node
    door = Destination(name="node", ae_title=node.ae_title, host="127.0.0.1", port=node.port)
    archive = next(one for one in settings.destinations if one.name == PRACTICE_NAME)
    with practice_beside(node.data_dir, door, archive), Heart(ledger, "practice"):
        stop.wait()
    ledger.close()


def readiness(settings: Settings, roles: Sequence[str]) -> Callable[[], bool]:
    """Return what tells whether every role has shown life since now."""
    ledger, since = open_ledger(settings.database_url, migrate=False), time.time()

    def ready() -> bool:
        alive = {one.role for one in pulses.alive(ledger, time.time()) if one.started_at >= since}
        return alive >= set(roles)

    return ready
