"""A notice as it may leave the house: the one place where a patient's identity is let through or held back. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from service.domain.notice import News, Notice, Told, is_wanted
from service.domain.scan import Patient
from service.domain.verdict import Priority, Verdict
from service.ledger.notices import Subject
from service.targets import NoticeTarget

#: what stands in place of a reason that may quote free text from headers
HELD_BACK = "not analysed; the reason stands on the study page"


@dataclass(frozen=True, kw_only=True)
class Letter:
    """What is told; the patient is None and the accession number empty unless the site says otherwise."""

    key: str
    number: int
    study_uid: str
    news: News
    #: False where it is told only because the target had heard otherwise
    wanted: bool
    #: oldest first
    earlier: tuple[Told, ...]
    patient: Patient | None
    accession_number: str
    #: DICOM date and time of the study, only with the patient
    study_moment: str
    received_at: float
    #: the study's page, empty where the site named no address
    link: str

    @property
    def supersedes(self) -> str:
        """Return the key of the notice that this one takes the place of; empty for the first."""
        return self.earlier[-1].key if self.earlier else ""


def sample(target: NoticeTarget) -> Letter:
    """Make a letter up, to try templates on."""
    news = News(
        verdict=Verdict.POSITIVE,
        priority=Priority.HIGH,
        probability=0.9,
        why="made up to try this target",
        answer="",
        findings=(("any", 0.9), ("epidural", 0.9)),
        leading_series=None,
        pack=("sample", "0", "0" * 64),
        concluded_at=0.0,
    )
    return Letter(
        key="0" * 64,
        number=1,
        study_uid="2.25.0",
        news=news,
        wanted=True,
        earlier=(),
        patient=Patient(patient_id="SAMPLE", name="Sample^Sample") if target.patient_data else None,
        accession_number="",
        study_moment="",
        received_at=0.0,
        link="",
    )


def letter_of(notice: Notice, subject: Subject, target: NoticeTarget, public_url: str) -> Letter:
    """Write the letter that this target may get."""
    named = target.patient_data
    news = notice.news
    if not named and news.verdict is Verdict.NOT_ANALYSED:
        news = replace(news, why=HELD_BACK)
    header = subject.header
    return Letter(
        key=notice.key,
        number=notice.number,
        study_uid=notice.study_uid,
        news=news,
        wanted=is_wanted({Verdict(one) for one in target.on}, news.verdict, news.priority),
        earlier=notice.earlier,
        patient=subject.patient if named else None,
        accession_number=header.accession_number if named or target.accession_number else "",
        study_moment=header.study_date + header.study_time if named and header.study_date else "",
        received_at=subject.received_at,
        link=f"{public_url.rstrip('/')}/studies/{notice.study_uid}" if public_url else "",
    )
