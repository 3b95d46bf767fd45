"""The UPS of a flagged study: attributes of PS3.4 Table CC.2.5-3 (N-CREATE) as DICOM JSON (PS3.18 F.2). Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.sr.codedict import codes

from service.dicom.uids import UPS_PUSH, derived_uid
from service.domain.scan import Patient
from service.notify.letter import Letter
from service.notify.words import HEADLINES, NOTICE, dicom_moment, rounded
from service.targets import UpsTarget

#: (SOP Class UID, SOP Instance UID)
Instance = tuple[str, str]
EMPTY_SEQUENCES = (
    "AdmittingDiagnosesCodeSequence", "IssuerOfAdmissionIDSequence", "OtherPatientIDsSequence",
    "ProcedureStepProgressInformationSequence", "ScheduledProcessingParametersSequence",
    "ScheduledStationClassCodeSequence", "ScheduledStationGeographicLocationCodeSequence",
    "ScheduledStationNameCodeSequence", "UnifiedProcedureStepPerformedProcedureSequence",
)  # fmt: skip
EMPTY_VALUES = ("AdmissionID", "AdmittingDiagnosesDescription", "TransactionUID")
EMPTY_IN_REQUEST = ("RequestedProcedureDescription", "RequestedProcedureID")
EMPTY_SEQUENCES_IN_REQUEST = (
    "IssuerOfAccessionNumberSequence", "OrderFillerIdentifierSequence", "OrderPlacerIdentifierSequence",
    "RequestedProcedureCodeSequence",
)  # fmt: skip
#: SH and LO hold 16 and 64 characters (PS3.5 6.2)
LONGEST_SH, LONGEST_LO, LONGEST_LT = 16, 64, 10240


def workitem_uid(key: str) -> str:
    """Return the workitem's UID, the same for each try."""
    return derived_uid("workitem", key)


def workitem(letter: Letter, target: UpsTarget, instances: Sequence[Instance]) -> dict[str, Any]:
    """Write the workitem; what a patient's data would fill is empty where the site holds it back."""
    data = Dataset()
    data.SpecificCharacterSet = "ISO_IR 192"
    for name in EMPTY_VALUES:
        setattr(data, name, "")
    for name in EMPTY_SEQUENCES:
        setattr(data, name, Items())
    _schedule(data, letter, target)
    _identify(data, letter.patient or Patient())
    data.StudyInstanceUID = letter.study_uid
    data.ReferencedRequestSequence = Items([_request(letter)])
    data.InputInformationSequence = Items([_input(letter, target, instances)] if instances else [])
    replaced = [_reference(UPS_PUSH, workitem_uid(one.key)) for one in letter.earlier if one.verdict.value in target.on]
    if replaced:
        data.ReplacedProcedureStepSequence = Items(replaced)
    return _model(data.to_json_dict())


def _schedule(data: Dataset, letter: Letter, target: UpsTarget) -> None:
    news = letter.news
    data.ProcedureStepState = "SCHEDULED"
    data.ScheduledProcedureStepPriority = news.priority.value
    data.ProcedureStepLabel = f"{HEADLINES[news.verdict]} (research use only)"[:LONGEST_LO]
    data.WorklistLabel = target.worklist_label
    data.ScheduledProcedureStepStartDateTime = dicom_moment(news.concluded_at)
    data.InputReadinessState = "READY"
    data.ScheduledWorkitemCodeSequence = Items([_code()])
    chance = "" if news.probability is None else f", probability {rounded(news.probability)}"
    link = f" {letter.link}" if letter.link else ""
    said = f"{HEADLINES[news.verdict]}{chance}: {news.why}.{link} ({NOTICE})"
    data.CommentsOnTheScheduledProcedureStep = said[:LONGEST_LT]


def _code() -> Dataset:
    """Interpretation, of CID 9231."""
    code = codes.cid9231.Interpretation
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code.value, code.scheme_designator, code.meaning
    return item


def _identify(data: Dataset, patient: Patient) -> None:
    data.PatientName, data.PatientID = patient.name, patient.patient_id
    data.PatientBirthDate, data.PatientSex = patient.birth_date, patient.sex


def _request(letter: Letter) -> Dataset:
    item = Dataset()
    item.StudyInstanceUID = letter.study_uid
    item.AccessionNumber = letter.accession_number[:LONGEST_SH]
    for name in EMPTY_IN_REQUEST:
        setattr(item, name, "")
    for name in EMPTY_SEQUENCES_IN_REQUEST:
        setattr(item, name, Items())
    return item


def _input(letter: Letter, target: UpsTarget, instances: Sequence[Instance]) -> Dataset:
    """Name the leading series' images and where they can be fetched."""
    where = Dataset()
    where.RetrieveAETitle = target.retrieve_ae_title
    item = Dataset()
    item.TypeOfInstances = "DICOM"
    item.StudyInstanceUID, item.SeriesInstanceUID = letter.study_uid, letter.news.leading_series
    item.ReferencedSOPSequence = Items([_reference(*one) for one in instances])
    item.DICOMRetrievalSequence = Items([where])
    return item


def _reference(sop_class: str, sop_uid: str) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class, sop_uid
    return item


def cancellation() -> dict[str, Any]:
    """Say why a workitem is to be cancelled (PS3.4 Table CC.2.2-1)."""
    data = Dataset()
    data.SpecificCharacterSet = "ISO_IR 192"
    data.ReasonForCancellation = "the answer changed after more of the study was read"
    return _model(data.to_json_dict())


def _model(item: dict[str, Any]) -> dict[str, Any]:
    """Order the attributes by tag and leave empty values out, as PS3.18 F.2.2 and F.2.5 ask; pydicom does neither."""
    return {tag: _attribute(item[tag]) for tag in sorted(item)}


def _attribute(one: dict[str, Any]) -> dict[str, Any]:
    if not one.get("Value"):
        return {name: value for name, value in one.items() if name != "Value"}
    return one | {"Value": [_model(inner) for inner in one["Value"]]} if one["vr"] == "SQ" else one
