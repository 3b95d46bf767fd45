"""Flagged studies as UPS work items, asked for by pynetdicom as client; nothing can be changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydicom.dataset import Dataset

from service.dicom.statuses import Status
from service.dicom.uids import CT_IMAGE, UPS_PULL, UPS_PUSH, UPS_QUERY
from service.domain.verdict import Verdict

HOUR = 3600.0
Maker = Callable[..., Any]
PACS = {"name": "pacs", "ae_title": "PACS", "host": "10.0.0.9", "port": 104}


def item_keys(**values: Any) -> Dataset:
    made = Dataset()
    for keyword, value in ({"SOPInstanceUID": "", "StudyInstanceUID": ""} | values).items():
        setattr(made, keyword, value)
    return made


def nested(keyword: str, **values: Any) -> dict[str, Any]:
    item = Dataset()
    for name, value in values.items():
        setattr(item, name, value)
    return {keyword: [item]}


@pytest.fixture
def ward(open_ward: Maker) -> Any:
    ward = open_ward(destinations=[PACS])
    ward.study("1.1", Verdict.POSITIVE, 5 * HOUR, name="Old^Anna")
    ward.study("1.2", Verdict.POSITIVE, 1 * HOUR, name="New^Bert")
    ward.study("1.3", Verdict.POSITIVE, 6 * HOUR, state="delivering", name="Müller^Änne")
    ward.study("1.5", Verdict.NEGATIVE, 1 * HOUR)
    ward.study("1.6", Verdict.NOT_ANALYSED, 1 * HOUR, state="not_analysed")
    return ward


def listed(ward: Any, keys: Dataset, sop_class: str = UPS_PULL) -> list[str]:
    found, last = ward.find(keys, sop_class)
    assert last.Status == Status.SUCCESS
    return [str(one.StudyInstanceUID) for one in found]


@pytest.mark.parametrize("sop_class", [UPS_PULL, UPS_QUERY])
def test_flagged_studies_as_work_items_in_order(ward: Any, sop_class: str) -> None:
    assert listed(ward, item_keys(), sop_class) == ["1.3", "1.2", "1.1"]


@pytest.mark.parametrize(
    ("values", "studies"),
    [
        ({"ProcedureStepState": "SCHEDULED"}, ["1.3", "1.2", "1.1"]),
        ({"ProcedureStepState": "IN PROGRESS"}, []),
        ({"ScheduledProcedureStepPriority": "HIGH"}, ["1.3", "1.2", "1.1"]),
        ({"ScheduledProcedureStepPriority": "LOW"}, []),
        ({"WorklistLabel": "Ichor"}, ["1.3", "1.2", "1.1"]),
        ({"WorklistLabel": "Other*"}, []),
        ({"PatientName": "müller*", "SpecificCharacterSet": "ISO_IR 192"}, ["1.3"]),
        ({"PatientID": "P2"}, ["1.2"]),
        ({"StudyInstanceUID": "1.1"}, ["1.1"]),
        (nested("ReferencedRequestSequence", AccessionNumber="A1"), ["1.1"]),
        (nested("ReferencedRequestSequence", AccessionNumber="A5"), []),
        (nested("InputInformationSequence", StudyInstanceUID="1.3"), ["1.3"]),
        (
            nested("ScheduledWorkitemCodeSequence", CodeValue="110005", CodingSchemeDesignator="DCM"),
            ["1.3", "1.2", "1.1"],
        ),
        (nested("ScheduledWorkitemCodeSequence", CodeValue="110001"), []),
        (nested("ScheduledStationNameCodeSequence", CodeValue=""), ["1.3", "1.2", "1.1"]),
        ({"ScheduledProcedureStepStartDateTime": "-2020"}, []),
    ],
)
def test_matching(ward: Any, values: dict[str, Any], studies: list[str]) -> None:
    assert listed(ward, item_keys(**values)) == studies


def test_a_work_item_says_what_is_to_be_read(ward: Any) -> None:
    asked = item_keys(
        StudyInstanceUID="1.3", ScheduledProcedureStepPriority="", ProcedureStepState="", WorklistLabel="",
        ProcedureStepLabel="", ScheduledWorkitemCodeSequence=[], InputInformationSequence=[], PatientName="",
        ReferencedRequestSequence=[], InputReadinessState="", CommentsOnTheScheduledProcedureStep="",
    )  # fmt: skip
    (one,), _ = ward.find(asked, UPS_PULL)
    assert (one.SOPClassUID, one.ScheduledProcedureStepPriority, one.ProcedureStepState) == (
        UPS_PUSH,
        "HIGH",
        "SCHEDULED",
    )
    assert (one.WorklistLabel, one.InputReadinessState) == ("Ichor", "READY")
    assert one.ProcedureStepLabel == "Ichor: suspected haemorrhage (research use only)"
    assert "not for diagnosis; trained on synthetic data" in one.CommentsOnTheScheduledProcedureStep
    assert one.ScheduledWorkitemCodeSequence[0].CodeMeaning == "Interpretation"
    assert one.ReferencedRequestSequence[0].AccessionNumber == "A3"
    ct, report = one.InputInformationSequence
    assert (ct.TypeOfInstances, ct.StudyInstanceUID, ct.SeriesInstanceUID) == ("DICOM", "1.3", "1.3.1")
    assert [
        (ref.ReferencedSOPClassUID, ref.ReferencedSOPInstanceUID) for ref in ct.ReferencedSOPSequence
    ] == [(CT_IMAGE, "1.3.1.1"), (CT_IMAGE, "1.3.1.2")]  # fmt: skip
    assert ct.DICOMRetrievalSequence[0].RetrieveAETitle == "PACS"
    assert report.SeriesInstanceUID == "1.3.9"


def uid_of(ward: Any, study: str) -> str:
    (one,), _ = ward.find(item_keys(StudyInstanceUID=study), UPS_PULL)
    return str(one.SOPInstanceUID)


def get(ward: Any, uid: str, tags: list[int] | None = None) -> tuple[Dataset, Dataset | None]:
    association = ward.asking()
    answer = association.send_n_get(tags or [], UPS_PUSH, uid, meta_uid=UPS_PULL)
    association.release()
    status, item = answer
    return status, item


def test_the_uid_stays_with_the_answer_and_changes_with_it(ward: Any) -> None:
    before = uid_of(ward, "1.3")
    assert uid_of(ward, "1.3") == before != uid_of(ward, "1.2")
    assert get(ward, before)[0].Status == Status.SUCCESS
    ward.publish("1.3", "another answer")
    after = uid_of(ward, "1.3")
    assert after != before
    assert get(ward, before)[0].Status == Status.NO_SUCH_WORK_ITEM, "a superseded item is gone"
    assert listed(ward, item_keys(SOPInstanceUID=after)) == ["1.3"]
    assert listed(ward, item_keys(SOPInstanceUID=before)) == []


def test_one_work_item_whole_or_in_part(ward: Any) -> None:
    uid = uid_of(ward, "1.3")
    status, item = get(ward, uid)
    assert status.Status == Status.SUCCESS and item is not None
    assert (item.PatientName, item.StudyInstanceUID, len(item.InputInformationSequence)) == ("Müller^Änne", "1.3", 2)
    status, item = get(ward, uid, [0x00741200])
    assert status.Status == Status.SUCCESS and item is not None
    assert [one.keyword for one in item] == ["ScheduledProcedureStepPriority"]


@pytest.mark.parametrize("uid", ["1.2.3", "2.25.0", "2.25.99999999999999999999999999999999999999"])
def test_a_uid_that_is_no_work_item_is_told(ward: Any, uid: str) -> None:
    status, item = get(ward, uid)
    assert (status.Status, item) == (Status.NO_SUCH_WORK_ITEM, None)
    assert status.ErrorComment


def test_nothing_is_claimed_or_changed(ward: Any) -> None:
    uid = uid_of(ward, "1.3")
    claim = Dataset()
    claim.TransactionUID, claim.ProcedureStepState = "2.25.7", "IN PROGRESS"
    association = ward.asking()
    status, _ = association.send_n_action(claim, 1, UPS_PUSH, uid, meta_uid=UPS_PULL)
    assert status.Status == Status.NOT_AUTHORIZED and "read only" in status.ErrorComment
    change = Dataset()
    change.ProcedureStepLabel = "mine"
    status, _ = association.send_n_set(change, UPS_PUSH, uid, meta_uid=UPS_PULL)
    assert status.Status == Status.NOT_AUTHORIZED and "read only" in status.ErrorComment
    association.release()
    assert listed(ward, item_keys(ProcedureStepState="SCHEDULED")) == ["1.3", "1.2", "1.1"]
