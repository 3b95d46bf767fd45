"""Orthanc as sender and PACS, DCMTK as modality and second PACS: results come back into their study."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from heads import Study
from nodes import Node, wait_until
from peers import Orthanc, Server


@pytest.fixture
def node(node_in: Callable[..., Node], orthanc: Orthanc, dcmqrscp: Server) -> Node:
    where = ",".join(
        f'{{name="{name}",ae_title="{peer.aet}",host="127.0.0.1",port={peer.port}}}'
        for name, peer in (("orthanc", orthanc), ("dcmqrscp", dcmqrscp))
    )
    node = node_in(ICHOR__DESTINATIONS=f"[{where}]").start()
    orthanc.know("ICHOR", node.dicom)
    return node


def upload(orthanc: Orthanc, paths: Sequence[Path]) -> None:
    import urllib.request

    for path in paths:
        request = urllib.request.Request(f"http://127.0.0.1:{orthanc.http_port}/instances", path.read_bytes())
        with urllib.request.urlopen(request, timeout=30):
            pass


def modalities_by_find(program: Callable[[str], str], peer: Server, study: str) -> list[str]:
    """Ask for the series of a study by C-FIND, with DCMTK."""
    keys = ["0008,0052=SERIES", f"0020,000D={study}", "0020,000E", "0008,0060"]
    command = [program("findscu"), "-v", "-S", "-aet", "ICHOR", "-aec", peer.aet, "127.0.0.1", str(peer.port)]
    done = subprocess.run(
        [*command, *(part for key in keys for part in ("-k", key))],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    matches = (done.stdout + done.stderr).split("Find Response: ")[1:]
    found = [re.search(r"\(0008,0060\) CS \[([^\]]*)\]", one) for one in matches]
    return sorted(one.group(1).strip() for one in found if one)


def test_orthanc_sends_and_gets_results_in_the_same_study(
    node: Node, orthanc: Orthanc, dcmqrscp: Server, head: Callable[..., Study], program: Callable[[str], str]
) -> None:
    study = head("epidural")
    upload(orthanc, study.paths)
    orthanc.send(study.uid)
    assert node.settled(study.uid)["state"] == "done"

    assert modalities_by_find(program, orthanc, study.uid) == ["CT", "OT", "SR"]
    by_web = orthanc.ask("GET", f"/dicom-web/studies/{study.uid}/series")
    assert sorted(one["00080060"]["Value"][0] for one in by_web) == ["CT", "OT", "SR"]
    assert modalities_by_find(program, dcmqrscp, study.uid) == ["OT", "SR"]
    assert len(orthanc.find("Study", study.uid)) == 1

    def proven() -> bool:
        states = {(one["destination"], one["state"]) for one in node.study(study.uid)["deliveries"]}
        return states == {("orthanc", "committed"), ("dcmqrscp", "sent")}

    wait_until(proven, 30, "Orthanc's proof, and none from dcmqrscp")


def test_dcmtk_as_modality(
    node: Node, orthanc: Orthanc, head: Callable[..., Study], program: Callable[[str], str]
) -> None:
    door = ["-aet", "CT1", "-aec", "ICHOR", "127.0.0.1", str(node.dicom)]
    assert subprocess.run([program("echoscu"), *door], check=False, timeout=60).returncode == 0
    for sender in ("storescu", "dcmsend"):
        study = head("epidural")
        done = subprocess.run([program(sender), *door, *map(str, study.paths)], check=False, timeout=120)
        assert done.returncode == 0
        assert node.settled(study.uid)["state"] == "done"
        assert modalities_by_find(program, orthanc, study.uid) == ["OT", "SR"]


def test_what_orthanc_sends_back_makes_no_loop(
    node: Node, orthanc: Orthanc, head: Callable[..., Study], program: Callable[[str], str]
) -> None:
    study = head("epidural")
    upload(orthanc, study.paths)
    orthanc.send(study.uid)
    before = node.settled(study.uid)
    count = len(orthanc.instances())
    orthanc.send(study.uid)
    wait_until(lambda: len(node.study(study.uid)["series"]) == 3, 30, "our own results at the door")
    after = node.settled(study.uid)
    assert (after["state"], after["verdict"]) == (before["state"], before["verdict"])
    assert len(orthanc.instances()) == count
