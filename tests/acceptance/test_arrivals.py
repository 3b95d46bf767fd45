"""However the slices come, the state and the evidence are right and the PACS holds exactly one valid result set."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pydicom
import pytest
from heads import Study
from nodes import Node, wait_until
from peers import Server

from service.peers import Destination
from service.practice.send import send_series


@pytest.fixture(scope="module")
def pacs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    from peers import find_program, take_free_port

    folder = tmp_path_factory.mktemp("pacs")
    port = take_free_port()
    server = Server([find_program("storescp"), "-od", str(folder), str(port)], port, "STORESCP", folder)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def node(module_node: Callable[..., Node], pacs: Server) -> Node:
    where = f'[{{name="pacs",ae_title="STORESCP",host="127.0.0.1",port={pacs.port}}}]'
    return module_node(ICHOR__DESTINATIONS=where).start()


def send(node: Node, paths: Sequence[Path], calling: str = "CT1") -> None:
    peer = Destination(name="node", ae_title="ICHOR", host="127.0.0.1", port=node.dicom)
    assert send_series(paths, peer, calling) == len(paths)


def reports(pacs: Server, study: str) -> list[pydicom.Dataset]:
    """Return the structured reports that the PACS holds for a study, oldest first."""
    found = [pydicom.dcmread(path) for path in pacs.files() if path.name.startswith("SR")]
    mine = [ds for ds in found if ds.StudyInstanceUID == study]
    return sorted(mine, key=lambda ds: (ds.ContentDate, ds.ContentTime))


def evidence(node: Node, study: str) -> dict:
    return node.study(study)["series"][0]["evidence"]


def rows(node: Node, query: str, *values: str) -> list[tuple]:
    with sqlite3.connect(f"file:{node.folder / 'data/ledger.sqlite3'}?mode=ro", uri=True) as ledger:
        return ledger.execute(query, values).fetchall()


def jobs_of(node: Node, study: str) -> int:
    return rows(node, "SELECT count(*) FROM jobs WHERE study_uid = ?", study)[0][0]


def readings_of(node: Node, series: str) -> list[float]:
    return [at for (at,) in rows(node, "SELECT read_at FROM readings WHERE series_uid = ?", series)]


def settled_again(node: Node, study: str, step: str, times: int) -> dict:
    """Wait until a step stands in the timeline that often and the study stands still."""
    wait_until(
        lambda: sum(one["step"] == step for one in node.study(study)["timeline"]) >= times, 30, f"{times} x {step}"
    )
    return node.settled(study)


def test_shuffled_slices_are_one_whole_series(node: Node, pacs: Server, head: Callable[..., Study]) -> None:
    study = head("epidural")
    paths = list(study.paths)
    random.Random(3).shuffle(paths)
    send(node, paths)
    assert node.settled(study.uid)["state"] == "done"
    assert evidence(node, study.uid)["kind"] == "contiguous"
    assert len(reports(pacs, study.uid)) == 1


def test_three_associations_are_one_job(node: Node, pacs: Server, head: Callable[..., Study]) -> None:
    study = head("epidural", ImagesInAcquisition=16)
    for part in (study.paths[::3], study.paths[1::3], study.paths[2::3]):
        send(node, part)
    assert node.settled(study.uid)["state"] == "done"
    assert jobs_of(node, study.uid) == 1
    assert evidence(node, study.uid)["received"] == 16
    assert len(reports(pacs, study.uid)) == 1


def test_three_associations_at_once(node: Node, pacs: Server, head: Callable[..., Study], program: Callable) -> None:
    study = head("epidural")
    command = [program("storescu"), "-aet", "CT1", "-aec", "ICHOR", "127.0.0.1", str(node.dicom)]
    parts = (study.paths[:6], study.paths[6:11], study.paths[11:])
    senders = [subprocess.Popen([*command, *map(str, part)]) for part in parts]
    assert [one.wait(60) for one in senders] == [0, 0, 0]
    assert node.settled(study.uid)["state"] == "done"
    assert jobs_of(node, study.uid) == 1
    assert len(reports(pacs, study.uid)) == 1


def test_duplicates_change_nothing(node: Node, pacs: Server, head: Callable[..., Study]) -> None:
    study = head("epidural")
    send(node, [*study.paths, *study.paths[3:9]])
    before = node.settled(study.uid)
    send(node, study.paths)
    time.sleep(1.5)
    after = node.settled(study.uid)
    assert after["concluded_at"] == before["concluded_at"]
    assert len(readings_of(node, study.series_uid)) == 16
    assert len(reports(pacs, study.uid)) == 1


def test_a_late_slice_that_changes_nothing_reads_only_itself(
    node: Node, pacs: Server, head: Callable[..., Study]
) -> None:
    study = head("epidural")
    send(node, study.paths[:-1])
    node.settled(study.uid)
    first = readings_of(node, study.series_uid)
    send(node, study.paths[-1:])
    assert settled_again(node, study.uid, "concluded", 2)["state"] == "done"
    later = [at for at in readings_of(node, study.series_uid) if at > max(first)]
    assert (len(first), len(later)) == (15, 1)
    assert [one["step"] for one in node.study(study.uid)["timeline"]].count("reopened") == 1
    assert len(reports(pacs, study.uid)) == 1


def bleeding_pixels(made_heads: Callable[[str], Sequence[Path]]) -> list[bytes]:
    """Return the pixels of the two neighbouring slices with most blood."""
    import numpy as np

    folder = made_heads("epidural")[0].parent
    blood = (np.load(folder / "truth.npz")["truth"] > 0).sum(axis=(1, 2))
    worst = int(blood.argmax())
    return [pydicom.dcmread(made_heads("epidural")[at]).PixelData for at in (worst, worst)]


def test_late_slices_that_change_the_answer_supersede_it(
    node: Node, pacs: Server, head: Callable[..., Study], made_heads: Callable[[str], Sequence[Path]]
) -> None:
    study = head("none")
    for path, pixels in zip(study.paths[-2:], bleeding_pixels(made_heads), strict=True):
        ds = pydicom.dcmread(path)
        ds.PixelData = pixels
        ds.save_as(path)
    send(node, study.paths[:-2])
    assert node.settled(study.uid)["verdict"] == "negative"
    (first,) = reports(pacs, study.uid)
    send(node, study.paths[-2:])
    final = settled_again(node, study.uid, "published", 2)
    assert (final["state"], final["verdict"], final["priority"]) == ("done", "positive", "HIGH")
    before, after = reports(pacs, study.uid)
    assert before.SOPInstanceUID == first.SOPInstanceUID
    named = after.PredecessorDocumentsSequence[0].ReferencedSeriesSequence[0].ReferencedSOPSequence[0]
    assert named.ReferencedSOPInstanceUID == first.SOPInstanceUID


def test_a_gap_is_named_and_only_silence_ends_the_wait(node: Node, head: Callable[..., Study]) -> None:
    study = head("epidural")
    started = time.time()
    send(node, [*study.paths[:7], *study.paths[8:]])
    node.settled(study.uid)
    assert time.time() - started >= 3.0
    found = evidence(node, study.uid)
    number = pydicom.dcmread(study.paths[6], stop_before_pixels=True).InstanceNumber
    assert found["kind"] == "quiet"
    assert any(gap.startswith(f"gap after slice {number}:") for gap in found["gaps"])
    assert "gap after slice" in found["sentence"]


def test_the_gap_filled_later_heals_the_series(node: Node, pacs: Server, head: Callable[..., Study]) -> None:
    study = head("none")
    send(node, [*study.paths[:7], *study.paths[8:]])
    row = node.settled(study.uid)
    assert (row["state"], row["verdict"]) == ("not_analysed", "not_analysed")
    assert "gap after slice" in row["why"]
    send(node, [study.paths[7]])
    assert settled_again(node, study.uid, "published", 1)["verdict"] == "negative"
    assert evidence(node, study.uid)["kind"] == "contiguous"
    assert len(reports(pacs, study.uid)) == 1


def test_announced_count_completes_at_once(node: Node, head: Callable[..., Study]) -> None:
    study = head("epidural", NumberOfSeriesRelatedInstances=16)
    send(node, study.paths)
    node.settled(study.uid)
    assert evidence(node, study.uid)["kind"] == "announced"


def test_replay_makes_the_same_objects(node: Node, pacs: Server, head: Callable[..., Study]) -> None:
    study = head("epidural")
    send(node, study.paths)
    node.settled(study.uid)
    before = sorted(one.name for one in pacs.files())
    node.api(f"/api/studies/{study.uid}/replay", "POST")
    settled_again(node, study.uid, "sent", 2)
    assert sorted(one.name for one in pacs.files()) == before
