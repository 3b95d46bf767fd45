"""The walk on a real ledger, a real store and the real pack; only the door and the network are left out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from heads import Study
from pydicom import dcmread
from wards import SETTINGS, Ward, ward_at

from service.domain.delivery import Dialect, ObjectKind
from service.domain.job import JobState
from service.errors import LeaseLost
from service.ledger import conclusions, jobs, outbox, readings
from service.ledger.book import Ledger
from service.outputs.plain_text import as_text
from service.peers import Destination
from service.store.files import FileStore
from service.wiring.desk import build_desk
from service.worker.desk import WorkerDesk
from service.worker.gather import Material
from service.worker.loop import take
from service.worker.publish import publication_of
from service.worker.walk import walk


@pytest.fixture(scope="module")
def shared_desk(tmp_path_factory: pytest.TempPathFactory) -> WorkerDesk:
    return build_desk(SETTINGS, FileStore(tmp_path_factory.mktemp("desk")))


@pytest.fixture
def ward(tmp_path: Path, shared_desk: WorkerDesk) -> Iterator[Ward]:
    with ward_at(tmp_path, shared_desk) as found:
        yield found


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


def asking(name: str, objects: tuple[str, ...], dialect: str = "tid1500") -> Destination:
    return Destination(name=name, ae_title="X", host="127.0.0.1", port=1, objects=objects, dialect=dialect)


def test_forms_asked_for_later_are_made_of_what_was_published(ward: Ward, head: Callable[..., Study]) -> None:
    study = head("epidural")
    ward.arrive(study.paths, "a")
    ward.complete()
    ward.walk()
    before = conclusions.view(ward.ledger, study.uid)
    assert before.published is not None
    ward.desk = replace(ward.desk, destinations=(*SETTINGS.destinations, asking("text", ("sr", "ko"), "basic")))
    for _ in range(2):
        jobs.replay(ward.ledger, study.uid, time.time())
        ward.walk()
    after = conclusions.view(ward.ledger, study.uid)
    assert after.published is not None
    assert after.published_set == before.published_set
    assert {one.sop_uid for one in before.published.objects} < {one.sop_uid for one in after.published.objects}
    due = outbox.due(ward.ledger, time.time(), 30, 20, "text")
    assert [(one.obj.kind, one.obj.dialect) for one in due] == [
        (ObjectKind.SR, Dialect.BASIC),
        (ObjectKind.KO, None),
    ]
    assert all(ward.store.has(one.obj.content_hash) for one in due)


def test_a_clear_study_is_not_looked_at_again_for_forms_it_never_has(ward: Ward, head: Callable[..., Study]) -> None:
    study = head("none")
    ward.desk = replace(ward.desk, destinations=(asking("all", ("sc", "sr", "ko", "gsps")),))
    ward.arrive(study.paths, "a")
    ward.complete()
    ward.walk()
    seen = conclusions.view(ward.ledger, study.uid)
    assert seen.published is not None
    assert {one.kind for one in seen.published.objects} == {ObjectKind.SC, ObjectKind.SR}
    instances = {study.series_uid: ward.instances(study)}
    material = Material(verdict=seen.published.verdict, instances=instances, readings={})
    assert publication_of(ward.ledger, ward.desk, seen, material, time.time()) is None


def test_a_changed_answer_supersedes_each_report_in_its_own_dialect(ward: Ward, head: Callable[..., Study]) -> None:
    study = head("epidural")
    ward.desk = replace(ward.desk, destinations=(asking("text", ("sr",), "basic"),))
    ward.arrive(study.paths, "a")
    ward.complete()
    ward.walk()
    seen = conclusions.view(ward.ledger, study.uid)
    assert seen.published is not None
    changed = replace(seen.published.verdict, fingerprint="e" * 64, answer="changed")
    material = Material(verdict=changed, instances={study.series_uid: ward.instances(study)}, readings={})
    later = publication_of(ward.ledger, ward.desk, seen, material, time.time())
    assert later is not None
    earlier = {one.dialect: one.sop_uid for one in seen.published.reports}
    assert set(earlier) == {Dialect.TID1500, Dialect.BASIC}
    for one in later.objects:
        if one.kind is ObjectKind.SR:
            text = as_text(dcmread(ward.store.path(one.content_hash)))
            assert f"supersedes {earlier[one.dialect]}\n" in text
