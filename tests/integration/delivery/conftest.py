"""An outbox with real result files, and the node's own door for commitment reports."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage
from pynetdicom import AE, build_context
from pynetdicom.sop_class import Verification
from pynetdicom.transport import ThreadedAssociationServer
from sqlalchemy import insert, select

from service.delivery.commit import event_report_handler, report_context
from service.delivery.send import DeliveryRound
from service.domain.delivery import DeliveryState
from service.ledger.book import Ledger, open_ledger
from service.ledger.tables import deliveries, result_objects, result_sets, studies
from service.peers import Destination
from service.settings import DeliverySettings
from service.store.files import FileStore

NOW = 1_000_000.0
NODE_AE = "ICHOR"


def small_capture(study: str, sop_uid: str) -> bytes:
    """A valid 8 x 8 secondary capture as a Part 10 file."""
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.SOPClassUID, data.SOPInstanceUID = SecondaryCaptureImageStorage, sop_uid
    data.StudyInstanceUID, data.SeriesInstanceUID = study, f"{study}.9"
    data.PatientName, data.PatientID, data.Modality, data.ConversionType = "PRACTICE^ONE", "P1", "OT", "WSD"
    data.PatientBirthDate = data.PatientSex = data.StudyDate = data.StudyTime = data.ReferringPhysicianName = ""
    data.StudyID = data.AccessionNumber = ""
    data.SeriesNumber = data.InstanceNumber = 1
    data.SamplesPerPixel, data.PhotometricInterpretation, data.Rows, data.Columns = 1, "MONOCHROME2", 8, 8
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 8, 8, 7, 0
    data.PixelData = bytes(64)
    sink = io.BytesIO()
    data.save_as(sink, enforce_file_format=True)
    return sink.getvalue()


@dataclass
class Outbox:
    """Puts finished objects into the outbox as the worker does, and reads back where they stand."""

    ledger: Ledger
    store: FileStore

    def put(
        self, study: str, *, to: str = "pacs", objects: int = 2, urgent: bool = False, at: float = NOW
    ) -> list[str]:
        uids = [f"{study}.9.{number}" for number in range(1, objects + 1)]
        with self.ledger.writing() as db:
            known = db.scalar(select(studies.c.study_uid).where(studies.c.study_uid == study))
            if known is None:
                db.execute(insert(studies).values(_study(study)))
                db.execute(insert(result_sets).values(_result_set(study)))
            set_id = db.scalar(select(result_sets.c.id).where(result_sets.c.study_uid == study))
            for number, uid in enumerate(uids, start=1):
                if known is None:
                    db.execute(insert(result_objects).values(self._object(study, uid, set_id, number)))
                row = {"sop_uid": uid, "study_uid": study, "destination": to, "state": DeliveryState.QUEUED}
                row |= {"rank": 0 if urgent else 1, "queued_at": at, "due_at": at, "attempt": 0, "error": ""}
                db.execute(insert(deliveries).values(row))
        return uids

    def _object(self, study: str, uid: str, set_id: int | None, number: int) -> dict[str, object]:
        content = small_capture(study, uid)
        name = hashlib.sha256(content).hexdigest()
        self.store.keep([content], name)
        kind = {"sop_class": str(SecondaryCaptureImageStorage), "kind": "sc"}
        return kind | {
            "sop_uid": uid, "result_set": set_id, "series_uid": f"{study}.9", "content_hash": name, "number": number,
        }  # fmt: skip

    def rows(self, study: str) -> list[dict[str, object]]:
        query = select(deliveries).where(deliveries.c.study_uid == study).order_by(deliveries.c.id)
        with self.ledger.reading() as db:
            return [dict(row._mapping) for row in db.execute(query)]

    def states(self, study: str) -> list[str]:
        return [str(row["state"]) for row in self.rows(study)]

    def error(self, study: str) -> str:
        return "; ".join(sorted({str(row["error"]) for row in self.rows(study)}))


def _study(study: str) -> dict[str, object]:
    return {
        "study_uid": study, "patient": {}, "header": {"study_uid": study}, "state": "delivering", "priority": "HIGH",
        "urgency": 0, "received_at": NOW, "last_arrival_at": NOW, "why": "", "version": 0,
    }  # fmt: skip


def _result_set(study: str) -> dict[str, object]:
    return {"study_uid": study, "fingerprint": study, "answer": "positive", "verdict": {}, "made_at": NOW}


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    ledger = open_ledger(f"sqlite:///{tmp_path / 'ledger.sqlite3'}")
    yield Outbox(ledger, FileStore(tmp_path / "data"))
    ledger.close()


@pytest.fixture
def settings() -> DeliverySettings:
    return DeliverySettings()


@pytest.fixture
def sending(outbox: Outbox, settings: DeliverySettings) -> Callable[..., DeliveryRound]:
    def make(*destinations: Destination) -> DeliveryRound:
        made = DeliveryRound(destinations, outbox.store, outbox.ledger, settings, NODE_AE)
        made.jitter = lambda: 0.5
        return made

    return make


@pytest.fixture
def door(outbox: Outbox) -> Iterator[ThreadedAssociationServer]:
    """The node's door, as far as commitment reports go."""
    entity = AE(ae_title=NODE_AE)
    entity.supported_contexts = [report_context(), build_context(Verification)]
    server = entity.start_server(
        ("127.0.0.1", 0), block=False, evt_handlers=[event_report_handler(outbox.ledger, lambda: NOW + 5)]
    )
    yield server
    server.shutdown()
