"""Builders of the verbs that operate queue, people and database by hand."""

from __future__ import annotations

import getpass
import time
from collections.abc import Iterator
from contextlib import contextmanager

from service.errors import BadUsage
from service.ledger import audit, jobs, outbox, people, retention
from service.ledger.audit import Deed
from service.ledger.book import Ledger, open_ledger
from service.ledger.migrate import bring_up_to_date, revision
from service.settings import Settings
from service.upkeep import purge as janitor
from service.wiring.roles import open_store


@contextmanager
def _ledger(settings: Settings) -> Iterator[Ledger]:
    ledger = open_ledger(settings.database_url)
    try:
        yield ledger
    finally:
        ledger.close()


def _write_down(ledger: Ledger, act: str, subject: str) -> None:
    audit.write(ledger, Deed(at=time.time(), who=f"shell:{getpass.getuser()}", act=act, subject=subject))


def add_user(settings: Settings, name: str, role: str, password: str) -> None:
    """Add a user."""
    with _ledger(settings) as ledger:
        people.add_user(ledger, people.Person(name=name, role=people.Role(role)), password, time.time())
        _write_down(ledger, "user add", name)


def remove_user(settings: Settings, name: str) -> None:
    """Remove a user."""
    with _ledger(settings) as ledger:
        people.remove_user(ledger, name)
        _write_down(ledger, "user remove", name)


def list_users(settings: Settings) -> list[tuple[str, str]]:
    """List names and roles."""
    with _ledger(settings) as ledger:
        return [(one.name, one.role.value) for one in people.list_users(ledger)]


def create_token(settings: Settings, role: str) -> str:
    """Make a token; only its hash is kept."""
    with _ledger(settings) as ledger:
        token = people.create_token(ledger, people.Role(role), time.time())
        _write_down(ledger, "token create", role)
        return token


def replay(settings: Settings, study_uid: str) -> None:
    """Offer a study again."""
    with _ledger(settings) as ledger:
        if not jobs.replay(ledger, study_uid, time.time()):
            raise BadUsage(f"there is no study {study_uid}; the worklist shows which there are")
        _write_down(ledger, "replay", study_uid)


def retry(settings: Settings, delivery: int) -> None:
    """Queue a delivery again."""
    with _ledger(settings) as ledger:
        if not outbox.retry(ledger, delivery, time.time()):
            raise BadUsage(f"delivery {delivery} does not exist or is on its way already")
        _write_down(ledger, "retry", str(delivery))


def purge(settings: Settings, days: float | None, dry_run: bool) -> list[str]:
    """Throw away what is delivered and old."""
    limit = settings.disk.retention_days if days is None else days
    if not limit:
        raise BadUsage("nothing says how old: give --days or set disk.retention_days")
    with _ledger(settings) as ledger:
        now = time.time()
        if dry_run:
            return retention.expired(ledger, now - limit * janitor.DAY_SECONDS)
        return janitor.purge(ledger, open_store(settings), limit, now)


def migrate(settings: Settings) -> str:
    """Bring the database up to date and name its revision."""
    with _ledger(settings) as ledger:
        bring_up_to_date(ledger)
        return revision(ledger) or "none"
