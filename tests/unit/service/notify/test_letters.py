"""What may leave the house: nothing about the patient unless the site says so."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from letters import AT, PATIENT, news, told

from service.domain.ids import StudyUid
from service.domain.notice import Notice, NoticeKind
from service.domain.scan import StudyHeader
from service.domain.verdict import Verdict
from service.ledger.notices import Subject
from service.notify import words
from service.notify.letter import HELD_BACK, Letter, letter_of
from service.notify.mail import MailMessenger
from service.notify.oru import oru
from service.notify.webhook import body_of
from service.notify.workitem import workitem
from service.outputs import rules as outputs
from service.targets import Hl7Target, MailTarget, NoticeTarget, UpsTarget

HL7 = Hl7Target(name="ris", host="127.0.0.1", port=2575)
MAIL = MailTarget(name="mail", host="127.0.0.1", sender="ichor@hospital.test", to=("ward@hospital.test",))
UPS = UpsTarget(name="list", url="https://pacs.test/rs", retrieve_ae_title="PACS")
HEADER = StudyHeader(
    study_uid=StudyUid("2.25.77"), accession_number="ACC4711", study_id="S815", study_date="20260102",
    study_time="030405", description="CT HEAD DOE", referring_physician="Grey^Meredith",
)  # fmt: skip
NAMES = ("Müller", "M\\u00fcller", "Jürgen", "P-0042", "19550102", "S815", "20260102", "030405", "DOE", "Meredith")


def notice(verdict: Verdict = Verdict.POSITIVE) -> Notice:
    return Notice(
        notice_id=1, key="ab" * 32, study_uid=StudyUid("2.25.77"), target="x", kind=NoticeKind.HL7, number=1, attempt=0,
        queued_at=AT, lease="l", news=news(verdict), earlier=(),
    )  # fmt: skip


def written(target: NoticeTarget, verdict: Verdict = Verdict.POSITIVE) -> Letter:
    subject = Subject(patient=PATIENT, header=HEADER, received_at=AT - 31)
    return letter_of(notice(verdict), subject, target, "https://triage.example/")


def everything(letter: Letter) -> str:
    """Write it in all four languages."""
    mail = MailMessenger(MAIL).written(letter)
    return "\n".join([
        oru(letter, HL7).decode(), json.dumps(body_of(letter), ensure_ascii=False), str(mail["Subject"]),
        mail.get_content(), json.dumps(workitem(letter, UPS, [("1.2.3", "1.2.3.4")]), ensure_ascii=False),
    ])  # fmt: skip


@pytest.mark.parametrize("verdict", list(Verdict))
def test_nothing_about_the_patient_leaves_by_default(verdict: Verdict) -> None:
    text = everything(written(NoticeTarget(name="x"), verdict))
    assert [name for name in (*NAMES, "ACC4711") if name in text] == []
    assert words.NOTICE in text and "2.25.77" in text


def test_the_accession_number_alone_can_be_let_through() -> None:
    text = everything(written(NoticeTarget(name="x", accession_number=True)))
    assert text.count("ACC4711") >= 4
    assert [name for name in NAMES if name in text] == []


def test_with_patient_data_every_language_names_the_patient() -> None:
    letter = written(NoticeTarget(name="x", patient_data=True))
    for text in (oru(letter, HL7).decode(), json.dumps(body_of(letter)), json.dumps(workitem(letter, UPS, []))):
        assert "P-0042" in text and "19550102" in text
    assert "P-0042" in MailMessenger(MAIL).written(letter).get_content()


def test_a_reason_that_quotes_headers_is_held_back() -> None:
    assert written(NoticeTarget(name="x"), Verdict.NOT_ANALYSED).news.why == HELD_BACK
    assert "DOE" in written(NoticeTarget(name="x", patient_data=True), Verdict.NOT_ANALYSED).news.why


@pytest.mark.parametrize(
    ("public", "link"), [("", ""), ("https://a.test/ichor", "https://a.test/ichor/studies/2.25.77")]
)
def test_the_link_leads_to_the_study_page(public: str, link: str) -> None:
    subject = Subject(patient=PATIENT, header=HEADER, received_at=AT)
    assert letter_of(notice(), subject, NoticeTarget(name="x"), public).link == link


def test_it_says_the_same_as_the_result_objects() -> None:
    assert words.NOTICE == outputs.NOTICE


@pytest.mark.parametrize(("value", "text"), [(1.0, "0.99"), (0.0, "0.01"), (0.973, "0.97")])
def test_a_probability_is_never_certainty(value: float, text: str) -> None:
    assert words.rounded(value) == text


def test_a_correction_says_so_in_every_language() -> None:
    first = written(NoticeTarget(name="x"), Verdict.NEGATIVE)
    corrected = replace(first, earlier=(told(),), number=2)
    mail = MailMessenger(MAIL)
    assert str(mail.written(corrected)["Subject"]).startswith("Correction: No haemorrhage flagged")
    assert "corrects an earlier notice" in mail.written(corrected).get_content()
    assert "orrect" not in str(mail.written(first)["Subject"]) + mail.written(first).get_content()
    assert body_of(corrected)["supersedes"] and not body_of(first)["supersedes"]
    assert "supersedes" in oru(corrected, HL7).decode() and "supersedes" not in oru(first, HL7).decode()
    assert "00741224" in workitem(corrected, UPS, []) and "00741224" not in workitem(first, UPS, [])
