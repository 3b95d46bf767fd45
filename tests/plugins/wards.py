"""A node without door and network: a real ledger, a real store, the real rooms, and studies that simply arrive."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom
from heads import Study

from service.dicom.headers import decode, parse
from service.dicom.part10 import file_head, hash_of
from service.domain.ids import AssociationId
from service.domain.scan import Association, AssociationEnd, ReceivedInstance, StoredInstance
from service.domain.verdict import SeriesConclusion
from service.ledger import arrivals, conclusions, jobs, scans
from service.ledger.book import Ledger, open_ledger
from service.ledger.tables import jobs as job_table
from service.ledger.tables import studies
from service.peers import Destination
from service.settings import CompletionSettings, Settings
from service.store.files import FileStore
from service.upkeep.complete_series import CompleteSeries
from service.worker.desk import WorkerDesk
from service.worker.walk import walk

SETTINGS = Settings(destinations=(Destination(name="pacs", ae_title="PACS", host="127.0.0.1", port=1),))


class Ward:
    """A ledger and a store with what arrived."""

    def __init__(self, ledger: Ledger, desk: WorkerDesk) -> None:
        self.ledger, self.desk, self.store = ledger, desk, desk.store

    def arrive(self, paths: Sequence[Path], visit: str) -> None:
        opened = Association(
            association=AssociationId(visit), calling_ae="CT1", called_ae="ICHOR", address="127.0.0.1", opened_at=1.0
        )
        arrivals.open_association(self.ledger, opened)
        arrivals.record(self.ledger, [self._receive(path, visit) for path in paths])
        arrivals.close_association(self.ledger, visit, AssociationEnd.RELEASED, time.time())

    def _receive(self, path: Path, visit: str) -> ReceivedInstance:
        ds = pydicom.dcmread(path)
        syntax, buffer = str(ds.file_meta.TransferSyntaxUID), BytesIO()
        pydicom.dcmwrite(buffer, ds, enforce_file_format=False)
        encoded = _without_meta(buffer.getvalue())
        name = hash_of(syntax, encoded)
        self.store.keep([file_head(ds.SOPClassUID, ds.SOPInstanceUID, syntax), encoded], name)
        parsed = parse(decode(encoded, syntax)[0], has_pixels=True)
        return ReceivedInstance(
            sop_uid=parsed.sop_uid,
            series_uid=parsed.series_uid,
            content_hash=name,
            transfer_syntax=syntax,
            size=len(encoded),
            association=AssociationId(visit),
            received_at=time.time(),
            patient=parsed.patient,
            study=parsed.study,
            header=parsed.header,
        )

    def complete(self) -> None:
        assert CompleteSeries(self.ledger, CompletionSettings()).sweep(time.time() + 60) >= 1

    def claim(self) -> jobs.Job:
        job = jobs.claim(self.ledger, "w", 30, time.time())
        assert job
        return job

    def walk(self) -> None:
        walk(self.ledger, self.desk, SETTINGS.work, self.claim())

    def job(self) -> Any:
        with self.ledger.reading() as connection:
            return connection.execute(job_table.select()).one()

    def study(self) -> Any:
        with self.ledger.reading() as connection:
            return connection.execute(studies.select()).one()

    def conclusion(self, study: Study) -> SeriesConclusion:
        return conclusions.view(self.ledger, study.uid).conclusions[study.series_uid]

    def instances(self, study: Study) -> tuple[StoredInstance, ...]:
        return scans.view(self.ledger, study.series_uid).instances


def _without_meta(part10: bytes) -> bytes:
    """Cut preamble and file meta off, as the wire does."""
    buffer = BytesIO(part10)
    pydicom.filereader.read_preamble(buffer, force=False)
    pydicom.filereader._read_file_meta_info(buffer)
    return buffer.read()


@contextmanager
def ward_at(folder: Path, desk: WorkerDesk) -> Iterator[Ward]:
    """Open a ward in a folder; the desk's pack reads from its store."""
    store = FileStore(folder / "data")
    ledger = open_ledger(f"sqlite:///{folder / 'data/ledger.sqlite3'}")
    slices = type(desk.slices)(desk.slices._reader, store, desk.slices._repair)
    yield Ward(ledger, replace(desk, store=store, slices=slices))
    ledger.close()
