"""The walk on a real ledger, a real store and the real pack; only the door and the network are left out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from heads import Study

from service.dicom.headers import decode, parse
from service.dicom.part10 import file_head, hash_of
from service.domain.delivery import ObjectKind
from service.domain.ids import AssociationId
from service.domain.job import JobState
from service.domain.scan import Association, AssociationEnd, ReceivedInstance
from service.errors import LeaseLost
from service.ledger import arrivals, conclusions, jobs, outbox, readings
from service.ledger.book import Ledger, open_ledger
from service.ledger.tables import jobs as job_table
from service.ledger.tables import studies
from service.settings import CompletionSettings, Destination, Settings
from service.store.files import FileStore
from service.upkeep.complete_series import CompleteSeries
from service.wiring.desk import build_desk
from service.worker.desk import WorkerDesk
from service.worker.loop import take
from service.worker.walk import walk

SETTINGS = Settings(destinations=(Destination(name="pacs", ae_title="PACS", host="127.0.0.1", port=1),))


@pytest.fixture(scope="module")
def shared_desk(tmp_path_factory: pytest.TempPathFactory) -> WorkerDesk:
    return build_desk(SETTINGS, FileStore(tmp_path_factory.mktemp("desk")))


class Ward:
    """A ledger and a store with what arrived."""

    def __init__(self, ledger: Ledger, desk: WorkerDesk) -> None:
        self.ledger, self.desk, self.store = ledger, desk, desk.store

    def arrive(self, paths: tuple[Path, ...], visit: str) -> None:
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

    def job(self) -> object:
        with self.ledger.reading() as connection:
            return connection.execute(job_table.select()).one()

    def study(self) -> object:
        with self.ledger.reading() as connection:
            return connection.execute(studies.select()).one()


def _without_meta(part10: bytes) -> bytes:
    """Cut preamble and file meta off, as the wire does."""
    buffer = BytesIO(part10)
    pydicom.filereader.read_preamble(buffer, force=False)
    pydicom.filereader._read_file_meta_info(buffer)
    return buffer.read()


@pytest.fixture
def ward(tmp_path: Path, shared_desk: WorkerDesk) -> Iterator[Ward]:
    store = FileStore(tmp_path / "data")
    ledger = open_ledger(f"sqlite:///{tmp_path / 'data/ledger.sqlite3'}")
    slices = type(shared_desk.slices)(shared_desk.slices._reader, store)
    yield Ward(ledger, replace(shared_desk, store=store, slices=slices))
    ledger.close()


def test_slices_are_read_while_the_series_still_arrives(ward: Ward, head: Callable[..., Study]) -> None:
    study = head("epidural")
    ward.arrive(study.paths[:5], "a")
    ward.walk()
    assert ward.job().state == JobState.WAITING
    assert len(readings.of_series(ward.ledger, study.series_uid, ward.desk.pack.pack_hash)) == 5
    ward.arrive(study.paths[5:], "b")
    ward.complete()
    ward.walk()
    assert ward.job().state == JobState.DONE
    assert (ward.study().verdict, ward.study().state) == ("positive", "delivering")


def test_the_outbox_holds_report_first_then_pictures(ward: Ward, head: Callable[..., Study]) -> None:
    ward.arrive(head("epidural").paths, "a")
    ward.complete()
    ward.walk()
    due = outbox.due(ward.ledger, time.time(), 30, 20)
    assert due[0].obj.kind is ObjectKind.SR
    assert len(due) >= 3
    assert all(ward.store.has(one.obj.content_hash) for one in due)


def test_walking_twice_changes_nothing(ward: Ward, head: Callable[..., Study]) -> None:
    study = head("epidural")
    ward.arrive(study.paths, "a")
    ward.complete()
    ward.walk()
    before = conclusions.view(ward.ledger, study.uid)
    jobs.replay(ward.ledger, study.uid, time.time())
    ward.walk()
    after = conclusions.view(ward.ledger, study.uid)
    assert after.published_set == before.published_set
    assert after.conclusions == before.conclusions


def test_a_refused_series_is_not_decoded_and_says_why(ward: Ward, head: Callable[..., Study]) -> None:
    study = head("epidural", ContrastBolusAgent="Iomeron")
    ward.arrive(study.paths, "a")
    ward.complete()
    ward.walk()
    assert readings.of_series(ward.ledger, study.series_uid, ward.desk.pack.pack_hash) == {}
    assert (ward.study().state, ward.study().verdict) == ("not_analysed", "not_analysed")
    assert "Iomeron" in ward.study().why


def test_what_goes_wrong_is_written_down_and_the_worker_lives(ward: Ward, head: Callable[..., Study]) -> None:
    ward.arrive(head("epidural").paths, "a")
    for path in ward.store.root.rglob("*.dcm"):
        path.unlink()
    take(ward.ledger, ward.desk, SETTINGS.work, ward.claim())
    assert ward.job().state == JobState.RETRYABLE
    assert "FileNotFoundError" in ward.job().error
    assert ward.job().due_at > time.time()


def test_a_lost_lease_ends_the_walk_without_a_trace(ward: Ward, head: Callable[..., Study]) -> None:
    ward.arrive(head("epidural").paths, "a")
    ward.complete()
    job = ward.claim()
    jobs.rescue(ward.ledger, time.time() + 31, 5)
    with pytest.raises(LeaseLost):
        walk(ward.ledger, ward.desk, SETTINGS.work, job)
    take(ward.ledger, ward.desk, SETTINGS.work, job)
    assert ward.study().verdict is None
    assert ward.job().state == JobState.RETRYABLE


def test_a_study_that_moved_on_is_concluded_again(
    ward: Ward, head: Callable[..., Study], monkeypatch: pytest.MonkeyPatch
) -> None:
    ward.arrive(head("epidural").paths, "a")
    ward.complete()
    real = conclusions.view

    def outdated(ledger: Ledger, study_uid: str) -> conclusions.StudyView:
        return replace(real(ledger, study_uid), version=-1)

    monkeypatch.setattr(conclusions, "view", outdated)
    take(ward.ledger, ward.desk, SETTINGS.work, ward.claim())
    monkeypatch.undo()
    assert (ward.job().state, ward.job().attempt) == (JobState.OFFERED, 0)
    ward.walk()
    assert ward.study().verdict == "positive"


def test_without_destinations_the_study_is_done_when_concluded(ward: Ward, head: Callable[..., Study]) -> None:
    ward.desk = replace(ward.desk, destinations=())
    ward.arrive(head("epidural").paths, "a")
    ward.complete()
    ward.walk()
    assert ward.study().state == "done"


def test_a_destination_gets_only_what_it_asks_for(ward: Ward, head: Callable[..., Study]) -> None:
    only = Destination(name="reports", ae_title="R", host="127.0.0.1", port=1, objects=("sr",))
    ward.desk = replace(ward.desk, destinations=(*SETTINGS.destinations, only))
    ward.arrive(head("epidural").paths, "a")
    ward.complete()
    ward.walk()
    kinds = {one.obj.kind for one in outbox.due(ward.ledger, time.time(), 30, 20, "reports")}
    assert kinds == {ObjectKind.SR}


def test_a_replay_reaches_a_destination_that_is_new(ward: Ward, head: Callable[..., Study]) -> None:
    study = head("epidural")
    ward.arrive(study.paths, "a")
    ward.complete()
    ward.walk()
    before = len(outbox.due(ward.ledger, time.time(), 30, 20, "pacs"))
    new = Destination(name="second", ae_title="S", host="127.0.0.1", port=1)
    ward.desk = replace(ward.desk, destinations=(*SETTINGS.destinations, new))
    for _ in range(2):
        jobs.replay(ward.ledger, study.uid, time.time())
        ward.walk()
    assert len(outbox.due(ward.ledger, time.time(), 30, 20, "second")) == before
