"""Group commit against a real ledger."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text

from service.dicom import uids
from service.domain.ids import AssociationId, ContentHash, SeriesUid, SopUid, StudyUid
from service.domain.scan import (
    Arrival,
    Association,
    AssociationEnd,
    InstanceHeader,
    Patient,
    ReceivedInstance,
    StudyHeader,
)
from service.errors import RetryLater
from service.intake.journal import Journal
from service.ledger.book import Ledger, open_ledger


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    found = open_ledger(f"sqlite:///{tmp_path / 'ledger.sqlite3'}")
    yield found
    found.close()


@pytest.fixture
def journal(ledger: Ledger) -> Iterator[Journal]:
    found = Journal(ledger)
    found.start()
    yield found
    found.stop()


def instance(number: int, content: str = "a", series: str = "2.25.3") -> ReceivedInstance:
    return ReceivedInstance(
        sop_uid=SopUid(f"2.25.1{number:05d}"),
        series_uid=SeriesUid(series),
        content_hash=ContentHash(content * 64),
        transfer_syntax=uids.EXPLICIT_LE,
        size=10,
        association=AssociationId("visit"),
        received_at=1.0,
        patient=Patient(),
        study=StudyHeader(study_uid=StudyUid("2.25.2")),
        header=InstanceHeader(modality="CT", sop_class=uids.CT_IMAGE),
    )


def count(ledger: Ledger, table: str) -> int:
    with ledger.reading() as connection:
        return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar() or 0)


def test_each_caller_gets_its_own_answer(journal: Journal, ledger: Ledger) -> None:
    assert journal.record(instance(1)) is Arrival.NEW
    assert journal.record(instance(1)) is Arrival.DUPLICATE
    assert journal.record(instance(1, "b")) is Arrival.CONFLICT
    assert (count(ledger, "instances"), count(ledger, "conflicts")) == (1, 1)


def test_waiting_callers_share_a_commit(journal: Journal, ledger: Ledger) -> None:
    commits: list[int] = []
    event.listen(ledger.engine, "commit", lambda _connection: commits.append(1))
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with ledger.writing():
            held.set()
            release.wait(5)

    holder = threading.Thread(target=hold)
    holder.start()
    assert held.wait(5)
    with ThreadPoolExecutor(50) as pool:
        answers = [pool.submit(journal.record, instance(number)) for number in range(50)]
        deadline = time.monotonic() + 2
        while journal._entries.qsize() < 45 and time.monotonic() < deadline:
            time.sleep(0.01)
        release.set()
        assert {one.result(10) for one in answers} == {Arrival.NEW}
    holder.join()
    assert count(ledger, "instances") == 50
    assert len(commits) <= 6  # the holder, the first few, and all who waited


def test_one_bad_row_does_not_refuse_its_neighbours(journal: Journal, ledger: Ledger) -> None:
    with ledger.writing() as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER bad BEFORE INSERT ON instances WHEN NEW.sop_uid = '2.25.100007' "
            "BEGIN SELECT RAISE(ABORT, 'bad row'); END"
        )
    with ThreadPoolExecutor(20) as pool:
        answers = [pool.submit(journal.record, instance(number)) for number in range(20)]
    failed = [number for number, one in enumerate(answers) if one.exception()]
    assert failed == [7] and count(ledger, "instances") == 19


def test_a_visit_closes_after_what_it_brought(journal: Journal, ledger: Ledger) -> None:
    visit = Association(
        association=AssociationId("visit"), calling_ae="CT1", called_ae="ICHOR", address="10.0.0.1", opened_at=1.0
    )
    seen: list[str] = []

    def watch(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        words = statement.split()
        if words[0] in ("INSERT", "UPDATE") and {"associations", "instances"} & set(words):
            seen.append(" ".join(words[:3]))

    event.listen(ledger.engine, "before_cursor_execute", watch)
    journal.opened(visit)
    journal.record(instance(1))
    journal.closed(visit.association, AssociationEnd.RELEASED, 2.0)
    journal.stop()
    assert seen == ["INSERT INTO associations", "INSERT INTO instances", "UPDATE associations SET"]


def test_a_stopped_journal_takes_nothing_and_lost_nothing(ledger: Ledger) -> None:
    journal = Journal(ledger)
    journal.start()
    with ThreadPoolExecutor(20) as pool:
        answers = [pool.submit(journal.record, instance(number)) for number in range(200)]
        journal.stop()
    kept = sum(one.exception() is None for one in answers)
    assert kept == count(ledger, "instances")
    assert all(isinstance(one.exception(), RetryLater) for one in answers if one.exception())
    journal.stop()
    with pytest.raises(RetryLater):
        journal.record(instance(999))


def test_a_full_database_asks_the_sender_to_come_again_and_recovers(ledger: Ledger, journal: Journal) -> None:
    pages = {"most": 1}  # SQLite takes the present size for a smaller one

    def limit(connection: Any, *_: object) -> None:
        connection.execute(f"PRAGMA max_page_count={pages['most']}")

    event.listen(ledger.engine, "checkout", limit)
    wide = [replace(instance(at), patient=Patient(name="x" * 9000)) for at in range(9)]
    with ThreadPoolExecutor(len(wide)) as senders:
        told = [senders.submit(journal.record, one).exception() for one in wide]
    assert any(told)
    assert {type(one) for one in told if one} == {RetryLater}
    assert count(ledger, "instances") == told.count(None)
    pages["most"] = 1_000_000
    for one in wide:
        journal.record(one)
    assert count(ledger, "instances") == len(wide)
