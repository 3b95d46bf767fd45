"""Pull the plug in each state of the job table: the end is the same, nothing twice, nothing missing."""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pydicom
import pytest
from heads import Study
from nodes import Node, wait_until
from peers import Server

from service.domain.job import JobState
from service.peers import Destination
from service.practice.send import send_series

TESTED: set[JobState] = set()


class Hospital:
    """One node, one PACS, one study."""

    def __init__(self, node: Node, pacs: Server, study: Study) -> None:
        self.node, self.pacs, self.study = node, pacs, study

    def send(self, paths: Sequence[Path] | None = None) -> None:
        peer = Destination(name="node", ae_title="ICHOR", host="127.0.0.1", port=self.node.dicom)
        send_series(self.study.paths if paths is None else paths, peer, "CT1")

    def ledger(self, query: str) -> list[tuple]:
        with sqlite3.connect(f"file:{self.node.folder / 'data/ledger.sqlite3'}?mode=ro", uri=True, timeout=10) as book:
            return book.execute(query).fetchall()

    def job_state(self) -> str:
        found = self.ledger("SELECT state FROM jobs")
        return found[0][0] if found else ""

    def kill_in(self, state: JobState) -> None:
        """Wait for the state without a pause that could miss it, then pull the plug."""
        end = time.monotonic() + 120
        while self.job_state() != state:
            assert time.monotonic() < end, f"never {state}, last {self.job_state()}"
        self.node.kill()
        assert self.job_state() == state
        TESTED.add(state)

    def objects(self) -> list[Path]:
        """Return the stored files of the study's slices."""
        root = self.node.folder / "data/objects"
        return [
            root / h[:2] / f"{h[2:]}.dcm" for (h,) in self.ledger("SELECT content_hash FROM instances ORDER BY sop_uid")
        ]

    def receive_and_hide_a_slice(self) -> Path:
        """Take the study in and move one file away, so that reading fails until it is put back."""
        self.node.start("--roles", "receive,tend,web")
        self.send()
        hidden = self.objects()[0]
        hidden.rename(hidden.with_suffix(".hidden"))
        self.node.stop()
        return hidden

    def assert_right_end(self, sent: set[str]) -> None:
        """Same end state, nothing twice in the PACS, no acknowledged instance missing."""
        row = self.node.settled(self.study.uid)
        assert (row["state"], row["verdict"], row["priority"]) == ("done", "positive", "HIGH")
        assert {uid for (uid,) in self.ledger("SELECT sop_uid FROM instances")} == sent
        assert all(path.exists() for path in self.objects())
        assert len(self.ledger("SELECT * FROM readings")) == len(sent)
        assert len(self.ledger("SELECT * FROM result_sets")) == 1
        arrived = Counter(str(pydicom.dcmread(path).SOPInstanceUID) for path in self.pacs.files())
        made = {uid for (uid,) in self.ledger("SELECT sop_uid FROM result_objects")}
        assert arrived.keys() == made
        assert set(arrived.values()) == {1}


@pytest.fixture
def hospital(
    node_in: Callable[..., Node], storescp_factory: Callable[..., Server], head: Callable[..., Study]
) -> Callable[..., Hospital]:
    def build(**settings: str) -> Hospital:
        pacs = storescp_factory()
        where = f'[{{name="pacs",ae_title="STORESCP",host="127.0.0.1",port={pacs.port},commit=false}}]'
        changes = {"ICHOR__DELIVERY__FIRST_PAUSE_SECONDS": "1", "ICHOR__WORK__RETRY_SECONDS": "1", **settings}
        return Hospital(node_in(ICHOR__DESTINATIONS=where, **changes), pacs, head("epidural"))

    return build


def test_killed_while_offered(hospital: Callable[..., Hospital]) -> None:
    case = hospital()
    case.node.start("--roles", "receive,tend,web")
    case.send()
    case.kill_in(JobState.OFFERED)
    case.node.start()
    case.assert_right_end(case.study.sop_uids)


def test_killed_while_running(hospital: Callable[..., Hospital]) -> None:
    case = hospital()
    case.node.start("--roles", "receive,tend,web")
    case.send()
    case.node.stop()
    case.node.start_soon()
    case.kill_in(JobState.RUNNING)
    case.node.start()
    case.assert_right_end(case.study.sop_uids)


def test_killed_while_waiting(hospital: Callable[..., Hospital]) -> None:
    case = hospital(ICHOR__COMPLETION__QUIET_SECONDS="60")
    case.node.start()
    case.send(case.study.paths[:9])
    wait_until(lambda: len(case.ledger("SELECT * FROM readings")) == 9, 120, "nine readings")
    case.kill_in(JobState.WAITING)
    case.node.start()
    case.send(case.study.paths[9:])
    case.assert_right_end(case.study.sop_uids)


def test_killed_while_retryable(hospital: Callable[..., Hospital]) -> None:
    case = hospital(ICHOR__WORK__RETRY_SECONDS="3")
    hidden = case.receive_and_hide_a_slice()
    case.node.start()
    case.kill_in(JobState.RETRYABLE)
    hidden.with_suffix(".hidden").rename(hidden)
    case.node.start()
    case.assert_right_end(case.study.sop_uids)


def test_killed_when_done_but_not_delivered(hospital: Callable[..., Hospital]) -> None:
    case = hospital()
    case.pacs.stop()
    case.node.start()
    case.send()
    wait_until(lambda: case.ledger("SELECT * FROM result_sets"), 120, "a result set")
    case.kill_in(JobState.DONE)
    case.pacs.start()
    case.node.start()
    case.assert_right_end(case.study.sop_uids)


def test_killed_when_given_up(hospital: Callable[..., Hospital]) -> None:
    case = hospital(ICHOR__WORK__MAX_ATTEMPTS="2")
    hidden = case.receive_and_hide_a_slice()
    case.node.start()
    case.kill_in(JobState.GIVEN_UP)
    case.node.start()
    row = case.node.settled(case.study.uid)
    assert row["state"] == "failed"
    assert row["why"]
    hidden.with_suffix(".hidden").rename(hidden)
    assert case.node.command("replay", case.study.uid).returncode == 0
    wait_until(lambda: case.job_state() == JobState.DONE, 120, "the replayed job")
    case.assert_right_end(case.study.sop_uids)


def test_killed_while_receiving_keeps_what_was_acknowledged(hospital: Callable[..., Hospital]) -> None:
    case = hospital()
    case.node.start()
    acknowledged: list[str] = []

    def progress(sent: int, _: int) -> None:
        acknowledged.append(str(pydicom.dcmread(case.study.paths[sent - 1], stop_before_pixels=True).SOPInstanceUID))
        if sent == 7:
            case.node.kill()

    peer = Destination(name="node", ae_title="ICHOR", host="127.0.0.1", port=case.node.dicom)
    with pytest.raises(Exception, match=r"."):
        send_series(case.study.paths, peer, "CT1", progress)
    kept = {uid for (uid,) in case.ledger("SELECT sop_uid FROM instances")}
    assert set(acknowledged) <= kept
    assert all(path.exists() for path in case.objects())
    case.node.start()
    case.send()
    case.assert_right_end(case.study.sop_uids)


def test_every_state_was_killed() -> None:
    assert set(JobState) == TESTED
