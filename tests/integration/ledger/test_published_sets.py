"""Which destination gets which object, how a set that stands grows, and which report a new one supersedes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from service.domain.delivery import Dialect, Form, ObjectKind, ResultObject
from service.domain.ids import AssociationId, ContentHash, PackHash, SeriesUid, SopUid, StudyUid
from service.domain.scan import InstanceHeader, Patient, ReceivedInstance, StudyHeader
from service.domain.series import Evidence, EvidenceKind
from service.domain.verdict import Priority, SeriesConclusion, StudyVerdict, Verdict
from service.ledger import arrivals, case, conclusions, jobs, outbox, scans
from service.ledger.book import Ledger, open_ledger

REPORT, BASIC = Form(ObjectKind.SR, Dialect.TID1500), Form(ObjectKind.SR, Dialect.BASIC)
PICTURE, KEYS = Form(ObjectKind.SC), Form(ObjectKind.KO)

ARRIVED = ReceivedInstance(
    sop_uid=SopUid("1.1.1"), series_uid=SeriesUid("1.1"), content_hash=ContentHash("1" * 64), transfer_syntax="1.2",
    size=1, association=AssociationId("a"), received_at=100.0, patient=Patient(),
    study=StudyHeader(study_uid=StudyUid("1")), header=InstanceHeader(modality="CT", sop_class="1.2"),
)  # fmt: skip


def made(name: str, form: Form, number: int = 1) -> ResultObject:
    return ResultObject(
        sop_uid=SopUid(f"9.{name}"), sop_class="1.2", series_uid="9", kind=form.kind, dialect=form.dialect,
        content_hash="c" * 64, number=number,
    )  # fmt: skip


def verdict(name: str) -> StudyVerdict:
    conclusion = SeriesConclusion(
        series_uid=SeriesUid("1.1"), verdict=Verdict.POSITIVE, probability=0.9, why="bleed", pack_name="default",
        pack_version="1", pack_hash=PackHash("p"), evidence=None, suitability=(),
    )  # fmt: skip
    return StudyVerdict(
        study_uid=StudyUid("1"), verdict=Verdict.POSITIVE, priority=Priority.HIGH, probability=0.9, why="bleed",
        policy="any", leading_series=SeriesUid("1.1"), conclusions=(conclusion,), fingerprint=name, answer=name,
    )  # fmt: skip


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    book = open_ledger(f"sqlite:///{tmp_path / 'ledger.sqlite3'}")
    yield book
    book.close()


@pytest.fixture
def conclude(ledger: Ledger):
    """Conclude the study again: with these objects, told by this verdict, for these destinations."""
    arrivals.record(ledger, [ARRIVED])
    (glance,) = scans.open_series(ledger)
    evidence = Evidence(kind=EvidenceKind.QUIET, received=1, expected=None, sentence="quiet")
    assert scans.complete(ledger, glance, evidence, 150.0)

    def again(told: str, objects: tuple[ResultObject, ...], wanted: Mapping[str, tuple[Form, ...]]) -> None:
        job = jobs.claim(ledger, "w", 30, 200.0)
        if job is None:
            jobs.replay(ledger, "1", 199.0)
            job = jobs.claim(ledger, "w", 30, 200.0)
        assert job is not None
        publication = conclusions.Publication(answer=told, verdict=verdict(told), objects=objects) if objects else None
        seen = conclusions.view(ledger, "1")
        outcome = conclusions.Outcome(seen=seen, verdict=verdict(told), publication=publication, wanted=wanted)
        conclusions.finish(ledger, job, outcome, 201.0)

    return again


def queued(ledger: Ledger, destination: str) -> list[str]:
    return [one.obj.sop_uid for one in outbox.due(ledger, 300.0, 30, 20, destination)]


def test_each_destination_gets_exactly_its_own_forms(ledger: Ledger, conclude) -> None:
    objects = (made("1", PICTURE), made("2", REPORT), made("3", BASIC), made("4", KEYS))
    conclude("a", objects, {"all": (PICTURE, REPORT, KEYS), "text": (BASIC,), "keys": (KEYS,), "none": ()})
    assert queued(ledger, "all") == ["9.2", "9.1", "9.4"], "the report leaves first: it is the notification"
    assert queued(ledger, "text") == ["9.3"]
    assert queued(ledger, "keys") == ["9.4"]
    assert queued(ledger, "none") == []


def test_a_set_that_stands_grows_by_the_forms_asked_for_since(ledger: Ledger, conclude) -> None:
    conclude("a", (made("1", PICTURE), made("2", REPORT)), {"pacs": (PICTURE, REPORT)})
    assert len(queued(ledger, "pacs")) == 2
    for _ in range(2):
        conclude("a", (made("3", BASIC), made("4", KEYS)), {"pacs": (PICTURE, REPORT, KEYS), "text": (BASIC,)})
    assert queued(ledger, "pacs") == ["9.4"]
    assert queued(ledger, "text") == ["9.3"]
    whole = case.open_case(ledger, "1")
    assert whole is not None
    assert len({one.result_set for one in whole.results}) == 1
    assert [one.text for one in whole.steps if one.step == "published"] == [
        "result objects made",
        "the same result made as ko, sr-basic too",
    ]


def test_a_report_supersedes_the_last_one_of_its_own_dialect(ledger: Ledger, conclude) -> None:
    pacs = {"pacs": (REPORT,)}
    conclude("a", (made("1", REPORT), made("2", BASIC)), pacs)
    conclude("b", (made("3", REPORT),), pacs)
    standing = conclusions.view(ledger, "1").published
    assert standing is not None
    assert {one.form: one.sop_uid for one in standing.reports} == {REPORT: "9.3", BASIC: "9.2"}
    assert {one.form: one.sop_uid for one in standing.earlier_reports} == {REPORT: "9.1", BASIC: "9.2"}
    assert standing.forms == {REPORT}
    assert standing.verdict.fingerprint == "b"


def test_nothing_stands_before_the_first_publication(ledger: Ledger, conclude) -> None:
    assert conclusions.view(ledger, "1").published is None
    conclude("a", (), {"pacs": (REPORT,)})
    assert conclusions.view(ledger, "1").published is None
