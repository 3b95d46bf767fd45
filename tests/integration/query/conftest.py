"""A door over a ledger of studies in every state, and those who ask."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE
from sqlalchemy import insert

from service.dicom import uids
from service.domain.verdict import Verdict
from service.intake.journal import Journal
from service.intake.rules import Callers
from service.intake.scp import DoorSettings, StorageDoor
from service.ledger import tables
from service.ledger.book import Ledger, open_ledger
from service.settings import Settings, load_settings
from service.store.files import FileStore
from service.wiring.door import beside_storage

SR = uids.COMPREHENSIVE_3D_SR
URGENCY = {"HIGH": 0, "MEDIUM": 1, "LOW": 2}


@dataclass
class Ward:
    """The ledger behind a door; ``now`` is about when the door answers."""

    ledger: Ledger
    store: FileStore
    now: float
    port: int = 0
    count: int = field(default=0)

    def study(self, uid: str, verdict: Verdict | None, age: float = 60.0, **more: Any) -> str:
        """Put one study in; ``more`` goes to patient, header or the row itself by its name."""
        self.count += 1
        priority = {Verdict.POSITIVE: "HIGH", Verdict.NEGATIVE: "LOW"}.get(verdict, "MEDIUM")  # type: ignore[arg-type]
        patient = {"patient_id": more.pop("patient_id", f"P{self.count}"), "name": more.pop("name", "Doe^Jane")}
        header = {
            "study_uid": uid, "study_date": more.pop("date", "20240506"), "study_time": more.pop("time", "101500"),
            "description": more.pop("description", "CT HEAD"), "accession_number": f"A{self.count}", "study_id": "S",
        }  # fmt: skip
        row = {
            "study_uid": uid, "patient": patient | {"birth_date": "19700101", "sex": "F"}, "header": header,
            "accession_number": f"A{self.count}", "patient_id": patient["patient_id"], "state": "done",
            "priority": priority, "urgency": URGENCY[priority], "verdict": verdict, "why": "a run of 3 slices",
            "received_at": self.now - age, "last_arrival_at": self.now - age, "concluded_at": self.now - age + 20,
            "version": 1,
        }  # fmt: skip
        with self.ledger.writing() as db:
            db.execute(insert(tables.studies).values(row | more))
            self._series(db, uid, more.get("modality", "CT"))
            if verdict in (Verdict.POSITIVE, Verdict.NEGATIVE):
                self._publish(db, uid, "first")
        return uid

    def publish(self, uid: str, fingerprint: str) -> None:
        """Let another answer stand."""
        with self.ledger.writing() as db:
            self._publish(db, uid, fingerprint)

    def _series(self, db: Any, uid: str, modality: str) -> None:
        for number, kind in ((1, modality), (2, "SR")):
            db.execute(insert(tables.series).values(
                series_uid=f"{uid}.{number}", study_uid=uid, modality=kind, description=f"series {number}",
                state="complete", received=2, version=1, first_arrival_at=self.now + number, last_arrival_at=self.now,
            ))  # fmt: skip
            for slice_ in (1, 2):
                db.execute(insert(tables.instances).values(
                    sop_uid=f"{uid}.{number}.{slice_}", series_uid=f"{uid}.{number}", content_hash="0" * 64,
                    transfer_syntax="1.2", size=1, association="a", received_at=self.now,
                    header={"modality": kind, "sop_class": uids.CT_IMAGE, "series_number": number},
                ))  # fmt: skip

    def _publish(self, db: Any, uid: str, text: str) -> None:
        fingerprint = hashlib.sha256(f"{uid}{text}".encode()).hexdigest()
        made = db.execute(insert(tables.result_sets).values(
            study_uid=uid, fingerprint=fingerprint, answer="a", verdict={"leading_series": f"{uid}.1"}, made_at=1.0
        ))  # fmt: skip
        set_id = made.inserted_primary_key[0]
        db.execute(insert(tables.result_objects).values(
            sop_uid=f"{uid}.9.{set_id}", result_set=set_id, sop_class=SR, series_uid=f"{uid}.9", kind="sr",
            content_hash="1" * 64, number=1,
        ))  # fmt: skip
        db.execute(tables.studies.update().where(tables.studies.c.study_uid == uid).values(published_set=set_id))

    def asking(self, *classes: str, calling: str = "WORKSTATION", **how: Any) -> Any:
        """Open an association for queries."""
        entity = AE(calling)
        entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = 20
        for one in classes or (uids.STUDY_ROOT_FIND, uids.UPS_PULL, uids.UPS_QUERY):
            entity.add_requested_context(one)
        return entity.associate("127.0.0.1", self.port, ae_title="ICHOR", **how)

    def find(self, keys: Dataset, sop_class: str = uids.STUDY_ROOT_FIND, **how: Any) -> tuple[list[Dataset], Dataset]:
        """Return the matches and the last status."""
        association = self.asking(**how)
        assert association.is_established
        answers = list(association.send_c_find(keys, sop_class))
        association.release()
        return [found for _, found in answers if found is not None], answers[-1][0]


def keys(level: str = "STUDY", **values: Any) -> Dataset:
    """Return an identifier; an attribute given as None is asked for."""
    made = Dataset()
    if level:
        made.QueryRetrieveLevel = level
    for keyword, value in values.items():
        setattr(made, keyword, value)
    return made


@pytest.fixture
def make_keys() -> Callable[..., Dataset]:
    return keys


@pytest.fixture
def open_ward(tmp_path: Path) -> Iterator[Callable[..., Ward]]:
    """Open doors with the settings given; all are closed at the end."""
    import time

    opened: list[tuple[StorageDoor, Ward]] = []

    def build(**tables_: Any) -> Ward:
        settings: Settings = load_settings(None, {}).model_copy(
            update=Settings.model_validate({"node": {"port": 0, "data_dir": tmp_path}} | tables_).__dict__
        )
        ledger, store = open_ledger(f"sqlite:///{tmp_path / 'ledger.sqlite3'}"), FileStore(tmp_path / "data")
        provers = tuple(one for one in settings.destinations if one.commit and not one.url)
        callers = Callers(senders=settings.senders, queriers=settings.queriers, provers=provers)
        own = DoorSettings(
            node=settings.node, disk=settings.disk.model_copy(update={"min_free_mb": 0}), callers=callers
        )
        door = StorageDoor(own, store, Journal(ledger), beside_storage(settings, ledger, store))
        ward = Ward(ledger=ledger, store=store, now=time.time())
        ward.port = door.start()
        opened.append((door, ward))
        return ward

    yield build
    for door, ward in opened:
        door.stop(grace_seconds=0)
        ward.ledger.close()
