"""``ichor serve --practice`` as a newcomer sees it: a flagged and a clear case, and four kinds of proof."""

from __future__ import annotations

import json
import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator

import pydicom
import pytest
from nodes import Node, wait_until


@pytest.fixture(scope="module")
def practising(module_node: Callable[..., Node]) -> Iterator[Node]:
    node = module_node()
    node.start("--practice")
    yield node
    node.end()


def worklist(node: Node) -> list[dict]:
    return node.api("/api/worklist")["studies"]


def test_a_flagged_and_a_clear_case_within_a_minute(practising: Node) -> None:
    wait_until(lambda: [one["state"] for one in worklist(practising)] == ["done", "done"], 60, "two done cases")
    flagged, clear = worklist(practising)
    assert (flagged["verdict"], flagged["priority"]) == ("positive", "HIGH")
    assert flagged["patient_name"] != clear["patient_name"] == "PRACTICE^NONE"
    assert (clear["verdict"], clear["priority"]) == ("negative", "LOW")
    assert flagged["notified_at"] > flagged["concluded_at"] > flagged["received_at"]


def test_result_objects_lie_in_the_archive(practising: Node) -> None:
    files = wait_until(
        lambda: list((practising.folder / "data/practice-archive").rglob("*.dcm")), 30, "files in the archive"
    )
    found = Counter((ds.StudyInstanceUID, ds.Modality) for ds in map(pydicom.dcmread, files))
    flagged, clear = (one["study_instance_uid"] for one in worklist(practising))
    assert found[flagged, "SR"] == found[clear, "SR"] == 1
    assert found[flagged, "OT"] >= 2
    assert found[clear, "OT"] == 1


def test_every_object_in_the_archive_is_valid(practising: Node, program: Callable[[str], str]) -> None:
    files = sorted((practising.folder / "data/practice-archive").rglob("*.dcm"))
    assert files
    for path in files:
        done = subprocess.run([program("dciodvfy"), "-new", str(path)], capture_output=True, text=True, check=False)
        assert "Error" not in done.stderr + done.stdout, (path, done.stderr)
        if pydicom.dcmread(path, stop_before_pixels=True).Modality == "SR":
            dump = subprocess.run([program("dsrdump"), str(path)], capture_output=True, text=True, check=True)
            assert "Intracranial hemorrhage" in dump.stdout


def test_status_is_healthy_and_readyz_answers(practising: Node) -> None:
    status = practising.command("status", "--json")
    assert status.returncode == 0, status.stdout
    assert json.loads(status.stdout)["status"] == "healthy"
    assert practising.api("/readyz")["status"] == "ready"


def test_the_study_tells_its_whole_story(practising: Node) -> None:
    study = practising.study(worklist(practising)[0]["study_instance_uid"])
    series = study["series"][0]
    assert series["evidence"]["sentence"]
    assert all(line["passed"] for line in series["suitability"])
    assert {one["state"] for one in study["deliveries"]} <= {"sent", "committed"}
    steps = [one["step"] for one in study["timeline"]]
    assert [step for step in ("received", "complete", "concluded", "notified") if step in steps] == [
        "received", "complete", "concluded", "notified",
    ]  # fmt: skip


def test_practice_objects_are_proven_stored(practising: Node) -> None:
    uid = worklist(practising)[0]["study_instance_uid"]
    wait_until(lambda: {one["state"] for one in practising.study(uid)["deliveries"]} == {"committed"}, 30, "commitment")


def test_sigterm_drains_and_exits_0(practising: Node) -> None:
    assert practising.process
    practising.process.send_signal(signal.SIGTERM)
    assert practising.process.wait(60) == 0
    assert practising.command("status").returncode == 2


def test_a_second_start_sends_nothing_again(practising: Node) -> None:
    practising.start("--practice")
    assert [one["state"] for one in worklist(practising)] == ["done", "done"]
