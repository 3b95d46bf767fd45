"""Patient and study of poor sources arrive unchanged, whatever their character set."""

from __future__ import annotations

import copy
from io import BytesIO
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from service.outputs.identity import ALWAYS
from service.outputs.render import render
from service.outputs.source import Order

JAPANESE = "Yamada^Tarou=\u5c71\u7530^\u592a\u90ce=\u3084\u307e\u3060^\u305f\u308d\u3046"


def results(study: Any) -> list[Dataset]:
    return [dcmread(BytesIO(one.payload)) for one in render(study.verdict, study.source, Order(), 1_790_000_000.0)]


def raw_value(ds: Dataset, keyword: str) -> bytes:
    element = ds.get_item(keyword)
    assert element is not None
    return bytes(element.value or b"")


@pytest.mark.parametrize(
    ("charset", "name", "description"),
    [
        ("ISO_IR 100", "M\xfcller^J\xf6rg", "Sch\xe4del"),
        ("ISO_IR 192", "\u0418\u0432\u0430\u043d\u043e\u0432^\u041f\u0451\u0442\u0440", "\u982d\u90e8CT"),
        (["", "ISO 2022 IR 87"], JAPANESE, "\u982d\u90e8CT"),
        ("ISO_IR 144", "\u0418\u0432\u0430\u043d\u043e\u0432", "\u0433\u043e\u043b\u043e\u0432\u0430"),
        ("ISO_IR 100", "Adams^John Robert Quincy^^Rev.^B.A. M.Div.", "two\\values"),
        ("ISO_IR 100", "<b>Bold</b>^<script>alert(1)</script>", "a & b < c"),
    ],
)
def test_names_arrive_byte_for_byte(make_study: Any, charset: str | list[str], name: str, description: str) -> None:
    changed = {"SpecificCharacterSet": charset, "PatientName": name, "StudyDescription": description}
    study = make_study(positive=False, **changed)
    source = copy.deepcopy(study.source.header)
    for ds in results(study):
        assert ds.SpecificCharacterSet == charset
        for keyword in ("PatientName", "StudyDescription"):
            assert raw_value(ds, keyword) == raw_value(source, keyword), keyword


def test_undeclared_bytes_are_kept_and_declared(make_study: Any) -> None:
    study = make_study(positive=False)
    source = study.source.header
    del source["SpecificCharacterSet"]
    before = raw_value(source, "PatientName")
    for ds in results(study):
        assert ds.SpecificCharacterSet == "ISO_IR 100"
        assert raw_value(ds, "PatientName") == before


def test_a_plain_source_without_character_set_gets_none(make_study: Any) -> None:
    plain = {"SpecificCharacterSet": None, "PatientName": "DOE^JANE", "StudyDescription": "CT HEAD"}
    assert all("SpecificCharacterSet" not in ds for ds in results(make_study(positive=False, **plain)))


@pytest.mark.parametrize("charset", ["ISO_IR_100x", "KLINGON", ["ISO 2022 IR 6", "NOPE"]])
def test_an_unknown_character_set_ends_in_utf8(make_study: Any, charset: str | list[str]) -> None:
    study = make_study(positive=False, PatientName="DOE^JANE", StudyDescription="CT HEAD")
    study.source.header.SpecificCharacterSet = charset
    for ds in results(study):
        assert ds.SpecificCharacterSet == "ISO_IR 192"
        assert str(ds.PatientName) == "DOE^JANE"


def test_bytes_that_belie_their_character_set_end_in_utf8(make_study: Any) -> None:
    study = make_study(positive=False)
    study.source.header.SpecificCharacterSet = "ISO_IR 192"
    for ds in results(study):
        assert ds.SpecificCharacterSet == "ISO_IR 192"
        raw_value(ds, "PatientName").decode("utf-8")


def test_a_silent_source_gives_empty_type_2_attributes(make_study: Any) -> None:
    gone = dict.fromkeys((*ALWAYS, "StudyDescription", "PatientAge", "FrameOfReferenceUID", "SeriesDescription"))
    for ds in results(make_study(**gone)):
        for keyword in ALWAYS:
            assert keyword in ds, keyword
            assert raw_value(ds, keyword) == b"", keyword
        for keyword in ("StudyDescription", "PatientAge", "FrameOfReferenceUID"):
            assert keyword not in ds


def test_empty_attributes_stay_empty(make_study: Any) -> None:
    for ds in results(make_study(positive=False, **dict.fromkeys(ALWAYS, ""), PatientAge="")):
        assert all(raw_value(ds, keyword) == b"" for keyword in ALWAYS)
        assert "PatientAge" not in ds


@pytest.mark.parametrize(
    ("keyword", "value"),
    [("PatientSex", "X?"), ("StudyDate", "2026.03.01"), ("PatientBirthDate", "UNKNOWN"), ("StudyID", "S" * 20)],
)
def test_odd_values_are_carried_not_judged(make_study: Any, keyword: str, value: str) -> None:
    for ds in results(make_study(positive=False, **{keyword: value})):
        assert raw_value(ds, keyword).strip() == value.encode()


@pytest.mark.parametrize(("vr", "value"), [("US", b"old"), ("SQ", b"old"), ("FD", b"12345678")])
def test_an_undecodable_attribute_is_left_out(
    make_study: Any, caplog: pytest.LogCaptureFixture, vr: str, value: bytes
) -> None:
    study = make_study(positive=False)
    element = study.source.header.get_item("PatientAge")
    study.source.header[element.tag] = element._replace(VR=vr, value=value)
    for ds in results(study):
        assert "PatientAge" not in ds
    assert "PatientAge" in caplog.text


@pytest.mark.parametrize(("keyword", "value"), [("PatientAge", "0Y"), ("PregnancyStatus", 5), ("SmokingStatus", "no!")])
def test_a_malformed_optional_value_is_left_out(make_study: Any, keyword: str, value: str | int) -> None:
    well_formed = isinstance(value, int)
    for ds in results(make_study(positive=False, **{keyword: value})):
        assert (keyword in ds) is well_formed


def test_long_free_text_is_carried(make_study: Any) -> None:
    for ds in results(make_study(positive=False, StudyDescription="d" * 80)):
        assert raw_value(ds, "StudyDescription") == b"d" * 80


def test_a_removed_identity_always_says_how(make_study: Any) -> None:
    for ds in results(make_study(positive=False, PatientIdentityRemoved="YES", DeidentificationMethod="")):
        assert ds.DeidentificationMethod == "not stated by the source"
    for ds in results(make_study(positive=False, PatientIdentityRemoved="YES", DeidentificationMethod="by hand")):
        assert ds.DeidentificationMethod == "by hand"


def test_no_name_is_logged(make_study: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    results(make_study(positive=False, PatientName="SECRET^NAME", PatientID="SECRET-ID"))
    ours = [one.getMessage() for one in caplog.records if one.name.startswith("service.")]
    assert ours
    assert not any("SECRET" in one for one in ours)
