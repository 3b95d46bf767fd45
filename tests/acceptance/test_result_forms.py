"""Three archives that want three things: each gets exactly its own, Orthanc proves all of it, a replay adds nothing."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest
from heads import Study
from nodes import Node, wait_until
from peers import Orthanc, Server
from pydicom import dcmread

from service.dicom.uids import (
    BASIC_TEXT_SR,
    COMPREHENSIVE_3D_SR,
    ENHANCED_SR,
    KEY_OBJECT_SELECTION,
    PRESENTATION_STATE,
    SECONDARY_CAPTURE,
)

pytestmark = pytest.mark.peer


def entry(name: str, peer: Server, objects: str, dialect: str, commit: str = "false") -> str:
    address = f'name="{name}",ae_title="{peer.aet}",host="127.0.0.1",port={peer.port}'
    return f'{{{address},objects=[{objects}],dialect="{dialect}",commit={commit}}}'


def classes_at(peer: Server) -> set[str]:
    """The SOP classes of what lies in a folder."""
    return {str(dcmread(one, stop_before_pixels=True, force=True).SOPClassUID) for one in peer.files()}


def test_each_archive_gets_exactly_its_own(
    node_in: Callable[..., Node],
    orthanc: Orthanc,
    dcmqrscp: Server,
    storescp_factory: Callable[..., Server],
    head: Callable[..., Study],
    program: Callable[[str], str],
) -> None:
    plain = storescp_factory()
    places = (
        entry("orthanc", orthanc, '"sc","sr","ko","gsps"', "tid1500", "true"),
        entry("reader", dcmqrscp, '"sr","ko"', "basic"),
        entry("coded", plain, '"sr","gsps"', "enhanced"),
    )
    node = node_in(ICHOR__DESTINATIONS=f"[{','.join(places)}]").start()
    orthanc.know("ICHOR", node.dicom)
    positive, clear = head("epidural"), head("none")
    for study in (positive, clear):
        door = ["-aet", "CT1", "-aec", "ICHOR", "127.0.0.1", str(node.dicom)]
        subprocess.run([program("storescu"), *door, *map(str, study.paths)], check=True, timeout=120)
        assert node.settled(study.uid)["state"] == "done"

    answer = orthanc.ask("GET", "/dicom-web/instances?includefield=00080016")
    kept = {(one["0020000D"]["Value"][0], one["00080016"]["Value"][0]) for one in answer}
    always = {SECONDARY_CAPTURE, COMPREHENSIVE_3D_SR}
    assert {one for uid, one in kept if uid == positive.uid} == {*always, KEY_OBJECT_SELECTION, PRESENTATION_STATE}
    assert {one for uid, one in kept if uid == clear.uid} == always
    assert classes_at(dcmqrscp) == {BASIC_TEXT_SR, KEY_OBJECT_SELECTION}
    assert classes_at(plain) == {ENHANCED_SR, PRESENTATION_STATE}

    def proven() -> bool:
        found = [one for one in node.study(positive.uid)["deliveries"] if one["destination"] == "orthanc"]
        return {one["kind"] for one in found} == {"sc", "sr", "ko", "gsps"} and all(
            one["state"] == "committed" for one in found
        )

    wait_until(proven, 60, "Orthanc's proof of every kind")
    count, at_plain = len(orthanc.instances()), len(plain.files())
    node.api(f"/api/studies/{positive.uid}/replay", "POST")
    node.settled(positive.uid)
    assert (len(orthanc.instances()), len(plain.files())) == (count, at_plain)
    dialects = {
        (one["destination"], one["dialect"]) for one in node.study(positive.uid)["deliveries"] if one["dialect"]
    }
    assert dialects == {("orthanc", "tid1500"), ("reader", "basic"), ("coded", "enhanced")}
