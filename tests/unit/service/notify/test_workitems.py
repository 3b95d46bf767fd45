"""The workitem against PS3.4 Table CC.2.5-3 and PS3.18 F.2."""

from __future__ import annotations

import json

import pytest
from letters import PATIENT, letter, told
from pydicom.dataset import Dataset
from pydicom.uid import UID
from ups_rules import faults

from service.domain.verdict import Verdict
from service.notify.letter import Letter
from service.notify.words import NOTICE
from service.notify.workitem import cancellation, workitem, workitem_uid
from service.targets import UpsTarget

TARGET = UpsTarget(name="list", url="https://pacs.test/rs", retrieve_ae_title="PACS", worklist_label="Stroke")
INSTANCES = [("1.2.840.10008.5.1.4.1.1.2", f"2.25.77.2.{at}") for at in range(1, 4)]


def body(one: Letter) -> bytes:
    return json.dumps([workitem(one, TARGET, INSTANCES if one.news.leading_series else [])]).encode()


@pytest.mark.parametrize("verdict", list(Verdict))
@pytest.mark.parametrize("patient", [None, PATIENT])
def test_every_required_attribute_is_there(verdict: Verdict, patient) -> None:
    assert faults(body(letter(verdict, patient=patient, accession_number="A" * 20))) == []


def test_the_judge_finds_faults() -> None:
    item = json.loads(body(letter()))[0]
    del item["00741204"], item["00081195"]
    item["00080018"] = {"vr": "UI", "Value": []}
    found = faults(json.dumps([item]).encode())
    assert found == [
        "the attributes are not in the order of their tags",
        "00080018 has an empty Value",
        "ProcedureStepLabel has no value",
        "TransactionUID is missing",
        "SOPInstanceUID is not allowed",
    ]
    assert faults(b"{}") == ["not an array of one data set"]


def test_a_flagged_study_is_a_high_interpretation_step_with_its_images() -> None:
    data = Dataset.from_json(json.loads(body(letter()))[0])
    assert (data.ScheduledProcedureStepPriority, data.WorklistLabel) == ("HIGH", "Stroke")
    (code,) = data.ScheduledWorkitemCodeSequence
    assert (code.CodeValue, code.CodingSchemeDesignator) == ("110005", "DCM")
    (images,) = data.InputInformationSequence
    assert [one.ReferencedSOPInstanceUID for one in images.ReferencedSOPSequence] == [uid for _, uid in INSTANCES]
    assert images.DICOMRetrievalSequence[0].RetrieveAETitle == "PACS"
    assert NOTICE in data.CommentsOnTheScheduledProcedureStep
    assert "research use only" in data.ProcedureStepLabel
    assert "ReplacedProcedureStepSequence" not in data


def test_a_correction_says_which_steps_it_replaces() -> None:
    earlier = (told(letter_="a"), told(Verdict.NEGATIVE, "b"))
    data = Dataset.from_json(json.loads(body(letter(earlier=earlier)))[0])
    (replaced,) = data.ReplacedProcedureStepSequence
    assert replaced.ReferencedSOPInstanceUID == workitem_uid("a" * 64), "no step was made for the negative answer"


def test_the_uid_is_the_same_for_each_try() -> None:
    assert workitem_uid("a" * 64) == workitem_uid("a" * 64) != workitem_uid("b" * 64)
    assert UID(workitem_uid("a" * 64)).is_valid


def test_the_cancellation_says_why() -> None:
    assert "answer changed" in Dataset.from_json(cancellation()).ReasonForCancellation
