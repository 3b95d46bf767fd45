"""Opening the ledger: one engine, short transactions, writers queue instead of failing."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from service.errors import BadSettings, NotInstalled, Unavailable

#: how long a writer waits for another one, in seconds
BUSY_SECONDS = 30
#: busy readers let the write-ahead log grow; it shrinks to this many bytes once they leave
LARGEST_WAL = 16 * 1024 * 1024
#: how often a waiting process looks whether somebody wrote, in seconds
LOOK_SECONDS = 0.05


class Ledger:
    """A database that holds what the node acknowledged; ask for a transaction, do one thing, leave."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._local = threading.local()

    @property
    def is_sqlite(self) -> bool:
        """Tell the embedded database from a server."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a consistent view; nothing written here is kept."""
        with self.engine.connect() as connection:
            yield connection
            connection.rollback()

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a transaction that holds the write lock from its start (no upgrade, hence no deadlock)."""
        with self.engine.connect().execution_options(ichor_writes=True) as connection, connection.begin():
            yield connection

    def wait_for_change(self, seconds: float) -> bool:
        """Sleep until somebody committed since this thread last asked, or the time is over."""
        end = time.monotonic() + seconds
        while not self._changed():
            left = end - time.monotonic()
            if left <= 0:
                return False
            time.sleep(min(LOOK_SECONDS, left))
        return True

    def _changed(self) -> bool:
        if not self.is_sqlite:
            return False
        version = self._data_version()
        before, self._local.seen = getattr(self._local, "seen", None), version
        return version != before

    def _data_version(self) -> int:
        if not self.is_sqlite:
            return 0
        if not hasattr(self._local, "watch"):
            self._local.watch = self.engine.raw_connection()
            self._local.watch.detach()
        cursor = self._local.watch.cursor()
        try:
            found: int = cursor.execute("PRAGMA data_version").fetchone()[0]
            return found
        finally:
            cursor.close()

    def close(self) -> None:
        """Let go of all connections."""
        watch = getattr(self._local, "watch", None)
        if watch is not None:
            watch.close()
            del self._local.watch
        self.engine.dispose()


def open_ledger(url: str, *, migrate: bool = True) -> Ledger:
    """Connect, and bring the tables to this version unless told not to."""
    from service.ledger.migrate import bring_up_to_date, require_current

    try:
        ledger = Ledger(_engine(url))
        (bring_up_to_date if migrate else require_current)(ledger)
    except ImportError as problem:
        raise NotInstalled(f'no driver for {_shown(url)} ({problem}): pip install ".[postgres]"') from None
    except NoSuchModuleError:
        raise BadSettings(
            f"database.url names an unknown kind of database: {_shown(url)}; use postgresql+psycopg://..."
        ) from None
    except (SQLAlchemyError, OSError) as problem:
        raise Unavailable(
            f"the ledger at {_shown(url)} cannot be opened: {_first_line(problem)}; check [database] url and data_dir"
        ) from None
    return ledger


def _first_line(problem: Exception) -> str:
    """Return what the driver said, without the pages SQLAlchemy and libpq add."""
    said = str(getattr(problem, "orig", None) or problem).strip()
    return said.splitlines()[0] if said else type(problem).__name__


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise BadSettings(f"database.url is not a database address: {url!r}") from None
    if parsed.get_backend_name() != "sqlite":
        return create_engine(parsed, pool_pre_ping=True)
    if parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(parsed, connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    """WAL for readers beside a writer; FULL so that a committed row survives a power cut."""
    connection.isolation_level = None
    cursor = connection.cursor()
    _into_wal(cursor)
    pragmas = ("synchronous=FULL", "foreign_keys=ON", f"busy_timeout={BUSY_SECONDS * 1000}")
    for pragma in (*pragmas, f"journal_size_limit={LARGEST_WAL}"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _into_wal(cursor: Any) -> None:
    """SQLite itself does not always wait when several processes switch a new file at once."""
    end = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as problem:
            if "locked" not in str(problem) or time.monotonic() > end:
                raise
            time.sleep(0.05)


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("ichor_writes", False)
    connection.execute(text("BEGIN IMMEDIATE" if writes else "BEGIN"))


def _shown(url: str) -> str:
    return make_url(url).render_as_string(hide_password=True)
