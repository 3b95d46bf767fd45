"""Signs of life of the node's processes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, insert, select, update

from service.ledger.book import Ledger
from service.ledger.tables import pulses

#: a process not seen for this long counts as gone, in seconds
FRESH_SECONDS = 10.0


@dataclass(frozen=True, kw_only=True)
class Pulse:
    """One process in one role."""

    role: str
    process: str
    started_at: float
    seen_at: float
    note: Mapping[str, Any]


def beat(ledger: Ledger, role: str, process: str, note: Mapping[str, Any], now: float) -> None:
    """Say that this process lives, and how it does."""
    mine = (pulses.c.role == role) & (pulses.c.process == process)
    with ledger.writing() as connection:
        if connection.execute(update(pulses).where(mine).values(seen_at=now, note=dict(note))).rowcount:
            return
        connection.execute(
            insert(pulses).values(role=role, process=process, started_at=now, seen_at=now, note=dict(note))
        )


def stop(ledger: Ledger, role: str, process: str) -> None:
    """Say good-bye, so that a stopped process is not taken for a dead one."""
    with ledger.writing() as connection:
        connection.execute(delete(pulses).where(pulses.c.role == role, pulses.c.process == process))


def alive(ledger: Ledger, now: float) -> list[Pulse]:
    """List the processes seen lately."""
    with ledger.reading() as connection:
        rows = connection.execute(
            select(pulses).where(pulses.c.seen_at >= now - FRESH_SECONDS).order_by(pulses.c.role, pulses.c.process)
        )
        return [Pulse(**dict(row._mapping)) for row in rows]


def forget(ledger: Ledger, before: float) -> None:
    """Drop the rows of processes that are long gone."""
    with ledger.writing() as connection:
        connection.execute(delete(pulses).where(pulses.c.seen_at < before))
