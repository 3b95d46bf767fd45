"""A node's ledger filled by hand: studies in every state, as the corridor would have left them."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage
from sqlalchemy import insert

from service.domain.ids import ContentHash, PackHash, SeriesUid, SopUid, StudyUid
from service.domain.scan import InstanceHeader, Patient, SlicePlace, StudyHeader
from service.domain.series import Check, Evidence, EvidenceKind
from service.domain.verdict import Decision, Priority, SeriesConclusion, SliceScore, StudyVerdict, Verdict
from service.ledger import pulses, tables
from service.ledger.book import Ledger, open_ledger
from service.ledger.codec import to_json
from service.peers import Destination
from service.settings import Settings
from service.store.files import FileStore
from service.wiring.slices import build_slices
from service.worklist import WorklistPorts, create_app

NOW = 1_790_000_000.0
KINDS = ("epidural", "intraparenchymal", "intraventricular", "subarachnoid", "subdural")
URGENCY = {"HIGH": 0, "MEDIUM": 1, "LOW": 2}


@dataclass
class Hospital:
    """The ledger and store of one node, with verbs that put cases in."""

    ledger: Ledger
    store: FileStore
    settings: Settings
    now: float = NOW
    made: int = 0
    on_refresh: Callable[[], Any] = field(default=lambda: None)

    def ports(self, **changed: Any) -> WorklistPorts:
        facts: dict[str, Any] = {"ledger": self.ledger, "store": self.store, "settings": self.settings}
        facts["slices"] = build_slices(self.settings, self.store)
        return WorklistPorts(**facts | {"clock": lambda: self.now, "open_door": True} | changed)

    def client(self, **changed: Any) -> TestClient:
        return TestClient(create_app(self.ports(**changed)), base_url="http://127.0.0.1:8080")

    def pulse(self, *roles: str) -> None:
        for role in roles:
            pulses.beat(self.ledger, role, f"node-1:{100 + len(role)}:1", {}, self.now)

    def add(self, table: Any, **values: Any) -> int:
        with self.ledger.writing() as db:
            key = db.execute(insert(table).values(**values)).inserted_primary_key
        assert key is not None
        return int(key[0]) if isinstance(key[0], int) else 0

    def study(self, state: str = "receiving", priority: str = "MEDIUM", age: float = 60, **more: Any) -> str:
        """One study row; ``age`` is how long ago it began to arrive, in seconds."""
        self.made += 1
        uid = f"2.25.77{self.made:04d}"
        patient = Patient(
            patient_id=f"P-{self.made:04d}", name=more.pop("name", f"Test^Case {self.made}"), sex="F", age_years=71
        )
        patient = more.pop("patient", patient)
        header = StudyHeader(
            study_uid=StudyUid(uid),
            accession_number=f"A{self.made:06d}",
            description=more.pop("description", "CT head without contrast"),
        )
        at = self.now - age
        row = {
            "verdict": None,
            "probability": None,
            "why": "",
            "concluded_at": None,
            "notified_at": None,
            "sender": "CT1",
        }
        row |= {"patient": to_json(patient), "header": to_json(header), "patient_id": patient.patient_id}
        row |= {"study_uid": uid, "state": state, "priority": priority, "urgency": URGENCY[priority], "received_at": at}
        row |= {"last_arrival_at": at + 5, "accession_number": header.accession_number}
        self.add(tables.studies, **row | more)
        return uid

    def series(self, study: str, received: int = 30, **more: Any) -> str:
        uid = f"{study}.{more.pop('number', 2)}"
        row = {
            "series_uid": uid,
            "study_uid": study,
            "modality": "CT",
            "description": "Head 5.0 soft",
            "state": "complete",
        }
        row |= {"received": received, "announced": received, "version": 1}
        row |= {"first_arrival_at": self.now - 50, "last_arrival_at": self.now - 40}
        self.add(tables.series, **row | more)
        return uid

    def images(self, study: str, series: str, count: int = 30) -> None:
        """The rows of images whose files were never written: they can be listed, not looked at."""
        for at in range(count):
            place = SlicePlace(
                frame=0, position=(0.0, 0.0, at * 5.0), row_cosine=(1.0, 0.0, 0.0), column_cosine=(0.0, 1.0, 0.0),
                thickness=5.0,
            )  # fmt: skip
            header = InstanceHeader(
                modality="CT", sop_class="1.2.840.10008.5.1.4.1.1.2", instance_number=at + 1, has_pixels=True,
                rows=512, columns=512, slices=(place,),
            )  # fmt: skip
            self.add(
                tables.instances, sop_uid=f"{series}.{at + 1}", series_uid=series, content_hash=f"{at + 1:064x}",
                transfer_syntax="1.2.840.10008.1.2.1", size=1, association="a", received_at=float(at),
                header=to_json(header),
            )  # fmt: skip

    def walk(self, study: str, *steps: tuple[float, str, str]) -> None:
        for at, step, text in steps:
            self.add(tables.events, study_uid=study, at=at, step=step, text=text)

    def results(self, study: str, verdict: StudyVerdict, pictures: list[bytes]) -> list[str]:
        """Keep a result set with these pictures and one report; return their UIDs, the report last."""
        made = self.add(
            tables.result_sets, study_uid=study, fingerprint=hashlib.sha256(study.encode()).hexdigest(),
            answer=verdict.answer, verdict=to_json(verdict), made_at=self.now - 20,
        )  # fmt: skip
        with self.ledger.writing() as db:
            db.execute(tables.studies.update().where(tables.studies.c.study_uid == study).values(published_set=made))
        uids = []
        for number, payload in enumerate([*pictures, b"report of " + study.encode()], 1):
            report = number > len(pictures)
            content = hashlib.sha256(payload).hexdigest()
            self.store.keep([payload], content)
            uids.append(f"{study}.9.{number}")
            self.add(
                tables.result_objects, sop_uid=uids[-1], result_set=made, series_uid=f"{study}.9", content_hash=content,
                sop_class="1.2.3", kind="sr" if report else "sc", number=1 if report else number,
            )  # fmt: skip
        return uids

    def delivery(self, study: str, sop_uid: str, state: str = "queued", **more: Any) -> int:
        row = {"study_uid": study, "sop_uid": sop_uid, "destination": "pacs", "state": state, "rank": 0}
        row |= {"queued_at": self.now - 20, "due_at": self.now - 20}
        return self.add(tables.deliveries, **row | more)

    def dead_delivery(self, study: str) -> int:
        """A study whose one result no destination wanted."""
        found = conclusion(f"{study}.2", positive=True)
        (report,) = self.results(study, verdict_of(study, found), [])
        return self.delivery(study, report, "dead", attempt=14, error="association refused")

    def positive(self, age: float = 90, **more: Any) -> str:
        """A positive case, reported, with series, results, deliveries and its walk."""
        at = self.now - age
        told = {"concluded_at": at + 31, "notified_at": at + 33.4, "state": "done"}
        study = self.study(priority="HIGH", age=age, verdict="positive", probability=0.97, **told | {"why": WHY} | more)
        found = conclusion(f"{study}.2", positive=True)
        self.images(study, self.series(study, evidence=to_json(found.evidence), conclusion=to_json(found)))
        uids = self.results(study, verdict_of(study, found), [picture(seed) for seed in range(4)])
        for number, uid in enumerate(uids):
            self.delivery(study, uid, "committed" if number else "sent", sent_at=at + 33, committed_at=at + 34)
        self.walk(
            study,
            (at, "received", "first object came from CT1"),
            (at + 9.2, "complete", "all 30 announced images have arrived"),
            (at + 31, "concluded", WHY),
            (at + 31, "published", "result objects made"),
            (at + 33.4, "notified", "pacs took the structured report"),
            (at + 34.1, "committed", "5 object(s) proven stored, 0 missing"),
        )
        return study


WHY = "9 slices in a row span 45 mm above 0.50; a run of 10 mm is enough."


def conclusion(series_uid: str, positive: bool) -> SeriesConclusion:
    """What the reader said about thirty slices."""
    peak = [float(np.exp(-(((at - 17) / 4) ** 2))) for at in range(30)]
    chances = [0.02 + 0.95 * one if positive else 0.02 + 0.07 * one for one in peak]
    slices = tuple(
        SliceScore(
            sop_uid=SopUid(f"{series_uid}.{at + 1}"), frame=0, content_hash=ContentHash("0" * 64),
            instance_number=at + 1,
            place_mm=at * 5.0, probability=chance, positive=chance > 0.5, findings=(("any", chance),),
        )
        for at, chance in enumerate(chances)
    )  # fmt: skip
    over = sum(one.positive for one in slices)
    decision = Decision(
        rule="run", positive=positive, sentence=WHY, threshold=0.5, positive_slices=over, read_slices=30
    )
    kinds = (0.97, 0.06, 0.94, 0.41, 0.18, 0.09) if positive else (0.09, 0.01, 0.04, 0.01, 0.05, 0.03)
    checks = (
        Check(name="Modality", passed=True, found="CT", wanted="CT"),
        Check(name="Slices", passed=True, found="30", wanted="at least 10"),
        Check(name="Thickness", passed=True, found="5.0 mm", wanted="0.4 to 10 mm"),
        Check(name="Tube voltage", passed=True, found="120 kVp", wanted="80 to 150 kVp"),
        Check(name="Contrast", passed=True, found="none", wanted="none"),
        Check(name="Head in the pixels", passed=True, found="skull ring with brain inside", wanted="a head"),
    )
    return SeriesConclusion(
        series_uid=SeriesUid(series_uid), verdict=Verdict.POSITIVE if positive else Verdict.NEGATIVE,
        probability=kinds[0], why=WHY, pack_name="default", pack_version="1.0.0", pack_hash=PackHash("ab" * 32),
        evidence=Evidence(
            kind=EvidenceKind.ANNOUNCED, received=30, expected=30,
            sentence="All 30 images that the scanner announced have arrived, even spacing of 5 mm.",
        ),
        suitability=checks, decision=decision, findings=tuple(zip(("any", *KINDS), kinds, strict=True)), slices=slices,
        key_slices=(17, 16, 18) if positive else (), modality="CT", description="Head 5.0 soft",
    )  # fmt: skip


def verdict_of(study: str, found: SeriesConclusion) -> StudyVerdict:
    priority = Priority.HIGH if found.verdict is Verdict.POSITIVE else Priority.LOW
    return StudyVerdict(
        study_uid=StudyUid(study), verdict=found.verdict, priority=priority, probability=found.probability,
        why=found.why, policy="any", leading_series=found.series_uid, conclusions=(found,), fingerprint="f" * 64,
        answer=found.verdict.value,
    )  # fmt: skip


def picture(seed: int) -> bytes:
    """A small RGB Secondary Capture file."""
    return picture_file(np.random.default_rng(seed).integers(0, 255, (24, 48, 3), np.uint8))


def picture_file(pixels: Any) -> bytes:
    """A Secondary Capture of these pixels [H, W, 3]."""
    data = Dataset()
    data.SOPClassUID, data.SOPInstanceUID = SecondaryCaptureImageStorage, "2.25.5"
    data.Rows, data.Columns, data.SamplesPerPixel, data.PlanarConfiguration = *pixels.shape[:2], 3, 0
    data.PhotometricInterpretation, data.BitsAllocated, data.BitsStored, data.HighBit = "RGB", 8, 8, 7
    data.PixelRepresentation = 0
    data.PixelData = pixels.tobytes()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    out = io.BytesIO()
    data.save_as(out, enforce_file_format=True)
    return out.getvalue()


def found_hospital(folder: Path) -> Hospital:
    """A fresh node in this folder."""
    ledger = open_ledger(f"sqlite:///{folder / 'ledger.sqlite3'}")
    destination = Destination(name="pacs", ae_title="PACS", host="127.0.0.1", port=4242)
    return Hospital(ledger=ledger, store=FileStore(folder), settings=Settings(destinations=(destination,)))


@pytest.fixture(name="conclusion")
def conclusion_fixture() -> Callable[..., SeriesConclusion]:
    return conclusion


@pytest.fixture
def hospital(tmp_path: Path) -> Iterator[Hospital]:
    one = found_hospital(tmp_path)
    yield one
    one.ledger.close()
