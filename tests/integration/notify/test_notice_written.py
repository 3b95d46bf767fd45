"""A notice is written with the conclusion or not at all, and the doctor reaches whom it will go to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from receivers import LOOPBACK, hl7_engine

from service.domain.ids import AssociationId, ContentHash, PackHash, SeriesUid, SopUid, StudyUid
from service.domain.job import Job
from service.domain.notice import Addressee, NoticeKind
from service.domain.scan import InstanceHeader, Patient, ReceivedInstance, StudyHeader
from service.domain.series import Evidence, EvidenceKind
from service.domain.verdict import Priority, SeriesConclusion, StudyVerdict, Verdict
from service.errors import LeaseLost, StaleStudy
from service.ledger import arrivals, conclusions, jobs, scans
from service.ledger.book import Ledger
from service.settings import Settings
from service.targets import Hl7Target
from service.wiring.health import doctor

STUDY, SERIES = StudyUid("1.2.3"), SeriesUid("1.2.3.1")
RIS = Addressee(name="ris", kind=NoticeKind.HL7, on=frozenset({Verdict.POSITIVE}))


def arrive(ledger: Ledger, number: int = 1) -> None:
    one = ReceivedInstance(
        sop_uid=SopUid(f"{SERIES}.{number}"), series_uid=SERIES, content_hash=ContentHash(f"{number:064d}"), size=10,
        transfer_syntax="1.2.840.10008.1.2.1", association=AssociationId("a"), received_at=100.0 + number,
        patient=Patient(patient_id="P"), study=StudyHeader(study_uid=STUDY),
        header=InstanceHeader(modality="CT", sop_class="1.2.840.10008.5.1.4.1.1.2"),
    )  # fmt: skip
    arrivals.record(ledger, [one])
    (glance,) = scans.open_series(ledger)
    evidence = Evidence(kind=EvidenceKind.QUIET, received=number, expected=None, sentence="nothing came")
    assert scans.complete(ledger, glance, evidence, 200.0)


def outcome(seen: conclusions.StudyView, verdict: Verdict = Verdict.POSITIVE) -> conclusions.Outcome:
    one = SeriesConclusion(
        series_uid=SERIES, verdict=verdict, probability=0.9, why="5 slices", pack_name="default", pack_version="1",
        pack_hash=PackHash("p"), evidence=None, suitability=(), findings=(("any", 0.9),),
    )  # fmt: skip
    whole = StudyVerdict(
        study_uid=STUDY, verdict=verdict, priority=Priority.HIGH, probability=0.9, why="5 slices", policy="any",
        leading_series=SERIES, conclusions=(one,), fingerprint=f"f{verdict}", answer=verdict.value,
    )  # fmt: skip
    return conclusions.Outcome(seen=seen, verdict=whole, publication=None, wanted={}, addressees=(RIS,))


def claim(ledger: Ledger) -> Job:
    job = jobs.claim(ledger, "w", 30, 201.0)
    assert job
    return job


def test_it_is_written_with_the_conclusion(outbox: Any) -> None:
    arrive(outbox.ledger)
    job, seen = claim(outbox.ledger), conclusions.view(outbox.ledger, STUDY)
    conclusions.finish(outbox.ledger, job, outcome(seen), 202.0)
    (row,) = outbox.rows(STUDY)
    assert (row["state"], row["queued_at"], row["rank"]) == ("queued", 202.0, 0)
    assert row["news"]["leading_series"] == SERIES


def test_a_late_slice_that_changes_nothing_makes_no_second_one(outbox: Any) -> None:
    for number in (1, 2):
        arrive(outbox.ledger, number)
        job, seen = claim(outbox.ledger), conclusions.view(outbox.ledger, STUDY)
        conclusions.finish(outbox.ledger, job, outcome(seen), 200.0 + number)
    assert len(outbox.rows(STUDY)) == 1


@pytest.mark.parametrize("problem", [StaleStudy, LeaseLost])
def test_a_conclusion_that_does_not_count_tells_nobody(outbox: Any, problem: type[Exception]) -> None:
    arrive(outbox.ledger)
    job, seen = claim(outbox.ledger), conclusions.view(outbox.ledger, STUDY)
    if problem is StaleStudy:
        conclusions.finish(outbox.ledger, job, outcome(seen, Verdict.NEGATIVE), 202.0)
        arrive(outbox.ledger, 2)
        job = claim(outbox.ledger)
    else:
        jobs.rescue(outbox.ledger, 300.0, 5)
    with pytest.raises(problem):
        conclusions.finish(outbox.ledger, job, outcome(seen), 203.0)
    assert outbox.rows(STUDY) == []


def test_the_doctor_reaches_each_target(tmp_path: Path, free_port: Any) -> None:
    with hl7_engine() as engine:
        there = Hl7Target(name="ris", host=LOOPBACK, port=engine.port)
        gone = Hl7Target(name="old", host=LOOPBACK, port=free_port())
        unread = Hl7Target(name="odd", host=LOOPBACK, port=engine.port, tls=True, ca_file=tmp_path / "gone")
        settings = Settings.model_validate({"node": {"data_dir": tmp_path}, "disk": {"min_free_mb": 0}})
        settings = settings.model_copy(update={"hl7": (there, gone, unread)})
        found = {one.subject: one for one in doctor(settings) if one.subject.startswith("notices to")}
    assert {name: one.well for name, one in found.items()} == {
        "notices to ris": True, "notices to old": False, "notices to odd": False,
    }  # fmt: skip
    assert "nobody listens" in found["notices to old"].text and "[[hl7]]" in found["notices to old"].mend
    assert "ca_file" in found["notices to odd"].text
