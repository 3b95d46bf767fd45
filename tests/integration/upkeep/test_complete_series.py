"""The sweep: judges at the right moment, asks a peer once per standstill, and never twice completes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import stacks

from service.domain.ids import AssociationId, ContentHash, SeriesUid, SopUid, StudyUid
from service.domain.scan import Association, AssociationEnd, Patient, ReceivedInstance, StudyHeader
from service.ledger import arrivals, jobs, scans
from service.ledger.book import Ledger, open_ledger
from service.settings import CompletionSettings
from service.upkeep.complete_series import CompleteSeries

SETTINGS = CompletionSettings(quiet_seconds=10, settle_seconds=0.5)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    book = open_ledger(f"sqlite:///{tmp_path / 'ledger.sqlite3'}")
    yield book
    book.close()


def arrive(ledger: Ledger, heights: list[float], first: int = 1, at: float = 100.0, visit: str = "a") -> None:
    opened = Association(
        association=AssociationId(visit), calling_ae="CT1", called_ae="ICHOR", address="127.0.0.1", opened_at=at
    )
    arrivals.open_association(ledger, opened)
    batch = [
        ReceivedInstance(
            sop_uid=SopUid(f"1.2.{number}"),
            series_uid=SeriesUid("1.2"),
            content_hash=ContentHash(f"{number:064x}"),
            transfer_syntax="1.2.840.10008.1.2.1",
            size=1,
            association=AssociationId(visit),
            received_at=at,
            patient=Patient(),
            study=StudyHeader(study_uid=StudyUid("1")),
            header=stacks.instance(number, stacks.place(height)).header,
        )
        for number, height in enumerate(heights, first)
    ]
    arrivals.record(ledger, batch)


def release(ledger: Ledger, at: float, visit: str = "a") -> None:
    arrivals.close_association(ledger, visit, AssociationEnd.RELEASED, at)


def test_a_released_touching_stack_is_complete_after_settling(ledger: Ledger) -> None:
    arrive(ledger, stacks.even(30))
    sweep = CompleteSeries(ledger, SETTINGS).sweep
    assert sweep(101.0) == 0
    release(ledger, 102.0)
    assert sweep(102.2) == 0
    assert sweep(102.6) == 1
    assert sweep(102.7) == 0
    evidence = scans.view(ledger, "1.2").evidence
    assert evidence
    assert evidence.kind == "contiguous"


def test_completion_puts_the_job_in_front(ledger: Ledger) -> None:
    arrive(ledger, stacks.even(30))
    job = jobs.claim(ledger, "w", 30, 101.0)
    assert job
    jobs.release(ledger, job, 101.0)
    release(ledger, 102.0)
    assert jobs.claim(ledger, "w", 30, 102.0) is None
    CompleteSeries(ledger, SETTINGS).sweep(103.0)
    assert jobs.claim(ledger, "w", 30, 103.0) is not None


def test_a_gap_waits_for_silence_and_is_named(ledger: Ledger) -> None:
    heights = stacks.even(30)
    del heights[17]
    arrive(ledger, heights)
    release(ledger, 102.0)
    sweep = CompleteSeries(ledger, SETTINGS).sweep
    assert sweep(105.0) == 0
    assert sweep(110.1) == 1
    evidence = scans.view(ledger, "1.2").evidence
    assert evidence
    assert "gap after slice 17" in evidence.sentence


def test_a_second_association_before_settling_keeps_the_series_open(ledger: Ledger) -> None:
    arrive(ledger, stacks.even(30))
    release(ledger, 101.0)
    sweep = CompleteSeries(ledger, SETTINGS).sweep
    assert sweep(101.2) == 0
    arrive(ledger, [300.0], first=31, at=101.3, visit="b")
    assert sweep(102.5) == 0


def test_a_peer_is_asked_once_per_standstill_and_believed(ledger: Ledger) -> None:
    asked: list[tuple[str, str]] = []

    def peer(study_uid: str, series_uid: str) -> int:
        asked.append((study_uid, series_uid))
        return 30

    now = time.time()
    arrive(ledger, stacks.even(29), at=now)
    release(ledger, now)
    completing = CompleteSeries(ledger, SETTINGS, peer)
    for step in range(20):
        assert completing.sweep(now + 1 + step * 0.05) == 0
        time.sleep(0.01)
    assert asked == [("1", "1.2")]
    arrive(ledger, [145.0], first=30, at=now + 3, visit="b")
    release(ledger, now + 3, "b")
    assert completing.sweep(now + 4) == 1
    evidence = scans.view(ledger, "1.2").evidence
    assert evidence
    assert evidence.kind == "queried"


def test_a_peer_that_breaks_is_asked_once_and_delays_nobody_for_ever(
    ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    asked: list[str] = []

    def broken(_: str, series_uid: str) -> int:
        asked.append(series_uid)
        raise ValueError("a peer that breaks every rule")

    now = time.time()
    arrive(ledger, stacks.even(30), at=now)
    release(ledger, now)
    completing = CompleteSeries(ledger, SETTINGS, broken)
    end = time.monotonic() + 10
    while not completing.sweep(now + 1) and time.monotonic() < end:
        time.sleep(0.01)
    evidence = scans.view(ledger, "1.2").evidence
    assert evidence
    assert evidence.kind == "contiguous"
    assert asked == ["1.2"]
    assert "could not be asked" in caplog.text
