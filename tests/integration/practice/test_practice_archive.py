"""The practice archive over loopback, with DCMTK as modality and our own sender."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread
from pynetdicom import AE, evt
from pynetdicom.sop_class import CTImageStorage, Verification

from models.phantom import Phantom
from service.delivery.association import associate, echo
from service.delivery.commit import REQUEST_COMMITMENT, commitment_context, references_of, report_context
from service.dicom.uids import STORAGE_COMMITMENT_INSTANCE, STORAGE_COMMITMENT_PUSH_MODEL
from service.errors import DestinationDown, Unavailable
from service.ledger.outbox import CommitRequest, SentObject
from service.peers import Destination
from service.practice.archive import PracticeArchive, name_of_uid
from service.practice.habits import HABITS
from service.practice.make_head import make_head
from service.practice.prove import report_to
from service.practice.send import send_series
from service.practice.serve_practice import CASES, practice_beside, send_heads
from service.practice.write_series import write_series

SLICES = 3


def small_phantom(vendor: str = "SIEMENS", seed: int = 1) -> Phantom:
    """A block of noise in the shape of a phantom: the archive does not look inside."""
    hu = np.random.default_rng(seed).integers(-1024, 3071, (SLICES, 64, 64), dtype=np.int16, endpoint=True)
    return Phantom(
        hu=hu, row_mm=0.5, col_mm=0.5, thickness=5.0, spacing=5.0, positions=np.arange(SLICES) * 5.0, tilt_degrees=0.0,
        truth=np.zeros(hu.shape, np.uint8), finding="none", kernel="H31s", kvp=120.0, seed=seed, volume_ml=0.0,
        vendor=vendor,
    )  # fmt: skip


def at(port: int, aet: str = "PRACTICE") -> Destination:
    return Destination(name="practice", ae_title=aet, host="127.0.0.1", port=port)


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[PracticeArchive]:
    made = PracticeArchive(tmp_path / "practice-archive", "127.0.0.1", 0, "PRACTICE")
    made.start()
    yield made
    made.stop()


@pytest.mark.parametrize("vendor", sorted(HABITS))
def test_series_of_every_vendor_is_a_valid_ct(tmp_path: Path, program: Any, vendor: str) -> None:
    for path in write_series(small_phantom(vendor), tmp_path):
        told = subprocess.run([program("dciodvfy"), "-new", str(path)], capture_output=True, text=True, check=False)
        assert "Error" not in told.stderr + told.stdout, told.stderr
        assert "CTImage" in told.stderr + told.stdout


def test_series_is_one_consistent_entity(tmp_path: Path, program: Any) -> None:
    paths = write_series(small_phantom(), tmp_path)
    told = subprocess.run([program("dcentvfy"), *map(str, paths)], capture_output=True, text=True, check=False)
    assert "Error" not in told.stderr + told.stdout, told.stderr


def test_sent_series_lies_there_whole_and_a_resend_changes_nothing(tmp_path: Path, archive: PracticeArchive) -> None:
    paths = write_series(small_phantom(), tmp_path / "series")
    heard: list[tuple[int, int]] = []
    assert send_series(paths, at(archive.port), "CT1", lambda *step: heard.append(step)) == SLICES
    assert heard == [(1, SLICES), (2, SLICES), (3, SLICES)]
    first = {path: path.read_bytes() for path in archive.files()}
    send_series(paths, at(archive.port), "CT1")
    assert {path: path.read_bytes() for path in archive.files()} == first
    kept = {dcmread(path).SOPInstanceUID: dcmread(path) for path in archive.files()}
    for path in paths:
        assert kept[dcmread(path).SOPInstanceUID] == dcmread(path)


@pytest.mark.peer
def test_dcmtk_as_modality(tmp_path: Path, archive: PracticeArchive, program: Any) -> None:
    paths = write_series(small_phantom(), tmp_path / "series")
    goal = ["-aec", "PRACTICE", "127.0.0.1", str(archive.port)]
    subprocess.run([program("echoscu"), *goal], check=True, timeout=30)
    subprocess.run([program("storescu"), *goal, *map(str, paths)], check=True, timeout=30)
    assert len(archive.files()) == SLICES
    subprocess.run([program("dcmdump"), str(archive.files()[0])], check=True, timeout=30, capture_output=True)


def test_received_text_never_becomes_a_path(tmp_path: Path, archive: PracticeArchive) -> None:
    data = dcmread(write_series(small_phantom(), tmp_path / "series")[0])
    data.StudyInstanceUID = "../../../escape"
    entity = AE(ae_title="EVIL")
    entity.add_requested_context(CTImageStorage, data.file_meta.TransferSyntaxUID)
    association = entity.associate("127.0.0.1", archive.port)
    association.send_c_store(data)
    association.release()
    (kept,) = archive.files()
    assert kept.parent.name == name_of_uid("../../../escape")
    assert kept.resolve().is_relative_to(archive.folder.resolve())


def test_other_uid_than_announced_is_refused(tmp_path: Path, archive: PracticeArchive) -> None:
    path = write_series(small_phantom(), tmp_path / "series")[0]
    data = dcmread(path)
    entity = AE(ae_title="EVIL")
    entity.add_requested_context(CTImageStorage, data.file_meta.TransferSyntaxUID)
    association = entity.associate("127.0.0.1", archive.port, evt_handlers=[(evt.EVT_DIMSE_SENT, _swap_uid)])
    answer = association.send_c_store(data)
    association.release()
    assert answer.Status == 0xA900
    assert archive.files() == []


def _swap_uid(event: Any) -> None:
    event.message.command_set.AffectedSOPInstanceUID = "1.2.3.4"


def test_full_disk_is_told(tmp_path: Path, archive: PracticeArchive) -> None:
    paths = write_series(small_phantom(), tmp_path / "series")
    archive.folder.rmdir()
    archive.folder.write_text("a file where the folder was")
    with pytest.raises(DestinationDown, match="out of resources"):
        send_series(paths, at(archive.port), "CT1")


def test_taken_port_says_so(tmp_path: Path, archive: PracticeArchive) -> None:
    with pytest.raises(Unavailable, match=f"cannot listen on 127.0.0.1:{archive.port}.*free that port"):
        PracticeArchive(tmp_path / "other", "127.0.0.1", archive.port, "PRACTICE").start()


def test_closed_port_says_what_to_do(free_port: Callable[[], int]) -> None:
    peer = at(free_port())
    for call in (lambda: echo("CT1", peer), lambda: send_series([], peer, "CT1")):
        with pytest.raises(DestinationDown, match=f"nobody listens at 127.0.0.1:{peer.port}: start PRACTICE"):
            call()


def test_unknown_host_says_what_to_do() -> None:
    with pytest.raises(DestinationDown, match=r"no such host: no-such-host\.invalid; mend host of 'x'"):
        echo("CT1", Destination(name="x", ae_title="X", host="no-such-host.invalid", port=104))


class Door:
    """A node's door in small: keeps what it got, takes reports when it has a ledger."""

    def __init__(self, *contexts: Any, handlers: Any = ()) -> None:
        self.got: list[str] = []
        entity = AE(ae_title="ICHOR")
        for one in (Verification, CTImageStorage):
            entity.add_supported_context(one)
        entity.supported_contexts = [*entity.supported_contexts, *contexts]
        self.server = entity.start_server(
            ("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, self._keep), *handlers]
        )
        self.node = Destination(name="node", ae_title="ICHOR", host="127.0.0.1", port=self.server.server_address[1])

    def _keep(self, event: Any) -> int:
        self.got.append(str(event.request.AffectedSOPInstanceUID))
        return 0


def test_archive_proves_what_it_keeps_and_names_what_it_lost(tmp_path: Path) -> None:
    reports: list[Any] = []

    def keep(event: Any) -> tuple[int, None]:
        reports.append((event.request.EventTypeID, event.event_information))
        return 0, None

    door = Door(report_context(), handlers=[(evt.EVT_N_EVENT_REPORT, keep)])
    archive = PracticeArchive(tmp_path / "archive", "127.0.0.1", 0, "PRACTICE", door.node)
    archive.start()
    paths = write_series(small_phantom(), tmp_path / "series")
    send_series(paths[:2], at(archive.port), "ICHOR")
    known = [dcmread(path) for path in paths]
    verdict = {(str(one.SOPClassUID), str(one.SOPInstanceUID)): archive.has(one.SOPInstanceUID) for one in known}
    report_to("PRACTICE", door.node, "2.25.99", verdict)
    archive.stop()
    door.server.shutdown()

    ((kind, report),) = reports
    assert kind == 2
    assert report.TransactionUID == "2.25.99"
    assert [one.ReferencedSOPInstanceUID for one in report.ReferencedSOPSequence] == [
        one.SOPInstanceUID for one in known[:2]
    ]
    assert [(one.ReferencedSOPInstanceUID, one.FailureReason) for one in report.FailedSOPSequence] == [
        (known[2].SOPInstanceUID, 0x0112)
    ]


def test_commitment_request_is_answered_over_a_new_association(tmp_path: Path) -> None:
    reports: list[Any] = []
    told = threading.Event()

    def keep(happened: Any) -> tuple[int, None]:
        reports.append(happened.event_information)
        told.set()
        return 0, None

    door = Door(report_context(), handlers=[(evt.EVT_N_EVENT_REPORT, keep)])
    archive = PracticeArchive(tmp_path / "archive", "127.0.0.1", 0, "PRACTICE", door.node)
    archive.start()
    request = CommitRequest(
        transaction_uid="2.25.5",
        destination="practice",
        study_uid="1.2",
        references=(SentObject(str(CTImageStorage), "1.2.3", "1.2.9"),),
        waited=0.0,
    )
    with associate("ICHOR", at(archive.port), [commitment_context()]) as association:
        answer, _ = association.send_n_action(
            references_of(request), REQUEST_COMMITMENT, STORAGE_COMMITMENT_PUSH_MODEL, STORAGE_COMMITMENT_INSTANCE
        )
    assert answer.Status == 0
    assert told.wait(10)
    archive.stop()
    door.server.shutdown()
    assert [str(one.TransactionUID) for one in reports] == ["2.25.5"]
    assert [one.ReferencedSOPInstanceUID for one in reports[0].FailedSOPSequence] == ["1.2.3"]


def test_practice_sends_two_heads_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free_port: Callable[[], int]
) -> None:
    """The heads are real phantoms of few slices; a restart does not send them again."""
    monkeypatch.setattr(
        "service.practice.serve_practice.make_head", lambda finding, seed: make_head(finding, seed, slices=2)
    )
    door = Door()
    place = at(free_port())
    with practice_beside(tmp_path, door.node, place):
        echo("CT1", place)
        _wait_until(lambda: len(door.got) == 4)
    with pytest.raises(DestinationDown):
        echo("CT1", place)
    assert len(set(door.got)) == 4
    assert send_heads(tmp_path, door.node, threading.Event()) == 0
    door.server.shutdown()
    assert {finding for finding, _ in CASES} == {"none", CASES[0][0]}


def test_practice_waits_for_the_door_and_stops_when_told(tmp_path: Path, free_port: Callable[[], int]) -> None:
    node = Destination(name="node", ae_title="ICHOR", host="127.0.0.1", port=free_port())
    with practice_beside(tmp_path, node, at(free_port())):
        pass
    assert not list((tmp_path / "practice-heads").glob("*.sent"))


def _wait_until(true: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and not true():
        time.sleep(0.05)
    assert true()
