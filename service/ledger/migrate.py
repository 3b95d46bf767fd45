"""Bringing the tables to this version, with Alembic, inside one transaction."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import inspect, text

from service.errors import Unavailable
from service.ledger.book import Ledger

MIGRATIONS = Path(__file__).parent / "migrations"
#: newest file under migrations/versions; a test keeps it true
HEAD = "0004"


def revision(ledger: Ledger) -> str | None:
    """Return the revision the database stands at, None for an empty one."""
    with ledger.reading() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def bring_up_to_date(ledger: Ledger) -> None:
    """Run what is missing; safe when several processes start at once, since the first holds the write lock."""
    found = revision(ledger)
    if found == HEAD:
        return
    _refuse_unknown(found)
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    with ledger.writing() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _refuse_unknown(found: str | None) -> None:
    """Leave a newer version's tables alone: nothing here knows what they mean."""
    known = {file.stem.partition("_")[0] for file in (MIGRATIONS / "versions").glob("*.py")}
    if found is not None and found not in known:
        raise Unavailable(
            f"the database stands at revision {found}, which this version (revision {HEAD}) does not know: "
            "use the newer Ichor that made it, or another [database] url or data_dir"
        )


def require_current(ledger: Ledger) -> None:
    """Refuse to work on tables of another version."""
    found = revision(ledger)
    _refuse_unknown(found)
    if found != HEAD:
        raise Unavailable(
            f"the database stands at revision {found or 'none'}, this version needs {HEAD}: run ichor migrate"
        )
