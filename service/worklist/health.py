"""How the node is: /healthz, /readyz, and the facts behind the alarm strip."""

from __future__ import annotations

import logging
from http import HTTPStatus

from fastapi import FastAPI
from fastapi.responses import JSONResponse

from service.ledger import gauges, pulses
from service.ledger.undelivered import Undelivered, undelivered
from service.worklist.ports import WorklistPorts
from service.worklist.rules import Health

log = logging.getLogger(__name__)
#: the alarm looks at so many; who has more has one alarm all the same
MOST_UNDELIVERED = 500
SECONDS_PER_MINUTE = 60.0


def take_health(ports: WorklistPorts) -> Health:
    """Look at everything the alarms are made from."""
    return Health(
        gauges=gauges.gauges(ports.ledger),
        roles_alive=frozenset(one.role for one in pulses.alive(ports.ledger, ports.clock())),
        free_mb=ports.store.free_mb(),
        min_free_mb=ports.settings.disk.min_free_mb,
        destinations=len(ports.settings.destinations),
        undelivered=tuple(take_undelivered(ports, MOST_UNDELIVERED)),
        undelivered_patience=ports.settings.alarms.undelivered_minutes * SECONDS_PER_MINUTE,
    )


def take_undelivered(ports: WorklistPorts, limit: int) -> list[Undelivered]:
    """List the flagged studies that are not proven delivered."""
    return undelivered(ports.ledger, [one.name for one in ports.settings.destinations if one.commit], limit)


def failings(ports: WorklistPorts) -> list[str]:
    """Name what of this process cannot work now; the web role answers, so it works."""
    database = gauges.trouble(ports.ledger)
    disk = _disk(ports)
    if database:
        return [f"database: does not answer ({database})", *disk]
    alive = {one.role for one in pulses.alive(ports.ledger, ports.clock()) if one.process.startswith(ports.process)}
    silent = sorted(ports.roles - alive - {"web"})
    return [*disk, *(f"{role}: no sign of life for {pulses.FRESH_SECONDS:g} s" for role in silent)]


def _disk(ports: WorklistPorts) -> list[str]:
    try:
        free = ports.store.free_mb()
    except OSError as problem:
        return [f"disk: data_dir cannot be used ({problem.strerror})"]
    wanted = ports.settings.disk.min_free_mb
    return [f"disk: {free:.0f} MB free, {wanted:.0f} MB wanted"] if free < wanted else []


def add_health(app: FastAPI, ports: WorklistPorts) -> None:
    """Add the two probes; they need no token and say nothing about patients."""

    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        return {"status": "alive"}

    @app.get("/readyz")
    def readyz() -> JSONResponse:
        found = failings(ports)
        if not found:
            return JSONResponse({"status": "ready"})
        log.warning("not ready: %s", "; ".join(found))
        answer = {
            "status": "not ready",
            "failing": found,
            "error": "; ".join(found),
            "mend": "ichor doctor says what to do about each",
        }
        return JSONResponse(answer, HTTPStatus.SERVICE_UNAVAILABLE)
