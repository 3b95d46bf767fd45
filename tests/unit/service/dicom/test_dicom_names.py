"""UIDs, status codes and contexts."""

from __future__ import annotations

import re
from copy import deepcopy
from uuid import UUID

import pytest
from pydicom.uid import RE_VALID_UID

from service.dicom import contexts, uids
from service.dicom.statuses import Status, name_of, stored


def test_a_derived_uid_never_changes() -> None:
    assert uids.derived_uid("study", "pack", "1") == "2.25.115343541053130171961569635925730990892"


def test_derived_uids_differ_by_where_parts_end_and_are_valid() -> None:
    made = {uids.derived_uid(*parts) for parts in (("ab", "c"), ("a", "bc"), ("abc",), ("a", "b", "c"), ("",), ())}
    assert len(made) == 5  # no parts and one empty part are the same
    for uid in made:
        assert re.fullmatch(RE_VALID_UID, uid) and len(uid) <= 64
        assert UUID(int=int(uid.removeprefix("2.25."))).version == 8


@pytest.mark.parametrize("text", ["1", "1.2.3", "1.02.3", "2.25." + "9" * 39, "1." * 31 + "11"])
def test_uids_that_devices_send_are_received(text: str) -> None:
    assert uids.is_valid_uid(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "1.",
        ".1",
        "1..2",
        "1.2\0",
        "1.2 ",
        "1.2\n",
        "../../etc/passwd",
        "/abs",
        "1.2/3",
        "1.2a",
        "1.٣",
        "1" * 65,
    ],
)
def test_what_is_no_uid_is_not_received(text: str) -> None:
    assert not uids.is_valid_uid(text)


def test_our_names_fit_their_fields() -> None:
    assert uids.is_valid_uid(uids.IMPLEMENTATION_CLASS_UID)
    assert 0 < len(uids.IMPLEMENTATION_VERSION_NAME) <= 16


@pytest.mark.parametrize(
    ("status", "kept", "name"),
    [
        (Status.SUCCESS, True, "success (0000H)"),
        (0xB000, True, "coerced (B000H)"),
        (0xB123, True, "coerced (B123H)"),
        (0xA700, False, "out of resources (A700H)"),
        (0xA701, False, "out of resources (A701H)"),
        (0xC211, False, "cannot understand (C211H)"),
        (0x0110, False, "processing failure (0110H)"),
        (0x0999, False, "status 0999H"),
        (None, False, "no answer"),
    ],
)
def test_statuses_have_words(status: int | None, kept: bool, name: str) -> None:
    assert stored(status) is kept
    assert name_of(status) == name


def test_the_door_accepts_what_travels_with_a_study() -> None:
    accepted = {str(one.abstract_syntax): one for one in contexts.storage_contexts()}
    assert uids.VERIFICATION in accepted
    for name in (
        uids.CT_IMAGE,
        uids.ENHANCED_CT_IMAGE,
        uids.LEGACY_CONVERTED_ENHANCED_CT_IMAGE,
        uids.SECONDARY_CAPTURE,
    ):
        assert [str(one) for one in accepted[name].transfer_syntax] == list(contexts.TRANSFER_SYNTAXES)
    assert len(accepted) > 150
    assert len(set(contexts.TRANSFER_SYNTAXES)) == len(contexts.TRANSFER_SYNTAXES)


def test_contexts_are_not_copied_for_every_association() -> None:
    shared = contexts.storage_contexts()
    assert deepcopy(shared) is shared
