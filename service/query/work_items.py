"""Flagged studies as work items of the Unified Procedure Step (PS3.4 CC, PS3.3 C.30): to be read, that is all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from pydicom.dataset import Dataset

from service.dicom.uids import UPS_PUSH, start_of_digest, uid_of_digest
from service.ledger.book import Ledger
from service.ledger.inquiry import (
    AskedStudy,
    Inquiry,
    References,
    references_of,
    studies_in_order,
    studies_published_as,
)
from service.query.data_set import code, data_set, moment
from service.query.matching import EVERYTHING, matches, texts
from service.query.words import comment_of, label_of

#: PS3.16 CID 9231
INTERPRETATION = code("110005", "DCM", "Interpretation")
#: the node knows of nobody who took or did the work
SCHEDULED = "SCHEDULED"
READY = "READY"
#: attributes that work items have and the node has nothing to say about
EMPTY = (
    *("ScheduledStationNameCodeSequence", "ScheduledStationClassCodeSequence", "ScheduledHumanPerformersSequence"),
    *("ScheduledStationGeographicLocationCodeSequence", "ScheduledProcessingParametersSequence"),
    *("UnifiedProcedureStepPerformedProcedureSequence", "ProcedureStepProgressInformationSequence"),
    *("IssuerOfPatientID", "AdmissionID", "AdmittingDiagnosesDescription", "ExpectedCompletionDateTime"),
)


@dataclass(frozen=True, kw_only=True)
class Labels:
    """What the site calls its list, and the archive that has the images."""

    worklist: str
    retrieve_ae_title: str


def uid_of(asked: AskedStudy) -> str:
    """Return the work item's UID: the same for the same study and result set, another once the answer changed."""
    return uid_of_digest(bytes.fromhex(asked.fingerprint))


def candidates(ledger: Ledger, keys: Dataset, inquiry: Inquiry, labels: Labels) -> Iterator[Dataset]:
    """Give the work items that may match, most urgent first; none when the keys ask for what no item ever is."""
    if not matches(keys, data_set(_same_in_all(labels))):
        return
    uids = [one for one in (texts(keys["SOPInstanceUID"]) if "SOPInstanceUID" in keys else []) if one not in EVERYTHING]
    narrowed = _about(ledger, uids, inquiry) if uids else replace(inquiry, published=True)
    if narrowed is None:
        return
    wants_input = "InputInformationSequence" in keys
    for asked in studies_in_order(ledger, narrowed):
        yield item_data(asked, labels, references_of(ledger, asked) if wants_input else [])


def find_item(ledger: Ledger, uid: str, inquiry: Inquiry, labels: Labels) -> Dataset | None:
    """Return one work item whole, None when there is none of this UID (any more)."""
    narrowed = _about(ledger, [uid], inquiry)
    found = studies_in_order(ledger, narrowed) if narrowed else iter(())
    whole = (item_data(one, labels, references_of(ledger, one)) for one in found if uid_of(one) == uid)
    return next(whole, None)


def _about(ledger: Ledger, uids: list[str], inquiry: Inquiry) -> Inquiry | None:
    """Narrow an inquiry to the studies behind work items, None when there are none."""
    found = {study for uid in uids for study in _studies_behind(ledger, uid)}
    if inquiry.study_uids:
        found &= set(inquiry.study_uids)
    return replace(inquiry, published=True, since=0.0, study_uids=tuple(sorted(found))) if found else None


def _studies_behind(ledger: Ledger, uid: str) -> list[str]:
    start = start_of_digest(uid)
    named = studies_published_as(ledger, start) if start else {}
    return [study for digest, study in named.items() if uid_of_digest(bytes.fromhex(digest)) == uid]


def item_data(asked: AskedStudy, labels: Labels, references: list[References]) -> Dataset:
    """Return a whole work item; without references its input is left empty."""
    study, patient = asked.study, asked.study.patient
    request = {
        "StudyInstanceUID": study.study_uid,
        "AccessionNumber": study.accession_number,
        "RequestedProcedureDescription": study.header.get("description", ""),
    }
    own: dict[str, Any] = {
        "SOPInstanceUID": uid_of(asked),
        "StudyInstanceUID": study.study_uid,
        "PatientName": patient.get("name", ""),
        "PatientID": patient.get("patient_id", ""),
        "PatientBirthDate": patient.get("birth_date", ""),
        "PatientSex": patient.get("sex", ""),
        "ScheduledProcedureStepPriority": study.priority.value,
        "ProcedureStepLabel": label_of(study),
        "CommentsOnTheScheduledProcedureStep": comment_of(study),
        "ScheduledProcedureStepStartDateTime": moment(study.concluded_at),
        "ScheduledProcedureStepModificationDateTime": moment(study.concluded_at),
        "ReferencedRequestSequence": [request],
        "InputInformationSequence": [_input(study.study_uid, one, labels) for one in references],
    }
    return data_set(_same_in_all(labels) | own)


def _same_in_all(labels: Labels) -> dict[str, Any]:
    empty: dict[str, Any] = {keyword: [] if keyword.endswith("Sequence") else "" for keyword in EMPTY}
    return empty | {
        "SOPClassUID": UPS_PUSH,
        "ProcedureStepState": SCHEDULED,
        "InputReadinessState": READY,
        "WorklistLabel": labels.worklist,
        "ScheduledWorkitemCodeSequence": [INTERPRETATION],
    }


def _input(study_uid: str, one: References, labels: Labels) -> dict[str, Any]:
    """Return an item of PS3.3 Table 10-3b: the objects of one series, and where to get them."""
    objects = [{"ReferencedSOPClassUID": kind, "ReferencedSOPInstanceUID": uid} for kind, uid in one.objects]
    item: dict[str, Any] = {
        "TypeOfInstances": "DICOM",
        "StudyInstanceUID": study_uid,
        "SeriesInstanceUID": one.series_uid,
        "ReferencedSOPSequence": objects,
    }
    if labels.retrieve_ae_title:
        item["DICOMRetrievalSequence"] = [{"RetrieveAETitle": labels.retrieve_ae_title}]
    return item
