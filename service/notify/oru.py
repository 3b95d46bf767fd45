"""The unsolicited observation: ORU^R01 of HL7 v2.5.1 from a letter. Pure; the same letter makes the same bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from service.domain.scan import Patient
from service.domain.verdict import Priority, Verdict
from service.notify.hl7_text import REPETITION, field_of, folded, header, message, segment
from service.notify.letter import Letter
from service.notify.words import HEADLINES, NOTICE, dicom_moment, kinds_of, pack_words, rounded
from service.targets import Hl7Target

#: MSH-10 holds 20 characters in version 2.5.1
CONTROL_ID_LENGTH = 20
SCHEME = "99ICHOR"
VERSION = "2.5.1"
#: nobody has verified it (tables HL70123 and HL70085)
PRELIMINARY = "P"
STAT, ROUTINE = "S", "R"
SEXES = {"M": "M", "F": "F", "O": "O"}


def control_id(key: str) -> str:
    """Return MSH-10 of a notice; a receiver can tell a second try by it."""
    return key[:CONTROL_ID_LENGTH].upper()


def oru(letter: Letter, target: Hl7Target) -> bytes:
    """Write the message in the target's character set."""
    segments = [_msh(letter, target), *_patient(letter.patient), *_order(letter)]
    segments += [_obx(number, *one) for number, one in enumerate(_observations(letter), 1)]
    text = message(segments)
    return folded(text).encode("ascii") if target.charset == "ascii" else text.encode("utf-8")


def _msh(letter: Letter, target: Hl7Target) -> str:
    return header(
        {
            3: field_of(target.sending_application),
            4: field_of(target.sending_facility),
            5: field_of(target.receiving_application),
            6: field_of(target.receiving_facility),
            7: dicom_moment(letter.news.concluded_at),
            9: field_of("ORU", "R01", "ORU_R01"),
            10: control_id(letter.key),
            11: target.processing_id,
            12: VERSION,
            18: "UNICODE UTF-8" if target.charset == "utf-8" else "ASCII",
        }
    )


def _patient(patient: Patient | None) -> list[str]:
    """Return PID and PV1; the group is left out whole where the site does not let the patient through."""
    if patient is None:
        return []
    fields = {
        1: "1",
        3: field_of(patient.patient_id, "", "", "", "PI"),
        5: REPETITION.join(_name(group, kind) for group, kind in zip(patient.name.split("="), "AIP", strict=False)),
        7: field_of(patient.birth_date),
        8: SEXES.get(patient.sex, "U"),
    }
    return [segment("PID", fields), segment("PV1", {1: "1", 2: "U"})]


def _name(group: str, representation: str) -> str:
    """Turn a component group of DICOM's PN (family^given^middle^prefix^suffix) into XPN."""
    family, given, middle, prefix, suffix = (*group.split("^"), "", "", "", "", "")[:5]
    return field_of(family, given, middle, suffix, prefix, "", "L", representation)


def _order(letter: Letter) -> list[str]:
    filler = field_of(letter.accession_number) if letter.accession_number else field_of(_own_number(letter), "ICHOR")
    taken_at = letter.study_moment[:14] or dicom_moment(letter.received_at)
    urgency = STAT if letter.news.priority is Priority.HIGH else ROUTINE
    request = {
        1: "1",
        3: filler,
        4: field_of("ich-triage", "Triage of head CT for intracranial haemorrhage", SCHEME),
        7: field_of(taken_at),
        18: field_of(letter.accession_number),
        22: dicom_moment(letter.news.concluded_at),
        24: "CT",
        25: PRELIMINARY,
    }
    return [
        segment("ORC", {1: "RE", 3: filler}),
        segment("OBR", request),
        segment("NTE", {1: "1", 2: "L", 3: field_of(NOTICE)}),
        segment("TQ1", {1: "1", 9: urgency}),
    ]


def _own_number(letter: Letter) -> str:
    """Number the order by its study where the accession number may not leave; the same for each correction."""
    return hashlib.sha256(letter.study_uid.encode()).hexdigest()[:CONTROL_ID_LENGTH].upper()


def _observations(letter: Letter) -> Iterator[tuple[str, str, str, str]]:
    """Yield value type, observation identifier, value and abnormal flag."""
    news = letter.news
    yield "HD", field_of("113014", "DICOM Study", "DCM"), field_of(letter.study_uid), ""
    answer = field_of(news.verdict.value, HEADLINES[news.verdict], SCHEME)
    yield "CWE", _own("answer", "Answer"), answer, "A" if news.verdict is Verdict.POSITIVE else ""
    yield "TX", _own("finding", "Finding in words"), field_of(f"{HEADLINES[news.verdict]}: {news.why} ({NOTICE})"), ""
    yield "CWE", _own("priority", "Priority"), field_of(news.priority.value, news.priority.value.lower(), SCHEME), ""
    if news.probability is not None:
        yield "NM", _own("probability", "Probability of any haemorrhage"), rounded(news.probability), ""
    for label, probability in kinds_of(news):
        yield "NM", _own(f"kind-{label}", f"Probability of {label} haemorrhage"), rounded(probability), ""
    if news.pack:
        yield "ST", _own("pack", "Model pack"), field_of(pack_words(news)), ""
    if letter.supersedes:
        yield "ST", _own("supersedes", "Message this one replaces"), control_id(letter.supersedes), ""
    if letter.link:
        yield "ST", _own("link", "Study page"), field_of(letter.link), ""


def _own(code: str, text: str) -> str:
    return field_of(code, text, SCHEME)


def _obx(number: int, kind: str, identifier: str, value: str, flag: str) -> str:
    return segment("OBX", {1: str(number), 2: kind, 3: identifier, 5: value, 8: flag, 11: PRELIMINARY})
