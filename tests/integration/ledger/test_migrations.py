"""The migrations make exactly the tables of the code, and several processes may start at once."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text

from service.domain.delivery import Dialect, Form, ObjectKind
from service.errors import Unavailable
from service.ledger import readings
from service.ledger.book import open_ledger
from service.ledger.migrate import HEAD, MIGRATIONS, revision
from service.ledger.published import objects_of
from service.ledger.tables import metadata


@contextmanager
def database_at(url: str, old: str) -> Iterator[Connection]:
    """Make the tables of an earlier revision, to be filled as its version would have."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    engine = create_engine(url)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, old)
        yield connection
    engine.dispose()


def test_migrated_tables_are_those_of_the_code(tmp_path: Path) -> None:
    ledger = open_ledger(f"sqlite:///{tmp_path / 'ledger.sqlite3'}")
    with ledger.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    ledger.close()


def test_the_named_head_is_the_newest_file() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


def test_readings_of_the_first_version_are_still_read_by_their_key(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.sqlite3'}"
    with database_at(url, "0001") as connection:
        facts = '{"probabilities": [["any", 0.25]], "look": null, "problem": "", "activation": null}'
        connection.execute(
            text("INSERT INTO readings VALUES ('1.2', 0, :content, :pack, '1', :facts, x'00', x'', 1.0)"),
            {"content": "c" * 64, "pack": "p" * 64, "facts": facts},
        )
    ledger = open_ledger(url)
    (found,) = readings.of_series(ledger, "1", "p" * 64).items()
    ledger.close()
    assert found[0] == ("1.2", 0, "c" * 64)
    assert found[1].probability("any") == 0.25


def test_reports_of_earlier_versions_are_after_tid_1500_and_pictures_have_no_dialect(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.sqlite3'}"
    with database_at(url, "0002") as connection:
        connection.execute(
            text(
                "INSERT INTO studies (study_uid, patient, header, accession_number, patient_id, sender, state,"
                " priority, urgency, why, received_at, last_arrival_at, version)"
                " VALUES ('1', '{}', '{}', '', '', '', 'done', 'HIGH', 0, '', 1, 1, 0)"
            )
        )
        connection.execute(text("INSERT INTO result_sets VALUES (1, '1', 'f', 'positive', '{}', NULL, 1.0)"))
        for uid, kind in (("9.1", "sc"), ("9.2", "sr")):
            row = {"uid": uid, "kind": kind, "content": "c" * 64}
            connection.execute(text("INSERT INTO result_objects VALUES (:uid, 1, '1.2', '9', :kind, :content, 1)"), row)
    ledger = open_ledger(url)
    with ledger.reading() as connection:
        forms = {one.sop_uid: one.form for one in objects_of(connection, 1)}
    ledger.close()
    assert forms == {"9.1": Form(ObjectKind.SC), "9.2": Form(ObjectKind.SR, Dialect.TID1500)}


def test_processes_that_start_together_migrate_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.sqlite3'}"

    def start(_: int) -> str | None:
        ledger = open_ledger(url)
        try:
            return revision(ledger)
        finally:
            ledger.close()

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(start, range(6))) == {HEAD}


def test_tables_of_another_version_are_refused_with_the_mend(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.sqlite3'}"
    ledger = open_ledger(url)
    with ledger.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    ledger.close()
    try:
        open_ledger(url, migrate=False)
    except Unavailable as problem:
        assert "newer Ichor" in str(problem)
    else:
        raise AssertionError("tables of revision 9999 were accepted")


def test_an_acknowledged_row_is_synced(tmp_path: Path) -> None:
    ledger = open_ledger(f"sqlite:///{tmp_path / 'ledger.sqlite3'}")
    with ledger.writing() as connection:
        assert connection.execute(text("PRAGMA synchronous")).scalar() == 2  # FULL
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(text("PRAGMA foreign_keys")).scalar() == 1
    ledger.close()
