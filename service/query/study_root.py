"""Studies and series as Study Root C-FIND answers them (PS3.4 C.6.2.1)."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from pydicom.dataset import Dataset

from service.dicom.uids import is_valid_uid
from service.errors import BadQuery
from service.ledger.book import Ledger
from service.ledger.inquiry import AskedSeries, AskedStudy, Inquiry, series_of, studies_in_order
from service.query.data_set import data_set
from service.query.matching import EVERYTHING, texts
from service.query.words import comment_of


class Level(StrEnum):
    """The levels that are answered."""

    STUDY = "STUDY"
    SERIES = "SERIES"


def level_of(keys: Dataset) -> Level:
    """Return the level of a query; BadQuery when it is missing, unknown, or a series query names no study."""
    said = str(keys.get("QueryRetrieveLevel", "") or "").strip()
    try:
        level = Level(said)
    except ValueError:
        wanted = " or ".join(Level)
        raise BadQuery(f"level {said or 'missing'}: {wanted} is answered here") from None
    if level is Level.SERIES and not _names_one_study(keys):
        raise BadQuery("a SERIES query names one Study Instance UID")
    return level


def _names_one_study(keys: Dataset) -> bool:
    named = texts(keys["StudyInstanceUID"]) if "StudyInstanceUID" in keys else []
    return len(named) == 1 and named[0] not in EVERYTHING and is_valid_uid(named[0])


def candidates(ledger: Ledger, level: Level, inquiry: Inquiry, retrieve_ae_title: str) -> Iterator[Dataset]:
    """Give what may match, most urgent study first."""
    for asked in studies_in_order(ledger, inquiry):
        if level is Level.STUDY:
            yield study_data(asked, retrieve_ae_title)
            continue
        for one in series_of(ledger, asked.study.study_uid):
            yield series_data(asked, one, retrieve_ae_title)


def study_data(asked: AskedStudy, retrieve_ae_title: str) -> Dataset:
    """Return everything that can be asked about a study; nothing of what the scanner said is changed."""
    study, header, patient = asked.study, asked.study.header, asked.study.patient
    return data_set(
        {
            "StudyInstanceUID": study.study_uid,
            "StudyDate": header.get("study_date", ""),
            "StudyTime": header.get("study_time", ""),
            "StudyID": header.get("study_id", ""),
            "StudyDescription": header.get("description", ""),
            "AccessionNumber": study.accession_number,
            "ReferringPhysicianName": header.get("referring_physician", ""),
            "PatientName": patient.get("name", ""),
            "PatientID": patient.get("patient_id", ""),
            "PatientBirthDate": patient.get("birth_date", ""),
            "PatientSex": patient.get("sex", ""),
            "ModalitiesInStudy": list(asked.modalities),
            "NumberOfStudyRelatedSeries": asked.series,
            "NumberOfStudyRelatedInstances": asked.objects,
            "RetrieveAETitle": retrieve_ae_title,
            "ScheduledProcedureStepPriority": study.priority.value,
            "StudyComments": comment_of(study),
        }
    )


def series_data(asked: AskedStudy, one: AskedSeries, retrieve_ae_title: str) -> Dataset:
    """Return everything that can be asked about a received series, with its study."""
    return data_set(
        {
            "StudyInstanceUID": asked.study.study_uid,
            "PatientName": asked.study.patient.get("name", ""),
            "PatientID": asked.study.patient.get("patient_id", ""),
            "AccessionNumber": asked.study.accession_number,
            "SeriesInstanceUID": one.series_uid,
            "SeriesNumber": one.number,
            "SeriesDescription": one.description,
            "Modality": one.modality,
            "NumberOfSeriesRelatedInstances": one.objects,
            "RetrieveAETitle": retrieve_ae_title,
        }
    )
