"""Real archives are asked how many instances a series has."""

from __future__ import annotations

import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from peers import LOOPBACK, Orthanc, Server
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from service.assembly import ask_peer
from service.assembly.ask_peer import ask
from service.dicom.query import series_count
from service.dicom.uids import CT_IMAGE
from service.peers import QueryPeer

STUDY, SERIES, OTHER = (generate_uid() for _ in range(3))
pytestmark = pytest.mark.peer


def write(folder: Path, series: str, number: int) -> None:
    data_set = Dataset()
    data_set.file_meta = FileMetaDataset()
    data_set.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data_set.file_meta.MediaStorageSOPClassUID = data_set.SOPClassUID = CT_IMAGE
    data_set.file_meta.MediaStorageSOPInstanceUID = data_set.SOPInstanceUID = generate_uid()
    data_set.StudyInstanceUID, data_set.SeriesInstanceUID = STUDY, series
    data_set.PatientID = data_set.PatientName = "TEST"
    data_set.Modality, data_set.StudyID, data_set.SeriesNumber, data_set.InstanceNumber = "CT", "1", 1, number
    data_set.StudyDate, data_set.StudyTime, data_set.AccessionNumber = "20260101", "120000", "A1"
    data_set.save_as(folder / f"{data_set.SOPInstanceUID}.dcm", enforce_file_format=True)


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    folder = tmp_path / "scan"
    folder.mkdir()
    for number in range(7):
        write(folder, SERIES, number)
    write(folder, OTHER, 1)
    return folder


def peer_of(server: Server) -> QueryPeer:
    return QueryPeer(ae_title=server.aet, host=LOOPBACK, port=server.port)


def send(program: str, server: Server, scan: Path) -> None:
    subprocess.run([program, "-aec", server.aet, "+sd", LOOPBACK, str(server.port), str(scan)], check=True)


def test_orthanc_counts_a_series(orthanc: Orthanc, scan: Path, program: Callable[[str], str]) -> None:
    send(program("storescu"), orthanc, scan)
    assert series_count(peer_of(orthanc), "STRANGER", STUDY, SERIES, 10) is None, "it hangs up on strangers"
    orthanc.know("ICHOR", 104)
    assert series_count(peer_of(orthanc), "ICHOR", STUDY, SERIES, 10) == 7
    assert series_count(peer_of(orthanc), "ICHOR", STUDY, OTHER, 10) == 1
    assert series_count(peer_of(orthanc), "ICHOR", STUDY, generate_uid(), 10) is None


def test_dcmqrscp_counts_a_series(dcmqrscp: Server, scan: Path, program: Callable[[str], str]) -> None:
    send(program("storescu"), dcmqrscp, scan)
    assert series_count(peer_of(dcmqrscp), "ICHOR", STUDY, SERIES, 10) == 7


def test_the_largest_answer_counts(
    orthanc: Orthanc, dcmqrscp: Server, scan: Path, program: Callable[[str], str], free_port: Callable[[], int]
) -> None:
    send(program("storescu"), orthanc, scan)
    orthanc.know("ICHOR", 104)
    nobody = QueryPeer(ae_title="NOBODY", host=LOOPBACK, port=free_port())
    peers = (nobody, peer_of(dcmqrscp), peer_of(orthanc))
    assert ask(peers, "ICHOR", STUDY, SERIES) == 7
    assert ask((nobody,), "ICHOR", STUDY, SERIES) is None
    assert ask((), "ICHOR", STUDY, SERIES) is None


def test_a_store_only_peer_says_nothing(storescp_factory: Callable[..., Server]) -> None:
    assert series_count(peer_of(storescp_factory()), "ICHOR", STUDY, SERIES, 5) is None


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A peer that accepts connections and never says a word."""
    with closing(socket.create_server((LOOPBACK, 0))) as listener:
        held: list[socket.socket] = []

        def accept() -> None:
            with suppress(OSError):
                while True:
                    held.append(listener.accept()[0])

        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        for one in held:
            one.close()


def test_a_silent_peer_costs_no_more_than_the_timeout(silent_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ask_peer, "TIMEOUT_SECONDS", 1.0)
    began = time.monotonic()
    assert ask((QueryPeer(ae_title="SILENT", host=LOOPBACK, port=silent_port),), "ICHOR", STUDY, SERIES) is None
    assert time.monotonic() - began < 4
