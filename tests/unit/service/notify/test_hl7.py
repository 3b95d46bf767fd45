"""The message as python-hl7 reads it, and acknowledgements of every kind."""

from __future__ import annotations

import hl7
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from letters import PATIENT, letter, told

from service.domain.scan import Patient
from service.domain.verdict import Verdict
from service.errors import NoticeRefused
from service.notify import hl7_text, oru
from service.notify.words import NOTICE
from service.targets import Hl7Target

TARGET = Hl7Target(name="ris", host="127.0.0.1", port=2575, sending_facility="ER", receiving_application="ENGINE")
ASCII = TARGET.model_copy(update={"charset": "ascii"})
#: of the letter with a patient: seven before ten observations
SEGMENTS = 17


def read(made: bytes) -> hl7.Message:
    return hl7.parse(made.decode("utf-8"))


def observed(message: hl7.Message) -> dict[str, str]:
    """Give the observations' values by their code."""
    return {str(one[3][0][0]): str(one[5]) for one in message.segments("OBX")}


def test_the_message_has_the_structure_of_oru_r01() -> None:
    message = read(oru.oru(letter(patient=PATIENT, accession_number="ACC4711"), TARGET))
    names = [str(one[0]) for one in message]
    assert names[:7] == ["MSH", "PID", "PV1", "ORC", "OBR", "NTE", "TQ1"]
    assert set(names[7:]) == {"OBX"}
    msh = message.segment("MSH")
    assert str(msh[9]) == "ORU^R01^ORU_R01"
    assert (str(msh[3]), str(msh[4]), str(msh[5])) == ("ICHOR", "ER", "ENGINE")
    assert (str(msh[10]), str(msh[11]), str(msh[12]), str(msh[18])) == (
        "0123456789ABCDEF0123", "P", "2.5.1", "UNICODE UTF-8",
    )  # fmt: skip
    assert [str(one[1]) for one in message.segments("OBX")] == [str(at) for at in range(1, len(names) - 6)]
    assert {str(one[11]) for one in message.segments("OBX")} == {"P"}, "nobody has verified it"


def test_patient_order_and_findings_stand_where_a_receiver_looks() -> None:
    message = read(oru.oru(letter(patient=PATIENT, accession_number="ACC4711"), TARGET))
    pid, obr = message.segment("PID"), message.segment("OBR")
    assert str(pid[3]) == "P-0042^^^^PI"
    assert str(pid[5]) == "Müller^Jürgen^A^Jr^Dr^^L^A"
    assert (str(pid[7]), str(pid[8])) == ("19550102", "M")
    assert str(message.segment("ORC")[3]) == str(obr[3]) == str(obr[18]) == "ACC4711"
    assert str(message.segment("TQ1")[9]) == "S"
    assert str(message.segment("NTE")[3]) == NOTICE
    values = observed(message)
    assert values["113014"] == "2.25.77"
    assert values["answer"].startswith("positive^")
    assert (values["probability"], values["kind-intraparenchymal"], values["priority"]) == (
        "0.97",
        "0.94",
        "HIGH^high^99ICHOR",
    )
    assert "45 mm" in values["finding"] and values["link"] == "https://triage.example/studies/2.25.77"


def test_without_patient_data_the_patient_group_is_left_out_whole() -> None:
    message = read(oru.oru(letter(), TARGET))
    assert {str(one[0]) for one in message} == {"MSH", "ORC", "OBR", "NTE", "TQ1", "OBX"}
    first, second = message.segment("OBR")[3], read(oru.oru(letter(key="f" * 64), TARGET)).segment("OBR")[3]
    assert str(first) == str(second), "corrections speak of the same order"


def test_a_second_try_is_the_same_message_and_another_notice_has_another_id() -> None:
    assert oru.oru(letter(), TARGET) == oru.oru(letter(), TARGET)
    assert oru.control_id("a" * 64) != oru.control_id("b" * 64)
    assert len(oru.control_id("a" * 64)) == 20


def test_a_correction_names_the_message_it_replaces() -> None:
    message = read(oru.oru(letter(Verdict.NEGATIVE, earlier=(told(),), number=2), TARGET))
    assert observed(message)["supersedes"] == "E" * 20
    assert observed(message)["answer"].startswith("negative^")
    assert [str(one[8]) for one in message.segments("OBX") if str(one[3][0][0]) == "answer"] == [""]


def test_a_study_that_was_not_analysed_has_no_numbers() -> None:
    assert not observed(read(oru.oru(letter(Verdict.NOT_ANALYSED), TARGET))).keys() & {"probability", "pack"}


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=40), st.text(max_size=40))
def test_no_text_breaks_out_of_its_field(name: str, identity: str) -> None:
    made = oru.oru(letter(patient=Patient(patient_id=identity, name=name.replace("=", " ").replace("^", " "))), TARGET)
    message = read(made)
    pid = message.segment("PID")
    assert made.count(b"\rPID|") == 1 and len(message) == SEGMENTS
    shown = " ".join("".join(one if one.isprintable() else " " for one in identity).split())
    assert message.unescape(str(pid[3][0][0])) == shown


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=60))
def test_ascii_stays_ascii_and_no_character_folds_into_a_delimiter(name: str) -> None:
    patient = Patient(patient_id="1", name=name.replace("=", " ").replace("^", " "))
    made = oru.oru(letter(patient=patient), ASCII)
    message = read(made)
    assert made.isascii() and len(message) == SEGMENTS
    assert len(message.segment("PID")) == 9


def test_ascii_keeps_what_can_be_read() -> None:
    message = read(oru.oru(letter(patient=PATIENT), ASCII))
    assert str(message.segment("PID")[5]).startswith("Muller^Jurgen")
    assert str(message.segment("MSH")[18]) == "ASCII"


def test_ideographic_and_phonetic_names_become_repetitions() -> None:
    patient = Patient(patient_id="1", name="Yamada^Tarou=山田^太郎=やまだ^たろう")
    names = read(oru.oru(letter(patient=patient), TARGET)).segment("PID")[5]
    assert [str(one[7]) for one in names] == ["A", "I", "P"]


def ack(code: str, control: str = "ID1", err: str = "") -> str:
    return f"MSH|^~\\&|A|B|C|D|20260101||ACK^R01^ACK|77|P|2.5.1\rMSA|{code}|{control}\r{err}"


@pytest.mark.parametrize("code", ["AA", "CA"])
def test_acceptance_is_acceptance(code: str) -> None:
    hl7_text.require_taken("ris", ack(code), "ID1")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (ack("AE"), "AE application error"),
        (ack("AR"), "AR application reject"),
        (ack("CE"), "CE commit error"),
        (ack("CR"), "CR commit reject"),
        (ack("AE", err="ERR||PID^1^3|101^Required field missing for DOE^HL70357|E\r"), "101 required field missing"),
        (ack("AA", "ID2"), "another message"),
        (ack("XX"), "unknown acknowledgement code"),
        ("HTTP/1.1 400 Bad Request", "no HL7 acknowledgement"),
        ("", "no HL7 acknowledgement"),
        ("MSH|^~\\&|A\rMSA|AA\r", "no HL7 acknowledgement"),
        ("MSH|", "no HL7 acknowledgement"),
    ],
)
def test_everything_else_is_a_refusal_in_our_own_words(answer: str, words: str) -> None:
    with pytest.raises(NoticeRefused, match=words) as raised:
        hl7_text.require_taken("ris", answer, "ID1")
    assert "DOE" not in str(raised.value)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=200))
def test_no_answer_makes_the_reader_stumble(answer: str) -> None:
    with pytest.raises(NoticeRefused):
        hl7_text.require_taken("ris", answer, "ID1")
