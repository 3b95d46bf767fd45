"""A real door on a free port with a real store and ledger, and a sender that can lie."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.filebase import DicomIO
from pydicom.filewriter import write_dataset
from pydicom.uid import UID
from pynetdicom import AE
from pynetdicom.dimse_primitives import C_STORE
from sqlalchemy import text

from service.dicom import uids
from service.intake.journal import Journal
from service.intake.rules import Callers
from service.intake.scp import DoorSettings, ExtraService, StorageDoor
from service.ledger.book import Ledger, open_ledger
from service.peers import Sender
from service.settings import DiskSettings, NodeSettings
from service.store.files import FileStore

SHARED = Path(__file__).parents[4] / "shared" / "data"
DCMTK = {**os.environ, "TCP_NODELAY": "1"}


@dataclass
class House:
    """What stands behind one door."""

    root: Path
    port: int
    door: StorageDoor
    store: FileStore
    ledger: Ledger

    def rows(self, table: str, columns: str = "*") -> list[tuple[Any, ...]]:
        with self.ledger.reading() as connection:
            return [tuple(row) for row in connection.execute(text(f"SELECT {columns} FROM {table}"))]

    def files(self) -> list[Path]:
        return [one for one in self.root.rglob("*") if one.is_file() and "ledger" not in one.name]


@dataclass
class Sending:
    """One association, able to send any bytes under any name."""

    association: Any
    number: int = field(default=0)

    def store(self, encoded: bytes, sop_uid: str, sop_class: str = uids.CT_IMAGE, context: str = "") -> Dataset:
        """Send and return the answer: Status, perhaps ErrorComment; an empty one when none came."""
        accepted = self.association.accepted_contexts
        wanted = next(one for one in accepted if one.abstract_syntax == (context or sop_class))
        self.number += 1
        request = C_STORE()
        request.MessageID, request.Priority = self.number, 2
        request.AffectedSOPClassUID, request.AffectedSOPInstanceUID = sop_class, sop_uid
        request.DataSet = BytesIO(encoded)
        self.association._reactor_checkpoint.clear()
        try:
            self.association.dimse.send_msg(request, wanted.context_id)
            _, response = self.association.dimse.get_msg(block=True)
        finally:
            self.association._reactor_checkpoint.set()
        answer = Dataset()
        if response is not None:
            answer.Status = response.Status
            answer.ErrorComment = getattr(response, "ErrorComment", None)
        return answer


def encode(ds: Dataset, syntax: str = uids.EXPLICIT_LE) -> bytes:
    stream = DicomIO(buffer := BytesIO())
    stream.is_little_endian, stream.is_implicit_VR = UID(syntax).is_little_endian, UID(syntax).is_implicit_VR
    write_dataset(stream, ds)
    return buffer.getvalue()


def ct(sop_uid: str = "2.25.1", side: int = 16, **changed: Any) -> Dataset:
    ds = Dataset()
    ds.SOPClassUID, ds.SOPInstanceUID = uids.CT_IMAGE, sop_uid
    ds.StudyInstanceUID, ds.SeriesInstanceUID = "2.25.20", "2.25.21"
    ds.Modality, ds.PatientID, ds.PatientName, ds.InstanceNumber = "CT", "P1", "Doe^Jane", 1
    ds.ImagePositionPatient, ds.ImageOrientationPatient = [0, 0, 1], [1, 0, 0, 0, 1, 0]
    ds.Rows = ds.Columns = side
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 16, 15, 0
    ds.PixelData = bytes(side * side * 2)
    ds["PixelData"].VR = "OW"
    for keyword, value in changed.items():
        if value is None:
            ds.pop(keyword, None)
        else:
            setattr(ds, keyword, value)
    return ds


@pytest.fixture
def open_house(tmp_path: Path) -> Iterator[Callable[..., House]]:
    """Open doors; all are closed at the end of the test."""
    opened: list[House] = []

    def build(
        root: Path = tmp_path, senders: tuple[Sender, ...] = (), extras: tuple[ExtraService, ...] = (), **node: Any
    ) -> House:
        callers = node.pop("callers", Callers(senders=senders))
        disk = DiskSettings(min_free_mb=node.pop("min_free_mb", 0))
        ledger = open_ledger(f"sqlite:///{tmp_path / 'ledger.sqlite3'}")
        store = FileStore(root / "data")
        settings = DoorSettings(node=NodeSettings(**{"port": 0, "data_dir": root, **node}), disk=disk, callers=callers)
        door = StorageDoor(settings, store, Journal(ledger), extras)
        opened.append(House(root=root / "data", port=door.start(), door=door, store=store, ledger=ledger))
        return opened[-1]

    yield build
    for house in opened:
        house.door.stop(grace_seconds=0)
        house.ledger.close()


@pytest.fixture
def connect() -> Iterator[Callable[..., Any]]:
    """Open associations to a house; all are released at the end."""
    opened: list[Any] = []

    def build(house: House, *classes: str, calling: str = "CT1", called: str = "ICHOR", syntax: str = "") -> Any:
        ae = AE(calling)
        ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = 10
        for one in classes or (uids.CT_IMAGE, uids.VERIFICATION):
            ae.add_requested_context(one, syntax or uids.EXPLICIT_LE)
        association = ae.associate("127.0.0.1", house.port, ae_title=called)
        opened.append(association)
        return association

    yield build
    for one in opened:
        if one.is_established:
            one.release()


@pytest.fixture
def sending(connect: Callable[..., Any]) -> Callable[..., Sending]:
    def build(house: House, *classes: str, **how: Any) -> Sending:
        association = connect(house, *classes, **how)
        assert association.is_established
        return Sending(association)

    return build


@pytest.fixture
def make_ct() -> Callable[..., Dataset]:
    return ct


@pytest.fixture
def encoded() -> Callable[..., bytes]:
    return encode


@pytest.fixture
def program() -> Callable[[str], str]:
    """The path of a DCMTK program; skips when it is not installed."""

    def find(name: str) -> str:
        path = shutil.which(name)
        if path is None:
            pytest.skip(f"{name} is not installed: apt-get install dcmtk")
        return path

    return find


@pytest.fixture
def dcmtk_environment() -> dict[str, str]:
    """DCMTK leaves Nagle's algorithm on, which costs 40 ms per image."""
    return DCMTK


@pytest.fixture
def shared_data() -> Path:
    if not SHARED.exists():
        pytest.skip("needs the public CT samples in ../shared/data beside the checkout")
    return SHARED
