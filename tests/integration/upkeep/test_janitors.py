"""The janitors: jobs of dead workers move again, the disk is watched, only delivered studies are forgotten."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import stacks
from sqlalchemy import select, update

from service.domain.delivery import DeliveryState
from service.domain.ids import AssociationId, ContentHash, SeriesUid, SopUid, StudyUid
from service.domain.job import JobState
from service.domain.scan import Arrival, Patient, ReceivedInstance, StudyHeader
from service.ledger import arrivals, audit, jobs, pulses, retention
from service.ledger.book import Ledger, open_ledger
from service.ledger.heart import Heart, is_dead, process_name, started_at
from service.ledger.tables import jobs as job_table
from service.ledger.tables import studies
from service.settings import DiskSettings, WorkSettings
from service.store.files import FileStore
from service.upkeep.purge import purge
from service.upkeep.rescue_jobs import rescue_jobs
from service.upkeep.schedule import Duty, Schedule
from service.upkeep.watch_disk import watch_disk

WORK = WorkSettings()


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    book = open_ledger(f"sqlite:///{tmp_path / 'ledger.sqlite3'}")
    yield book
    book.close()


def arrive(ledger: Ledger, study: str = "1", at: float = 100.0) -> ContentHash:
    one = received(study, at)
    arrivals.record(ledger, [one])
    return one.content_hash


def received(study: str, at: float) -> ReceivedInstance:
    return ReceivedInstance(
        sop_uid=SopUid(f"{study}.1.1"),
        series_uid=SeriesUid(f"{study}.1"),
        content_hash=ContentHash(f"{int(study):064x}"),
        transfer_syntax="1.2.840.10008.1.2.1",
        size=1,
        association=AssociationId("a"),
        received_at=at,
        patient=Patient(),
        study=StudyHeader(study_uid=StudyUid(study)),
        header=stacks.instance(1, stacks.place(0.0)).header,
    )


def state_of(ledger: Ledger) -> str:
    with ledger.reading() as connection:
        return str(connection.scalar(select(job_table.c.state)))


def dead_process() -> str:
    """Name a process that lived and is gone."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        started = started_at(child.pid)
        host = process_name().rsplit(":", 2)[0]
        assert not is_dead(f"{host}:{child.pid}:{started}")
        child.communicate(b"\n")
    return f"{host}:{child.pid}:{started}"


def test_a_dead_workers_job_is_offered_at_once(ledger: Ledger) -> None:
    arrive(ledger)
    assert jobs.claim(ledger, dead_process(), 3600, 100.0)
    assert rescue_jobs(ledger, WORK, 101.0) == 2  # taken back, then offered
    assert state_of(ledger) == JobState.OFFERED


def test_a_living_workers_job_is_left_alone_until_its_lease_ends(ledger: Ledger) -> None:
    arrive(ledger)
    assert jobs.claim(ledger, process_name(), 30, 100.0)
    assert rescue_jobs(ledger, WORK, 129.0) == 0
    assert rescue_jobs(ledger, WORK, 131.0) == 2


def test_another_hosts_worker_is_never_called_dead() -> None:
    assert not is_dead("another-host:1:1")
    host, pid, started = process_name().rsplit(":", 2)
    assert is_dead(f"{host}:{pid}:{int(started) - 100}")  # the pid was given to another process


def test_a_heart_beats_and_says_good_bye(ledger: Ledger) -> None:
    with Heart(ledger, "read", lambda: {"device": "cpu"}):
        end = time.monotonic() + 10
        while not pulses.alive(ledger, time.time()) and time.monotonic() < end:
            time.sleep(0.02)
        (pulse,) = pulses.alive(ledger, time.time())
        assert (pulse.role, pulse.note) == ("read", {"device": "cpu"})
    assert pulses.alive(ledger, time.time()) == []


def test_old_pulses_are_forgotten(ledger: Ledger) -> None:
    pulses.beat(ledger, "read", "gone", {}, 100.0)
    pulses.beat(ledger, "read", "here", {}, 200.0)
    pulses.forget(ledger, 150.0)
    assert [one.process for one in pulses.alive(ledger, 200.0)] == ["here"]


def test_little_space_is_an_error_before_it_is_a_refusal(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = FileStore(tmp_path)
    free = store.free_mb()
    with caplog.at_level(logging.WARNING):
        watch_disk(store, DiskSettings(min_free_mb=free / 10))
        assert not caplog.records
        watch_disk(store, DiskSettings(min_free_mb=free / 1.5))
        watch_disk(store, DiskSettings(min_free_mb=free * 2))
    assert [one.levelname for one in caplog.records] == ["WARNING", "ERROR"]


def finish(ledger: Ledger, study: str) -> None:
    with ledger.writing() as connection:
        connection.execute(update(studies).where(studies.c.study_uid == study).values(state="done"))
        connection.execute(update(job_table).where(job_table.c.study_uid == study).values(state=JobState.DONE))


def test_only_old_finished_studies_go_and_an_audit_line_stays(ledger: Ledger, tmp_path: Path) -> None:
    store, day = FileStore(tmp_path), 86400.0
    kept = {study: arrive(ledger, study, at) for study, at in (("1", day), ("2", day), ("3", 9 * day))}
    for content in kept.values():
        store.keep([b"x"], content)
    finish(ledger, "1")
    finish(ledger, "3")
    assert purge(ledger, store, 5, 10 * day) == ["1"]
    assert [store.has(content) for content in kept.values()] == [False, True, True]
    assert [(one.act, one.subject) for one in audit.recent(ledger)] == [("purge", "1")]


def test_a_study_that_woke_up_since_it_was_listed_stays(ledger: Ledger, tmp_path: Path) -> None:
    arrive(ledger)
    finish(ledger, "1")
    assert retention.expired(ledger, 200.0) == ["1"]
    arrive(ledger, "1", 100.0)
    with ledger.writing() as connection:
        connection.execute(update(studies).values(state="receiving"))
    assert retention.purge(ledger, "1", 200.0, 300.0, FileStore(tmp_path).remove) is None


def test_a_failing_duty_is_logged_and_runs_again(caplog: pytest.LogCaptureFixture) -> None:
    runs, twice = [], threading.Event()

    def fall() -> None:
        runs.append(1)
        if len(runs) >= 2:
            twice.set()
        raise ValueError("broken broom")

    with caplog.at_level(logging.ERROR), Schedule([Duty("sweep", fall, 0.05)]):
        assert twice.wait(10)
    assert any("duty sweep failed: broken broom" in one.getMessage() for one in caplog.records)


def test_undelivered_studies_never_expire(ledger: Ledger) -> None:
    assert DeliveryState.DEAD in retention.BUSY
    arrive(ledger)
    with ledger.writing() as connection:
        connection.execute(update(studies).values(state="failed"))
    assert retention.expired(ledger, 1e12) == []


def test_a_purge_cut_short_runs_again_and_leaves_no_file(ledger: Ledger, tmp_path: Path) -> None:
    store, content = FileStore(tmp_path), arrive(ledger, "1", 1.0)
    store.keep([b"x"], content)
    finish(ledger, "1")

    def pull_the_plug(content_hash: str) -> None:
        store.remove(content_hash)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        retention.purge(ledger, "1", 100.0, 300.0, pull_the_plug)
    assert retention.expired(ledger, 100.0) == ["1"]
    assert retention.purge(ledger, "1", 100.0, 300.0, store.remove) is not None


def test_bytes_kept_aside_long_ago_go_and_young_ones_stay(ledger: Ledger, tmp_path: Path) -> None:
    store, day = FileStore(tmp_path), 86400.0
    arrive(ledger, "1", 9 * day)
    aside = {at: ContentHash(f"{int(at):064x}") for at in (day, 9 * day)}
    for at, content in aside.items():
        stray = replace(
            received("2", at), sop_uid=SopUid(f"2.1.{int(at)}"), series_uid=SeriesUid("1.1"), content_hash=content
        )
        assert arrivals.record(ledger, [stray]) == [Arrival.CONFLICT]
        store.keep([b"x"], content)
    assert purge(ledger, store, 5, 10 * day) == []
    assert [store.has(content) for content in aside.values()] == [False, True]
