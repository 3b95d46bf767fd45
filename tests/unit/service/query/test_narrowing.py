"""What the ledger is asked for never leaves out what matches."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pydicom.dataset import Dataset

from service.domain.verdict import Priority
from service.errors import BadQuery
from service.ledger.inquiry import Inquiry
from service.query.data_set import data_set, declare_character_set
from service.query.narrow import MOST_UIDS, Policy, inquiry_of
from service.query.study_root import Level, level_of
from service.settings import QuerySettings

NOW = 1_000_000.0
WEEK = 7 * 24 * 3600


def asked(values: dict[str, Any], **settings: Any) -> Inquiry:
    return inquiry_of(data_set(values), Policy(settings=QuerySettings(**settings), now=NOW))


@pytest.mark.parametrize(
    ("values", "changed"),
    [
        ({}, {"since": NOW - WEEK}),
        ({"PatientName": "*", "PatientID": "", "StudyDate": ""}, {"since": NOW - WEEK}),
        ({"ModalitiesInStudy": "CT"}, {"since": NOW - WEEK}),
        ({"StudyTime": "10-12"}, {"since": NOW - WEEK}),
        ({"ScheduledProcedureStepPriority": "HIGH"}, {"since": NOW - WEEK, "priority": Priority.HIGH}),
        ({"ScheduledProcedureStepPriority": ["HIGH", "LOW"]}, {"since": NOW - WEEK}),
        ({"PatientID": "P1"}, {"patient_id": "P1"}),
        ({"PatientID": "P*"}, {}),
        ({"AccessionNumber": "A1"}, {"accession_number": "A1"}),
        ({"StudyInstanceUID": ["1.2", "1.3", "1.2"]}, {"study_uids": ("1.2", "1.3")}),
        ({"PatientName": "do?^j*"}, {"name_like": "%do_^j%%"}),
        ({"PatientName": "100%_"}, {"name_like": "%100\\%\\_%"}),
        ({"PatientName": "Müller"}, {"name_like": "%M%ller%"}),
        ({"StudyDate": "20240101"}, {"first_date": "20240101", "last_date": "20240101"}),
        ({"StudyDate": "20240101-"}, {"first_date": "20240101"}),
        ({"StudyDate": "-20240101"}, {"last_date": "20240101"}),
        ({"ReferencedRequestSequence": [{"AccessionNumber": "A1"}]}, {"accession_number": "A1"}),
        ({"InputInformationSequence": [{"StudyInstanceUID": "1.2"}]}, {"study_uids": ("1.2",)}),
    ],
)
def test_keys_narrow(values: dict[str, Any], changed: dict[str, Any]) -> None:
    assert asked(values) == replace(Inquiry(flagged=True), **changed)


def test_the_site_says_what_is_listed() -> None:
    assert asked({}, studies="all") == Inquiry(since=NOW - WEEK)
    assert asked({}, days=0) == Inquiry(flagged=True)
    assert asked({}, days=1).since == NOW - 24 * 3600


def test_too_many_uids_are_refused() -> None:
    with pytest.raises(BadQuery, match="study UIDs"):
        asked({"StudyInstanceUID": [f"1.{number}" for number in range(MOST_UIDS + 1)]})


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "missing"),
        ({"QueryRetrieveLevel": "PATIENT"}, "PATIENT"),
        ({"QueryRetrieveLevel": "IMAGE"}, "IMAGE"),
        ({"QueryRetrieveLevel": "SERIES"}, "one Study Instance UID"),
        ({"QueryRetrieveLevel": "SERIES", "StudyInstanceUID": ["1.2", "1.3"]}, "one Study Instance UID"),
        ({"QueryRetrieveLevel": "SERIES", "StudyInstanceUID": "*"}, "one Study Instance UID"),
    ],
)
def test_levels_that_are_not_answered(values: dict[str, Any], words: str) -> None:
    with pytest.raises(BadQuery, match=words):
        level_of(data_set(values))


def test_levels_that_are() -> None:
    assert level_of(data_set({"QueryRetrieveLevel": "STUDY "})) is Level.STUDY
    assert level_of(data_set({"QueryRetrieveLevel": "SERIES", "StudyInstanceUID": "1.2"})) is Level.SERIES


@pytest.mark.parametrize(
    ("name", "asked_in", "declared"),
    [
        ("Doe^Jane", "", None),
        ("Doe^Jane", "ISO_IR 100", None),
        ("Müller^Änne", "ISO_IR 100", "ISO_IR 100"),
        ("Müller^Änne", "", "ISO_IR 192"),
        ("山田^太郎", "ISO_IR 100", "ISO_IR 192"),
    ],
)
def test_the_character_set_holds_what_is_said(name: str, asked_in: str, declared: str | None) -> None:
    answer: Dataset = data_set({"PatientName": name})
    declare_character_set(answer, asked_in)
    assert answer.get("SpecificCharacterSet") == declared
