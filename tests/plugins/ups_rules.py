"""What a UPS-RS server would check: PS3.4 Table CC.2.5-3 for N-CREATE and the DICOM JSON model of PS3.18 F.2."""

from __future__ import annotations

import json
from typing import Any

from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.uid import UID

#: must be there with a value
ONE = (
    "ScheduledProcedureStepPriority", "ProcedureStepLabel", "ScheduledProcedureStepStartDateTime",
    "InputReadinessState", "ProcedureStepState",
)  # fmt: skip
#: must be there, may be empty
TWO = (
    "WorklistLabel", "ScheduledProcessingParametersSequence", "ScheduledStationNameCodeSequence",
    "ScheduledStationClassCodeSequence", "ScheduledStationGeographicLocationCodeSequence",
    "ScheduledWorkitemCodeSequence", "CommentsOnTheScheduledProcedureStep", "InputInformationSequence", "PatientName",
    "PatientID", "OtherPatientIDsSequence", "PatientBirthDate", "PatientSex", "AdmissionID",
    "IssuerOfAdmissionIDSequence", "AdmittingDiagnosesDescription", "AdmittingDiagnosesCodeSequence",
    "ReferencedRequestSequence",
)  # fmt: skip
#: must be there and empty
EMPTY = ("TransactionUID", "ProcedureStepProgressInformationSequence", "UnifiedProcedureStepPerformedProcedureSequence")
#: may not be there: they stand in the request itself, or come later
FORBIDDEN = ("SOPClassUID", "SOPInstanceUID", "AffectedSOPInstanceUID", "ProcedureStepCancellationDateTime")
REQUEST_ONE = ("StudyInstanceUID",)
REQUEST_TWO = (
    "AccessionNumber", "IssuerOfAccessionNumberSequence", "OrderPlacerIdentifierSequence",
    "OrderFillerIdentifierSequence", "RequestedProcedureID", "RequestedProcedureDescription",
    "RequestedProcedureCodeSequence",
)  # fmt: skip
INPUT_ONE = ("TypeOfInstances", "StudyInstanceUID", "SeriesInstanceUID", "ReferencedSOPSequence")
RETRIEVALS = (
    "DICOMRetrievalSequence", "DICOMMediaRetrievalSequence", "WADORetrievalSequence", "WADORSRetrievalSequence",
    "XDSRetrievalSequence",
)  # fmt: skip
VALUES = {
    "ScheduledProcedureStepPriority": {"HIGH", "MEDIUM", "LOW"},
    "InputReadinessState": {"INCOMPLETE", "UNAVAILABLE", "READY"},
    "ProcedureStepState": {"SCHEDULED"},
}


def faults(body: bytes) -> list[str]:
    """Name what is wrong with the body of a create request; nothing when it is right."""
    payload = json.loads(body)
    if not isinstance(payload, list) or len(payload) != 1:
        return ["not an array of one data set"]
    return [*_model(payload[0]), *_rules(Dataset.from_json(payload[0]))]


def _model(item: dict[str, Any]) -> list[str]:
    """Check the JSON model: tags in order, VRs, and no empty Value (PS3.18 F.2.2, F.2.5)."""
    found = [] if list(item) == sorted(item) else ["the attributes are not in the order of their tags"]
    for tag, one in item.items():
        if not (len(tag) == 8 and tag.upper() == tag):
            found.append(f"{tag} is no tag")
        elif one["vr"] != dictionary_VR(tag):
            found.append(f"{tag} has VR {one['vr']}")
        elif one.get("Value") == []:
            found.append(f"{tag} has an empty Value")
        elif one["vr"] == "SQ":
            found += [fault for inner in one.get("Value", []) for fault in _model(inner)]
    return found


def _rules(data: Dataset) -> list[str]:
    found = [f"{name} has no value" for name in ONE if not data.get(name)]
    found += [f"{name} is missing" for name in (*TWO, *EMPTY) if name not in data]
    found += [f"{name} is not empty" for name in EMPTY if data.get(name)]
    found += [f"{name} is not allowed" for name in FORBIDDEN if tag_for_keyword(name) in data]
    found += [f"{name} is {data.get(name)}" for name, allowed in VALUES.items() if data.get(name) not in allowed]
    found += [fault for item in data.get("ReferencedRequestSequence") or () for fault in _request(item)]
    found += [fault for item in data.get("InputInformationSequence") or () for fault in _input(item)]
    return found + [fault for item in data.get("ReplacedProcedureStepSequence") or () for fault in _reference(item)]


def _request(item: Dataset) -> list[str]:
    found = [f"request: {name} has no value" for name in REQUEST_ONE if not item.get(name)]
    return found + [f"request: {name} is missing" for name in REQUEST_TWO if name not in item]


def _input(item: Dataset) -> list[str]:
    found = [f"input: {name} has no value" for name in INPUT_ONE if not item.get(name)]
    if not any(item.get(name) for name in RETRIEVALS):
        found.append("input: nothing says where to fetch it")
    found += ["input: no Retrieve AE Title" for one in item.get(RETRIEVALS[0]) or () if not one.get("RetrieveAETitle")]
    return found + [fault for one in item.get("ReferencedSOPSequence") or () for fault in _reference(one)]


def _reference(item: Dataset) -> list[str]:
    uids = (item.get("ReferencedSOPClassUID"), item.get("ReferencedSOPInstanceUID"))
    return [f"{uid!r} is no UID" for uid in uids if not uid or not UID(str(uid)).is_valid]
