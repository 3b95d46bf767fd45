"""The matching rules of PS3.4 C.2.2.2 as tables."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis.strategies import text
from pydicom.dataset import Dataset

from service.errors import BadQuery
from service.query.data_set import data_set
from service.query.matching import asks_for_unknown, check, matches, selected
from service.query.spans import DAY, HOUR, MINUTE, span_of


def met(keyword: str, wanted: object, found: object) -> bool:
    return matches(data_set({keyword: wanted}), data_set({keyword: found}))


@pytest.mark.parametrize(
    ("wanted", "found", "met_"),
    [
        ("", "Doe^Jane", True),
        ("*", "Doe^Jane", True),
        ("*", "", True),
        ("Doe^Jane", "Doe^Jane", True),
        ("DOE^JANE", "Doe^Jane", True),
        ("doe*", "Doe^Jane", True),
        ("*jane", "Doe^Jane", True),
        ("*JAN*", "Doe^Jane", True),
        ("d?e^jane", "Doe^Jane", True),
        ("d?e", "Doe^Jane", False),
        ("Doe", "Doe^Jane", False),
        ("Doe^Jane^^^", "Doe^Jane", True),
        ("Doe^Jane", "Doe^Jane^", True),
        ("Do[e]*", "Doe^Jane", False),
        ("Do.*", "Doe^Jane", False),
        ("müller*", "MÜLLER^Änne", True),
        ("yamada*", "Yamada^Tarou=山田^太郎=やまだ^たろう", True),
        ("山田*", "Yamada^Tarou=山田^太郎=やまだ^たろう", True),
        ("太郎*", "Yamada^Tarou=山田^太郎=やまだ^たろう", False),
        ("Doe*", "", False),
    ],
)
def test_names(wanted: str, found: str, met_: bool) -> None:
    assert met("PatientName", wanted, found) is met_


@pytest.mark.parametrize(
    ("keyword", "wanted", "found", "met_"),
    [
        ("PatientID", "P1", "P1", True),
        ("PatientID", "P1 ", "P1", True),
        ("PatientID", "p1", "P1", False),
        ("PatientID", "P*", "P17", True),
        ("PatientID", "P?", "P17", False),
        ("AccessionNumber", "A.1", "AX1", False),
        ("StudyInstanceUID", "1.2.3", "1.2.3", True),
        ("StudyInstanceUID", ["1.2.3", "1.2.4"], "1.2.4", True),
        ("StudyInstanceUID", ["1.2.3", "1.2.4"], "1.2.5", False),
        ("StudyInstanceUID", "1.2.*", "1.2.3", False),
        ("ModalitiesInStudy", "CT", ["CT", "SR"], True),
        ("ModalitiesInStudy", "C*", ["SR", "CT"], True),
        ("ModalitiesInStudy", ["MR", "CT"], ["CT"], True),
        ("ModalitiesInStudy", "MR", ["CT", "SR"], False),
        ("ModalitiesInStudy", "MR", [], False),
        ("NumberOfStudyRelatedSeries", "2", 2, True),
    ],
)
def test_codes_numbers_and_lists(keyword: str, wanted: object, found: object, met_: bool) -> None:
    assert met(keyword, wanted, found) is met_


@pytest.mark.parametrize(
    ("keyword", "wanted", "found", "met_"),
    [
        ("StudyDate", "20240229", "20240229", True),
        ("StudyDate", "20240229", "20240301", False),
        ("StudyDate", "20240101-20240131", "20240131", True),
        ("StudyDate", "20240101-20240131", "20240201", False),
        ("StudyDate", "-20240131", "19991231", True),
        ("StudyDate", "20240131-", "20240130", False),
        ("StudyDate", "20240131-", "", False),
        ("StudyDate", "20240131-", "2024", False),
        ("StudyTime", "1030", "103059.999", True),
        ("StudyTime", "1030", "103100", False),
        ("StudyTime", "103015", "103015.5", True),
        ("StudyTime", "103015.5", "103015.500000", True),
        ("StudyTime", "10-12", "125959", True),
        ("StudyTime", "10-12", "13", False),
        ("StudyTime", "-0930", "093059", True),
        ("StudyTime", "10:30:00-", "1030", True),
        ("ScheduledProcedureStepStartDateTime", "20240101", "20240101235959.5+0000", True),
        ("ScheduledProcedureStepStartDateTime", "20240101-20240102", "20240102120000+0000", True),
        ("ScheduledProcedureStepStartDateTime", "20240101120000-0500", "20240101170000+0000", True),
        ("ScheduledProcedureStepStartDateTime", "20240101120000+0100-", "20240101105959+0000", False),
        ("ScheduledProcedureStepStartDateTime", "2024", "20240630000000+0000", True),
        ("ScheduledProcedureStepStartDateTime", "202406", "20240701000000+0000", False),
        ("ScheduledProcedureStepStartDateTime", "2024061", "20240610000000+0000", None),
    ],
)
def test_dates_and_times(keyword: str, wanted: str, found: str, met_: bool | None) -> None:
    if met_ is None:
        with pytest.raises(BadQuery, match=keyword):
            met(keyword, wanted, found)
    else:
        assert met(keyword, wanted, found) is met_


@pytest.mark.parametrize(
    ("vr", "value", "span"),
    [
        ("DA", "19700102", (DAY, 2 * DAY - 1)),
        ("DA", "-19700101", (None, DAY - 1)),
        ("TM", "01", (HOUR, 2 * HOUR - 1)),
        ("TM", "0001", (MINUTE, 2 * MINUTE - 1)),
        ("TM", "000100.5", (MINUTE + 500_000, MINUTE + 599_999)),
        ("DT", "1970", (0, 365 * DAY - 1)),
        ("DT", "197002", (31 * DAY, 59 * DAY - 1)),
        ("DT", "1970010201", (DAY + HOUR, DAY + 2 * HOUR - 1)),
        ("DT", "19700102+0100", (DAY - HOUR, 2 * DAY - HOUR - 1)),
        ("DT", "1970010200-", (DAY, None)),
    ],
)
def test_spans(vr: str, value: str, span: tuple[int | None, int | None]) -> None:
    assert span_of(vr, value) == span


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("StudyDate", "yesterday"),
        ("StudyDate", "20240230"),
        ("StudyDate", "2024-01-01"),
        ("StudyDate", "-"),
        ("StudyTime", "2500"),
        ("StudyTime", "10-12-14"),
        ("ScheduledProcedureStepStartDateTime", "20240101+1500"),
    ],
)
def test_nonsense_is_named(keyword: str, value: str) -> None:
    with pytest.raises(BadQuery, match=keyword):
        check(data_set({keyword: value}))
    with pytest.raises(BadQuery, match=keyword):
        check(data_set({"ReferencedRequestSequence": [data_set({keyword: value})]}))


@pytest.mark.parametrize(
    ("item", "met_"),
    [
        ({}, True),
        ({"AccessionNumber": ""}, True),
        ({"AccessionNumber": "A1"}, True),
        ({"AccessionNumber": "A2"}, True),
        ({"AccessionNumber": "A3"}, False),
        ({"AccessionNumber": "A1", "StudyInstanceUID": "1.2"}, False),
    ],
)
def test_sequences_match_when_one_item_matches(item: dict[str, str], met_: bool) -> None:
    requests = [
        {"AccessionNumber": "A1", "StudyInstanceUID": "1.1"},
        {"AccessionNumber": "A2", "StudyInstanceUID": "1.2"},
    ]
    assert met("ReferencedRequestSequence", [data_set(item)], requests) is met_


def test_an_empty_sequence_here_matches_only_who_asks_for_nothing() -> None:
    assert met("ScheduledStationNameCodeSequence", [data_set({"CodeValue": ""})], [])
    assert not met("ScheduledStationNameCodeSequence", [data_set({"CodeValue": "CT1"})], [])


def test_what_is_not_kept_asks_for_nothing_and_is_told() -> None:
    keys = data_set({"PatientID": "P1", "PatientComments": "anything"})
    candidate = data_set({"PatientID": "P1"})
    assert matches(keys, candidate)
    assert asks_for_unknown(keys, candidate)
    assert not asks_for_unknown(data_set({"PatientID": "", "SpecificCharacterSet": "ISO_IR 192"}), candidate)


def test_only_what_was_asked_for_is_answered() -> None:
    candidate = data_set({"PatientID": "P1", "PatientName": "Doe", "ReferencedRequestSequence": [
        {"AccessionNumber": "A1", "StudyInstanceUID": "1.1"}]})  # fmt: skip
    asked = data_set({"PatientID": "", "ReferencedRequestSequence": [{"AccessionNumber": ""}]})
    answer = selected(asked, candidate)
    assert [one.keyword for one in answer] == ["PatientID", "ReferencedRequestSequence"]
    assert [one.keyword for one in answer.ReferencedRequestSequence[0]] == ["AccessionNumber"]
    whole = selected(data_set({"ReferencedRequestSequence": []}), candidate)
    assert whole.ReferencedRequestSequence[0].StudyInstanceUID == "1.1"


@given(text(max_size=30))
def test_no_text_of_a_key_breaks_the_matcher(wanted: str) -> None:
    for keyword in ("PatientName", "PatientID"):
        assert met(keyword, wanted, "Doe") in (True, False)
    for keyword in ("StudyDate", "StudyTime", "ScheduledProcedureStepStartDateTime"):
        try:
            met(keyword, wanted, "20240101")
        except BadQuery:
            continue


def test_values_against_the_rules_of_their_vr_go_out_as_they_came() -> None:
    odd = data_set({"StudyDate": "2024.01.01 about noon", "PatientSex": "female", "StudyInstanceUID": "1.02.3"})
    assert odd.StudyDate == "2024.01.01 about noon"
    assert isinstance(odd, Dataset)
