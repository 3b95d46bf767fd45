"""Who may come in and what may be kept."""

from __future__ import annotations

import pytest

from service import errors
from service.dicom import uids
from service.dicom.headers import Parsed
from service.dicom.statuses import Status
from service.domain.ids import SeriesUid, SopUid, StudyUid
from service.domain.scan import AssociationEnd, InstanceHeader, Patient, StudyHeader
from service.intake.rules import STATUS_OF, StoreCommand, admits, check_command, check_data_set, end_of
from service.peers import Sender


def command(sop_uid: str = "2.25.1", sop_class: str = uids.CT_IMAGE) -> StoreCommand:
    return StoreCommand(
        sop_class=sop_class, sop_uid=sop_uid, context_class=uids.CT_IMAGE, transfer_syntax=uids.EXPLICIT_LE
    )


def parsed(
    sop_uid: str = "2.25.1", sop_class: str = uids.CT_IMAGE, study: str = "2.25.2", series: str = "2.25.3"
) -> Parsed:
    return Parsed(
        sop_uid=SopUid(sop_uid),
        series_uid=SeriesUid(series),
        patient=Patient(),
        study=StudyHeader(study_uid=StudyUid(study)),
        header=InstanceHeader(modality="CT", sop_class=sop_class),
    )


@pytest.mark.parametrize("sop_uid", ["", "../x", "1" * 65, "1.2\0"])
def test_a_command_needs_a_uid(sop_uid: str) -> None:
    with pytest.raises(errors.BadUid):
        check_command(command(sop_uid))


def test_a_command_needs_the_class_of_its_context() -> None:
    with pytest.raises(errors.WrongClass):
        check_command(command(sop_class=uids.SECONDARY_CAPTURE))
    check_command(command())


@pytest.mark.parametrize(
    ("data_set", "refusal"),
    [
        (parsed(sop_uid="2.25.9"), errors.WrongIdentity),
        (parsed(sop_class=uids.SECONDARY_CAPTURE), errors.WrongClass),
        (parsed(study=""), errors.Undecodable),
        (parsed(series=""), errors.Undecodable),
        (parsed(study="x/y"), errors.BadUid),
        (parsed(series="1" * 65), errors.BadUid),
    ],
)
def test_a_data_set_must_be_what_was_announced(data_set: Parsed, refusal: type[errors.Refused]) -> None:
    with pytest.raises(refusal):
        check_data_set(command(), data_set)


@pytest.mark.parametrize("data_set", [parsed(), parsed(sop_uid=""), parsed(sop_class=""), parsed(study="1.02")])
def test_silence_is_no_contradiction(data_set: Parsed) -> None:
    check_data_set(command(), data_set)


def test_every_refusal_has_a_failure_status() -> None:
    leaves = {one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, errors.Refused)} - {
        errors.Refused
    }
    assert set(STATUS_OF) == leaves
    assert Status.SUCCESS not in STATUS_OF.values()


@pytest.mark.parametrize(
    ("senders", "places", "calling", "address", "admitted"),
    [
        ((), (), "ANY", "10.0.0.1", False),
        (("CT1",), ((),), "CT1", "10.0.0.1", True),
        (("CT1",), ((),), " CT1 ", "10.0.0.1", True),
        (("CT1",), ((),), "ct1", "10.0.0.1", False),
        (("CT1",), (("10.0.0.5",),), "CT1", "10.0.0.1", False),
        (("CT1", "CT1"), (("10.0.0.5",), ("10.0.0.1",)), "CT1", "10.0.0.1", True),
        (("CT1", "CT2"), (("10.0.0.1",), ("10.0.0.2",)), "CT2", "10.0.0.1", False),
    ],
)
def test_who_may_come_in(
    senders: tuple[str, ...], places: tuple[tuple[str, ...], ...], calling: str, address: str, admitted: bool
) -> None:
    assert admits([Sender(ae_title=one) for one in senders], places, calling, address) is admitted


@pytest.mark.parametrize(
    ("released", "by_word", "end"),
    [
        (True, False, AssociationEnd.RELEASED),
        (False, True, AssociationEnd.ABORTED),
        (False, False, AssociationEnd.LOST),
    ],
)
def test_ends_of_a_visit(released: bool, by_word: bool, end: AssociationEnd) -> None:
    assert end_of(released=released, aborted_by_word=by_word) is end
