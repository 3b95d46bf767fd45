"""Study Root C-FIND over a real association: who is listed, in which order, and how it ends."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from pydicom.dataset import Dataset

from service.dicom.statuses import Status
from service.dicom.uids import CT_IMAGE, STUDY_ROOT_FIND, UPS_PULL, VERIFICATION
from service.domain.verdict import Verdict
from service.query import answer

POSITIVE, NEGATIVE, NOT_ANALYSED = Verdict.POSITIVE, Verdict.NEGATIVE, Verdict.NOT_ANALYSED
HOUR = 3600.0
Maker = Callable[..., Any]


def uids(found: list[Dataset]) -> list[str]:
    return [str(one.StudyInstanceUID) for one in found]


def fill(ward: Any) -> None:
    """Flagged: 1.1 delivered long ago, 1.2 just now, 1.3 on its way since longest, 1.4 on its way."""
    ward.study("1.1", POSITIVE, 5 * HOUR, name="Old^Anna", date="20240501")
    ward.study("1.2", POSITIVE, 1 * HOUR, name="New^Bert", date="20240506")
    ward.study("1.3", POSITIVE, 6 * HOUR, state="delivering", name="Müller^Änne")
    ward.study("1.4", POSITIVE, 2 * HOUR, state="delivering", name="Doe^Jane")
    ward.study("1.5", NEGATIVE, 1 * HOUR, name="Doe^Clear")
    ward.study("1.6", NOT_ANALYSED, 1 * HOUR, state="not_analysed")
    ward.study("1.7", None, 1 * HOUR, state="receiving")
    ward.study("1.8", POSITIVE, 10 * 24 * HOUR, name="Ancient^Study")


IN_ORDER = ["1.3", "1.4", "1.2", "1.1"]


def test_flagged_studies_in_the_order_of_the_worklist(open_ward: Maker, make_keys: Maker) -> None:
    ward = open_ward()
    fill(ward)
    found, last = ward.find(make_keys(StudyInstanceUID=None))
    assert uids(found) == IN_ORDER
    assert last.Status == Status.SUCCESS


def test_all_studies_where_the_site_wants_them(open_ward: Maker, make_keys: Maker) -> None:
    ward = open_ward(query={"studies": "all", "days": 0})
    fill(ward)
    found, _ = ward.find(make_keys(StudyInstanceUID=None, ScheduledProcedureStepPriority=None))
    assert uids(found) == ["1.3", "1.4", "1.2", "1.1", "1.8", "1.7", "1.6", "1.5"]
    assert [one.ScheduledProcedureStepPriority for one in found] == ["HIGH"] * 5 + ["MEDIUM"] * 2 + ["LOW"]
    low, _ = ward.find(make_keys(StudyInstanceUID=None, ScheduledProcedureStepPriority="LOW"))
    assert uids(low) == ["1.5"]


@pytest.mark.peer
def test_findscu_lists_them_in_order(open_ward: Maker, program: Maker) -> None:
    ward = open_ward()
    fill(ward)
    wanted = ("QueryRetrieveLevel=STUDY", "StudyInstanceUID", "PatientName", "StudyDate", "ModalitiesInStudy")
    command = [program("findscu"), "-S", "-aet", "WORKSTATION", "-aec", "ICHOR"]
    command += [part for key in wanted for part in ("-k", key)] + ["127.0.0.1", str(ward.port)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    lines = [line for line in (done.stderr + done.stdout).splitlines() if "StudyInstanceUID" in line and "[1." in line]
    assert [line.split("[")[1].split("]")[0].strip("\0") for line in lines] == IN_ORDER


@pytest.mark.parametrize(
    ("values", "listed"),
    [
        ({"StudyInstanceUID": ["1.1", "1.3", "1.5", "9.9"]}, ["1.3", "1.1"]),
        ({"PatientName": "m*"}, ["1.3"]),
        ({"PatientName": "müller^änne", "SpecificCharacterSet": "ISO_IR 192"}, ["1.3"]),
        ({"PatientName": "MÜLLER*", "SpecificCharacterSet": "ISO_IR 100"}, ["1.3"]),
        ({"PatientName": "doe*"}, ["1.4"]),
        ({"PatientName": "ancient*"}, ["1.8"]),
        ({"PatientID": "P2"}, ["1.2"]),
        ({"PatientID": "P?"}, ["1.3", "1.4", "1.2", "1.1", "1.8"]),
        ({"AccessionNumber": "A1"}, ["1.1"]),
        ({"AccessionNumber": "A1*"}, ["1.1"]),
        ({"StudyDate": "20240501"}, ["1.1"]),
        ({"StudyDate": "20240502-"}, ["1.3", "1.4", "1.2", "1.8"]),
        ({"StudyTime": "1000-1030"}, IN_ORDER),
        ({"StudyTime": "1100-"}, []),
        ({"ModalitiesInStudy": "CT"}, IN_ORDER),
        ({"ModalitiesInStudy": "MR"}, []),
        ({"StudyDescription": "CT*"}, IN_ORDER),
    ],
)
def test_keys(open_ward: Maker, make_keys: Maker, values: dict[str, Any], listed: list[str]) -> None:
    ward = open_ward()
    fill(ward)
    found, last = ward.find(make_keys(**({"StudyInstanceUID": None} | values)))
    assert (uids(found), last.Status) == (listed, Status.SUCCESS)


def test_a_study_is_answered_as_the_scanner_described_it(open_ward: Maker, make_keys: Maker) -> None:
    ward = open_ward(destinations=[{"name": "pacs", "ae_title": "PACS", "host": "10.0.0.9", "port": 104}])
    ward.study("1.3", POSITIVE, name="Müller^Änne", description="HEAD W/O", date="2024.05.06")
    asked = dict.fromkeys(
        ("StudyDate", "StudyTime", "AccessionNumber", "PatientName", "PatientID", "PatientBirthDate", "PatientSex",
         "StudyID", "StudyDescription", "ModalitiesInStudy", "NumberOfStudyRelatedSeries", "StudyComments",
         "NumberOfStudyRelatedInstances", "ScheduledProcedureStepPriority")
    )  # fmt: skip
    (one,), _ = ward.find(make_keys(StudyInstanceUID="1.3", **asked))
    assert (one.StudyDescription, one.StudyDate, one.PatientName) == ("HEAD W/O", "2024.05.06", "Müller^Änne")
    assert (one.PatientBirthDate, one.PatientSex, one.AccessionNumber) == ("19700101", "F", "A1")
    assert (list(one.ModalitiesInStudy), one.NumberOfStudyRelatedSeries, one.NumberOfStudyRelatedInstances) == (
        ["CT", "SR"], 2, 4,
    )  # fmt: skip
    assert one.ScheduledProcedureStepPriority == "HIGH"
    assert "suspected haemorrhage" in one.StudyComments
    assert "research use only, not for diagnosis; trained on synthetic data" in one.StudyComments
    assert (one.RetrieveAETitle, one.QueryRetrieveLevel, one.SpecificCharacterSet) == ("PACS", "STUDY", "ISO_IR 192")


def test_only_what_was_asked_for_is_answered(open_ward: Maker, make_keys: Maker) -> None:
    ward = open_ward()
    ward.study("1.3", POSITIVE)
    (one,), _ = ward.find(make_keys(StudyInstanceUID=None))
    assert [element.keyword for element in one] == ["QueryRetrieveLevel", "StudyInstanceUID"]


def test_optional_keys_that_are_not_kept_are_told(open_ward: Maker, make_keys: Maker) -> None:
    ward = open_ward()
    ward.study("1.3", POSITIVE)
    association = ward.asking()
    answers = list(association.send_c_find(make_keys(StudyInstanceUID=None, InstitutionName="X"), STUDY_ROOT_FIND))
    association.release()
    assert [one.Status for one, _ in answers] == [Status.PENDING_WITHOUT_OPTIONAL_KEYS, Status.SUCCESS]


def test_series_of_a_study(open_ward: Maker, make_keys: Maker) -> None:
    ward = open_ward()
    fill(ward)
    asked = dict.fromkeys(
        ("SeriesInstanceUID", "Modality", "SeriesNumber", "SeriesDescription", "NumberOfSeriesRelatedInstances")
    )
    found, _ = ward.find(make_keys("SERIES", StudyInstanceUID="1.3", **asked))
    assert [(one.SeriesInstanceUID, one.Modality, one.SeriesNumber) for one in found] == [
        ("1.3.1", "CT", 1), ("1.3.2", "SR", 2),
    ]  # fmt: skip
    assert {one.NumberOfSeriesRelatedInstances for one in found} == {2}
    (ct,), _ = ward.find(make_keys("SERIES", StudyInstanceUID="1.3", **(asked | {"Modality": "CT"})))
    assert ct.SeriesInstanceUID == "1.3.1"
    assert ward.find(make_keys("SERIES", StudyInstanceUID="1.5", **asked))[0] == [], "not flagged, not listed"


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"level": "IMAGE", "SOPInstanceUID": None}, "level IMAGE"),
        ({"level": "", "StudyInstanceUID": None}, "level missing"),
        ({"level": "SERIES", "SeriesInstanceUID": None}, "names one Study Instance UID"),
        ({"level": "STUDY", "StudyTime": "25"}, "StudyTime is no date, time"),
    ],
)
def test_wrong_identifiers_are_refused_in_words(
    open_ward: Maker, make_keys: Maker, keys: dict[str, Any], words: str
) -> None:
    ward = open_ward()
    fill(ward)
    found, last = ward.find(make_keys(**keys))
    assert (found, last.Status) == ([], Status.DATA_SET_MISMATCH)
    assert words in last.ErrorComment


def test_an_identifier_that_is_none_is_answered(open_ward: Maker) -> None:
    from io import BytesIO

    from pynetdicom.dimse_primitives import C_FIND

    ward = open_ward()
    association = ward.asking()
    request = C_FIND()
    request.MessageID, request.Priority, request.AffectedSOPClassUID = 1, 2, STUDY_ROOT_FIND
    request.Identifier = BytesIO(b"\x08\x00\x52\x00CS\xff\xff\xffnonsense")
    association._reactor_checkpoint.clear()
    association.dimse.send_msg(request, association.accepted_contexts[0].context_id)
    _, response = association.dimse.get_msg(block=True)
    association._reactor_checkpoint.set()
    association.release()
    assert response.Status in (Status.CANNOT_UNDERSTAND, Status.DATA_SET_MISMATCH)
    assert response.ErrorComment


def test_the_limit_cuts_the_end_and_says_so(open_ward: Maker, make_keys: Maker) -> None:
    ward = open_ward(query={"limit": 2})
    fill(ward)
    found, last = ward.find(make_keys(StudyInstanceUID=None))
    assert (uids(found), last.Status) == (["1.3", "1.4"], Status.OUT_OF_RESOURCES)
    assert last.ErrorComment == "more than 2 match: narrow the query"
    exact, last = ward.find(make_keys(StudyInstanceUID=None, StudyDate="20240506", PatientName="*e*"))
    assert len(exact) == 2 and last.Status == Status.OUT_OF_RESOURCES


def test_looking_through_too_much_is_refused(
    open_ward: Maker, make_keys: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answer, "MOST_LOOKED_AT", 3)
    ward = open_ward()
    fill(ward)
    found, last = ward.find(make_keys(StudyInstanceUID=None, StudyTime="1100-"))
    assert (found, last.Status) == ([], Status.OUT_OF_RESOURCES)


def test_cancel_is_honoured(open_ward: Maker, make_keys: Maker) -> None:
    ward = open_ward()
    for number in range(300):
        ward.study(f"1.9.{number}", POSITIVE)
    association = ward.asking()
    answers = association.send_c_find(make_keys(StudyInstanceUID=None), STUDY_ROOT_FIND, msg_id=7)
    first, _ = next(answers)
    association.send_c_cancel(7, query_model=STUDY_ROOT_FIND)
    statuses = [first.Status, *(one.Status for one, _ in answers)]
    association.release()
    assert statuses[-1] == Status.CANCELLED
    assert len(statuses) < 300


def test_answers_survive_a_database_that_fails(open_ward: Maker, make_keys: Maker) -> None:
    ward = open_ward()
    with ward.ledger.writing() as db:
        db.exec_driver_sql("DROP TABLE series")
    ward_study = make_keys(StudyInstanceUID=None)
    with ward.ledger.writing() as db:
        db.exec_driver_sql("DROP TABLE studies")
    found, last = ward.find(ward_study)
    assert (found, last.Status) == ([], Status.CANNOT_UNDERSTAND)
    assert "see its log" in last.ErrorComment


NAMED = {"senders": [{"ae_title": "CT1"}], "queriers": [{"ae_title": "READER", "host": "127.0.0.1"}]}
PACS = {"name": "pacs", "ae_title": "PACS", "host": "127.0.0.1", "port": 104}


@pytest.mark.parametrize(
    ("settings", "calling", "accepted"),
    [
        ({}, "ANYBODY", {VERIFICATION, CT_IMAGE, STUDY_ROOT_FIND, UPS_PULL}),
        (NAMED, "CT1", {VERIFICATION, CT_IMAGE}),
        (NAMED, "READER", {VERIFICATION, STUDY_ROOT_FIND, UPS_PULL}),
        (NAMED, "STRANGER", set()),
        (NAMED | {"destinations": [PACS]}, "PACS", {VERIFICATION}),
        ({"senders": [{"ae_title": "CT1"}]}, "CT1", {VERIFICATION, CT_IMAGE}),
        ({"queriers": [{"ae_title": "READER"}]}, "CT1", {VERIFICATION, CT_IMAGE}),
        ({"queriers": [{"ae_title": "READER"}]}, "READER", {VERIFICATION, CT_IMAGE, STUDY_ROOT_FIND, UPS_PULL}),
        (NAMED | {"queriers": [{"ae_title": "READER", "host": "192.0.2.1"}]}, "READER", set()),
        (NAMED | {"queriers": [{"ae_title": "CT1"}]}, "CT1", {VERIFICATION, CT_IMAGE, STUDY_ROOT_FIND, UPS_PULL}),
    ],
)
def test_who_may_store_and_who_may_ask(
    open_ward: Maker, settings: dict[str, Any], calling: str, accepted: set[str]
) -> None:
    ward = open_ward(**settings)
    association = ward.asking(VERIFICATION, CT_IMAGE, STUDY_ROOT_FIND, UPS_PULL, calling=calling)
    assert {str(one.abstract_syntax) for one in association.accepted_contexts} == accepted
    if association.is_established:
        assert association.send_c_echo().Status == Status.SUCCESS
        association.release()


def test_the_log_names_the_list_a_caller_is_missing_from(open_ward: Maker, caplog: pytest.LogCaptureFixture) -> None:
    ward = open_ward(**NAMED)
    ward.asking(VERIFICATION, CT_IMAGE, calling="READER").release()
    ward.asking(VERIFICATION, STUDY_ROOT_FIND, calling="CT1").release()
    assert "READER may not send here: it is not among [[senders]]" in caplog.text
    assert "CT1 may not query here: it is not among [[queriers]]" in caplog.text


def test_nobody_stores_or_asks_under_a_context_of_something_else(open_ward: Maker, make_keys: Maker) -> None:
    """pynetdicom picks the service by the class of the message, whatever context it came under."""
    from io import BytesIO

    from pynetdicom.dimse_primitives import C_FIND, C_STORE

    def send(association: Any, message: Any) -> Any:
        association._reactor_checkpoint.clear()
        association.dimse.send_msg(message, association.accepted_contexts[0].context_id)
        _, response = association.dimse.get_msg(block=True)
        association._reactor_checkpoint.set()
        return response

    ward = open_ward(**NAMED)
    ward.study("1.1", POSITIVE)
    storing = C_STORE()
    storing.MessageID, storing.Priority = 1, 2
    storing.AffectedSOPClassUID, storing.AffectedSOPInstanceUID, storing.DataSet = (
        CT_IMAGE,
        "1.2.3",
        BytesIO(b"\x08\x00\x18\x00\x02\x00\x00\x001."),
    )
    reader = ward.asking(STUDY_ROOT_FIND, calling="READER")
    assert send(reader, storing).Status == Status.DATA_SET_MISMATCH
    reader.release()
    asking = C_FIND()
    asking.MessageID, asking.Priority, asking.AffectedSOPClassUID = 1, 2, STUDY_ROOT_FIND
    from pynetdicom.dsutils import encode

    asking.Identifier = BytesIO(encode(make_keys(StudyInstanceUID=None), True, True) or b"")
    sender = ward.asking(CT_IMAGE, calling="CT1")
    assert send(sender, asking) is None, "aborted, nothing answered"


def test_a_query_that_breaks_off_leaves_the_door_in_order(open_ward: Maker, make_keys: Maker) -> None:
    ward = open_ward()
    for number in range(300):
        ward.study(f"1.9.{number}", POSITIVE)
    association = ward.asking()
    answers = association.send_c_find(make_keys(StudyInstanceUID=None), STUDY_ROOT_FIND)
    next(answers)
    association.abort()
    assert len(ward.find(make_keys(StudyInstanceUID=None))[0]) == 300
