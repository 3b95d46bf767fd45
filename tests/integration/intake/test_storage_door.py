"""C-STORE over a real association: what success means, and what each refusal is called."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from pydicom import Dataset, dcmread
from pynetdicom import build_context, evt

from service.dicom import uids
from service.dicom.part10 import hash_of
from service.dicom.statuses import Status
from service.intake.rules import Right
from service.intake.scp import ExtraService

Maker = Callable[..., Any]


def wait_until(holds: Callable[[], bool], seconds: float = 5.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


def test_echo(open_house: Maker, connect: Maker) -> None:
    assert connect(open_house()).send_c_echo().Status == Status.SUCCESS


def test_success_means_file_and_row(open_house: Maker, sending: Maker, make_ct: Maker, encoded: Maker) -> None:
    house, data = open_house(), encoded(make_ct())
    sender = sending(house)
    assert sender.store(data, "2.25.1").Status == Status.SUCCESS
    content_hash = hash_of(uids.EXPLICIT_LE, data)
    assert house.files() == [house.store.path(content_hash)]
    kept = dcmread(house.files()[0])
    assert kept.file_meta.SourceApplicationEntityTitle == "CT1" and kept.PatientName == "Doe^Jane"
    assert house.files()[0].read_bytes().endswith(data)
    columns = "sop_uid, series_uid, content_hash, transfer_syntax, size"
    assert house.rows("instances", columns) == [("2.25.1", "2.25.21", content_hash, uids.EXPLICIT_LE, len(data))]
    assert house.rows("associations", "calling_ae, called_ae, address, end") == [("CT1", "ICHOR", "127.0.0.1", "open")]


@pytest.mark.parametrize("syntax", [uids.IMPLICIT_LE, uids.EXPLICIT_LE, uids.EXPLICIT_BE])
def test_bytes_are_kept_as_they_came(
    open_house: Maker, sending: Maker, make_ct: Maker, encoded: Maker, syntax: str
) -> None:
    house, data = open_house(), encoded(make_ct(), syntax)
    assert sending(house, uids.CT_IMAGE, syntax=syntax).store(data, "2.25.1").Status == Status.SUCCESS
    assert house.files()[0].read_bytes().endswith(data)
    assert dcmread(house.files()[0]).file_meta.TransferSyntaxUID == syntax


def test_the_same_bytes_again_change_nothing(open_house: Maker, sending: Maker, make_ct: Maker, encoded: Maker) -> None:
    house, data = open_house(), encoded(make_ct())
    for _ in range(2):
        sender = sending(house)
        assert [sender.store(data, "2.25.1").Status for _ in range(2)] == [Status.SUCCESS] * 2
    assert len(house.files()) == len(house.rows("instances")) == 1
    assert house.rows("conflicts") == [] and house.rows("series", "received, version") == [(1, 1)]


def test_other_bytes_under_a_known_uid_are_kept_aside(
    open_house: Maker, sending: Maker, make_ct: Maker, encoded: Maker
) -> None:
    house = open_house()
    first, other = encoded(make_ct()), encoded(make_ct(KVP="80"))
    sender = sending(house)
    assert [sender.store(one, "2.25.1").Status for one in (first, other, other)] == [Status.SUCCESS] * 3
    assert house.rows("instances", "content_hash") == [(hash_of(uids.EXPLICIT_LE, first),)]
    assert house.rows("conflicts", "content_hash") == [(hash_of(uids.EXPLICIT_LE, other),)]
    assert len(house.files()) == 2


def refused(answer: Dataset, status: Status, house: Any) -> None:
    assert (answer.Status, house.files(), house.rows("instances")) == (status, [], [])


@pytest.mark.parametrize("cut", [1, 100, 513, 600])
def test_truncated(open_house: Maker, sending: Maker, make_ct: Maker, encoded: Maker, cut: int) -> None:
    house = open_house()
    answer = sending(house).store(encoded(make_ct())[:-cut], "2.25.1")
    refused(answer, Status.CANNOT_UNDERSTAND, house)
    assert "early" in answer.ErrorComment or "inside" in answer.ErrorComment


@pytest.mark.parametrize("data", [b"", b"garbage", b"\0" * 5000, b"GET / HTTP/1.0\r\n\r\n"])
def test_no_data_set_at_all(open_house: Maker, sending: Maker, data: bytes) -> None:
    house = open_house()
    refused(sending(house).store(data or b"\0", "2.25.1"), Status.CANNOT_UNDERSTAND, house)


def test_another_transfer_syntax_than_negotiated(
    open_house: Maker, sending: Maker, make_ct: Maker, encoded: Maker
) -> None:
    house = open_house()
    answer = sending(house).store(encoded(make_ct(), uids.IMPLICIT_LE), "2.25.1")
    refused(answer, Status.CANNOT_UNDERSTAND, house)


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"SOPInstanceUID": "2.25.99"}, Status.DATA_SET_MISMATCH),
        ({"SOPClassUID": uids.SECONDARY_CAPTURE}, Status.DATA_SET_MISMATCH),
        ({"StudyInstanceUID": None}, Status.CANNOT_UNDERSTAND),
        ({"SeriesInstanceUID": ""}, Status.CANNOT_UNDERSTAND),
        ({"SeriesInstanceUID": "../../x"}, Status.INVALID_INSTANCE),
    ],
)
def test_a_data_set_that_is_not_what_was_announced(
    open_house: Maker, sending: Maker, make_ct: Maker, encoded: Maker, changed: dict[str, Any], status: Status
) -> None:
    house = open_house()
    refused(sending(house).store(encoded(make_ct(**changed)), "2.25.1"), status, house)


@pytest.mark.parametrize("changed", [{"SOPClassUID": ""}, {"SOPClassUID": None}, {"SOPInstanceUID": None}])
def test_what_the_data_set_leaves_out_the_command_says(
    open_house: Maker, sending: Maker, make_ct: Maker, encoded: Maker, changed: dict[str, Any]
) -> None:
    house = open_house()
    assert sending(house).store(encoded(make_ct(**changed)), "2.25.1").Status == Status.SUCCESS
    assert house.rows("instances", "sop_uid") == [("2.25.1",)]
    assert uids.CT_IMAGE in house.rows("instances", "header")[0][0]


def test_another_class_than_the_context(open_house: Maker, sending: Maker, make_ct: Maker, encoded: Maker) -> None:
    house = open_house()
    data = encoded(make_ct(SOPClassUID=uids.SECONDARY_CAPTURE))
    answer = sending(house).store(data, "2.25.1", uids.SECONDARY_CAPTURE, context=uids.CT_IMAGE)
    refused(answer, Status.DATA_SET_MISMATCH, house)


@pytest.mark.parametrize("name", ["../../evil", "/abs/path", "1.2/../3", "1.2.x"])
def test_names_that_are_no_uids(open_house: Maker, sending: Maker, make_ct: Maker, encoded: Maker, name: str) -> None:
    house = open_house()
    sender = sending(house)
    refused(sender.store(encoded(make_ct(name)), name), Status.INVALID_INSTANCE, house)
    assert sender.store(encoded(make_ct("1.02.3")), "1.02.3").Status == Status.SUCCESS  # real devices do this
    assert len(list(house.root.parent.rglob("*.dcm"))) == 1


def test_a_request_without_a_name_is_answered(
    open_house: Maker, sending: Maker, make_ct: Maker, encoded: Maker
) -> None:
    house = open_house()
    sender = sending(house)
    refused(sender.store(encoded(make_ct()), ""), Status.INVALID_INSTANCE, house)
    assert sender.store(encoded(make_ct()), "2.25.1").Status == Status.SUCCESS


def test_the_door_closes_before_the_disk_is_full(
    open_house: Maker, sending: Maker, make_ct: Maker, encoded: Maker
) -> None:
    house = open_house(min_free_mb=1e9)
    refused(sending(house).store(encoded(make_ct()), "2.25.1"), Status.OUT_OF_RESOURCES, house)


def test_how_a_visit_ended_is_written_down(open_house: Maker, sending: Maker, make_ct: Maker, encoded: Maker) -> None:
    house = open_house()
    visits = [sending(house, calling=name) for name in ("GOOD", "RUDE", "GONE")]
    for at, one in enumerate(visits):
        assert one.store(encoded(make_ct(f"2.25.{at}")), f"2.25.{at}").Status == Status.SUCCESS
    visits[0].association.release()
    visits[1].association.abort()
    visits[2].association.dul.socket.socket.shutdown(2)
    wait_until(lambda: all(end != "open" for _, end in house.rows("associations", "calling_ae, end")))
    assert dict(house.rows("associations", "calling_ae, end")) == {
        "GOOD": "released",
        "RUDE": "aborted",
        "GONE": "lost",
    }


def test_many_senders_at_once_share_commits(open_house: Maker, sending: Maker, make_ct: Maker, encoded: Maker) -> None:
    from concurrent.futures import ThreadPoolExecutor

    house = open_house()

    def send(at: int) -> list[int]:
        sender = sending(house)
        names = [f"2.25.{at}{number:03d}" for number in range(1, 16)]
        answers = [sender.store(encoded(make_ct(name)), name).Status for name in names]
        sender.association.release()
        return answers

    with ThreadPoolExecutor(8) as pool:
        assert {status for answers in pool.map(send, range(1, 9)) for status in answers} == {Status.SUCCESS}
    assert len(house.rows("instances")) == len(house.files()) == 120
    assert house.rows("series", "received") == [(120,)]


def test_other_rooms_hang_their_services_into_the_door(open_house: Maker, connect: Maker) -> None:
    asked: list[str] = []

    def answer(event: Any) -> Any:
        asked.append(event.action_type)
        return Status.SUCCESS, None

    extra = ExtraService(
        rights=frozenset({Right.SEND}),
        contexts=[build_context(uids.STORAGE_COMMITMENT_PUSH_MODEL)],
        handlers=[(evt.EVT_N_ACTION, answer)],
    )
    house = open_house(extras=(extra,))
    association = connect(house, uids.STORAGE_COMMITMENT_PUSH_MODEL)
    request = Dataset()
    request.TransactionUID = "2.25.7"
    status, _ = association.send_n_action(
        request, 1, uids.STORAGE_COMMITMENT_PUSH_MODEL, uids.STORAGE_COMMITMENT_INSTANCE
    )
    assert status.Status == Status.SUCCESS and asked == [1]
