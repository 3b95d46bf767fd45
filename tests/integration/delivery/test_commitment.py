"""Storage Commitment with archives that report on a new association, on the same one, late, or never."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.sop_class import StorageCommitmentPushModel, Verification

from service.delivery import commit
from service.delivery.commit import CommitmentRound, event_report_handler
from service.ledger import outbox as verbs
from service.peers import Destination
from service.settings import DeliverySettings

NOW = 1_000_000.0
DAY = 24 * 3600.0


def to(port: int, aet: str, name: str = "pacs", **more: Any) -> Destination:
    return Destination(name=name, ae_title=aet, host="127.0.0.1", port=port, **more)


def until(true: Callable[[], bool], seconds: float = 10) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.02)
    return False


@pytest.fixture
def asking(outbox: Any, settings: DeliverySettings) -> Callable[..., CommitmentRound]:
    return lambda *places: CommitmentRound(places, outbox.ledger, settings, "ICHOR")


@pytest.mark.peer
def test_orthanc_keeps_and_proves(outbox: Any, sending: Any, asking: Any, orthanc: Any, door: Any) -> None:
    orthanc.know("ICHOR", door.server_address[1])
    place = to(orthanc.port, orthanc.aet)
    uids = outbox.put("1.2.1", objects=3)
    sending(place).run_once(NOW)
    assert orthanc.sop_uids() == sorted(uids)

    assert asking(place).run_once(NOW + 1) == 1

    assert until(lambda: outbox.states("1.2.1") == ["committed"] * 3), outbox.rows("1.2.1")
    assert outbox.rows("1.2.1")[0]["committed_at"] == NOW + 5


@pytest.mark.peer
def test_what_orthanc_lost_is_sent_again_and_proven(
    outbox: Any, sending: Any, asking: Any, orthanc: Any, door: Any
) -> None:
    orthanc.know("ICHOR", door.server_address[1])
    place = to(orthanc.port, orthanc.aet)
    uids = outbox.put("1.2.1", objects=2)
    rounds, commitments = sending(place), asking(place)
    rounds.run_once(NOW)
    (lost,) = orthanc.find("Instance", uids[1])
    orthanc.ask("DELETE", f"/instances/{lost}")
    commitments.run_once(NOW + 1)
    assert until(lambda: outbox.states("1.2.1") == ["committed", "retrying"]), outbox.rows("1.2.1")
    assert "the archive lost it, it is sent again: no such instance (0112H)" in outbox.error("1.2.1")

    rounds.run_once(NOW + 10)
    assert orthanc.sop_uids() == sorted(uids)
    commitments.run_once(NOW + 11)
    assert until(lambda: outbox.states("1.2.1") == ["committed", "committed"]), outbox.rows("1.2.1")


@pytest.mark.peer
def test_orthanc_that_does_not_know_us_is_asked_again_when_it_does(
    outbox: Any, sending: Any, asking: Any, orthanc: Any, door: Any, caplog: pytest.LogCaptureFixture
) -> None:
    place = to(orthanc.port, orthanc.aet)
    outbox.put("1.2.1", objects=1)
    sending(place).run_once(NOW)
    commitments = asking(place)
    with caplog.at_level(logging.WARNING, logger="service.delivery.commit"):
        assert commitments.run_once(NOW + 1) == 1
    assert "is 'ICHOR' known there" in caplog.text
    assert outbox.states("1.2.1") == ["sent"]
    assert commitments.run_once(NOW + 2) == 0, "not before the time is over"

    orthanc.know("ICHOR", door.server_address[1])
    assert commitments.run_once(NOW + 62) == 1
    assert until(lambda: outbox.states("1.2.1") == ["committed"]), outbox.rows("1.2.1")


@pytest.mark.peer
def test_dcmqrscp_knows_no_commitment_and_is_left_in_peace(
    outbox: Any, sending: Any, asking: Any, dcmqrscp: Any, caplog: pytest.LogCaptureFixture
) -> None:
    place = to(dcmqrscp.port, dcmqrscp.aet)
    commitments = asking(place)
    with caplog.at_level(logging.WARNING, logger="service.delivery.commit"):
        for number in (1, 2):
            outbox.put(f"1.2.{number}", objects=1, at=NOW + number)
            sending(place).run_once(NOW + number)
            assert commitments.run_once(NOW + number + 10) == 1
    assert outbox.states("1.2.1") == ["sent"]
    assert outbox.error("1.2.1") == "pacs knows no Storage Commitment; sent, not proven"
    assert caplog.text.count("knows no Storage Commitment") == 1, "said once per destination"
    assert commitments.run_once(NOW + DAY) == 0


def test_commit_false_is_never_asked(outbox: Any, asking: Any, free_port: Any) -> None:
    assert asking(to(free_port(), "X", commit=False)).run_once(NOW) == 0


def reporting_archive(reports: bool) -> tuple[Any, list[str]]:
    """An archive that stores everything and reports, if at all, on the association it was asked on."""
    entity = AE(ae_title="SAMEASSOC")
    for one in (StorageCommitmentPushModel, Verification, "1.2.840.10008.5.1.4.1.1.7"):
        entity.add_supported_context(one)
    asked: list[str] = []

    def on_action(event: Any) -> tuple[int, None]:
        asked.append(event.action_information.TransactionUID)
        return 0x0000, None

    def after_answer(event: Any) -> None:
        message = event.message.command_set if hasattr(event, "message") else None
        if reports and message is not None and message.get("CommandField") == 0x8130:
            event.assoc.dimse.send_msg(_report_message(asked[-1]), 1)

    handlers = [(evt.EVT_N_ACTION, on_action), (evt.EVT_C_STORE, lambda _: 0), (evt.EVT_DIMSE_SENT, after_answer)]
    return entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers), asked


def _report_message(transaction_uid: str) -> Any:
    from io import BytesIO

    from pynetdicom.dimse_primitives import N_EVENT_REPORT
    from pynetdicom.dsutils import encode

    item, report, message = Dataset(), Dataset(), N_EVENT_REPORT()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7", "1.2.1.9.1"
    report.TransactionUID, report.ReferencedSOPSequence = transaction_uid, [item]
    message.MessageID, message.EventTypeID = 77, 1
    message.AffectedSOPClassUID, message.AffectedSOPInstanceUID = (
        StorageCommitmentPushModel,
        commit.STORAGE_COMMITMENT_INSTANCE,
    )
    encoded = encode(report, True, True)
    assert encoded is not None
    message.EventInformation = BytesIO(encoded)
    return message


@pytest.fixture
def same_association() -> Iterator[Any]:
    server, asked = reporting_archive(reports=True)
    yield server, asked
    server.shutdown()


@pytest.fixture
def silent_archive() -> Iterator[Any]:
    server, asked = reporting_archive(reports=False)
    yield server, asked
    server.shutdown()


def test_report_on_the_same_association(outbox: Any, sending: Any, asking: Any, same_association: Any) -> None:
    server, asked = same_association
    place = to(server.server_address[1], "SAMEASSOC")
    outbox.put("1.2.1", objects=1)
    sending(place).run_once(NOW)
    started = time.monotonic()
    asking(place).run_once(NOW + 1)
    assert outbox.states("1.2.1") == ["committed"]
    assert len(asked) == 1
    assert time.monotonic() - started < commit.LINGER_SECONDS, "it leaves as soon as the report is kept"


def test_an_archive_that_never_reports_is_asked_with_growing_pauses_and_then_left(
    outbox: Any, sending: Any, asking: Any, silent_archive: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commit, "LINGER_SECONDS", 0.01)
    server, asked = silent_archive
    place = to(server.server_address[1], "SAMEASSOC")
    outbox.put("1.2.1", objects=1)
    sending(place).run_once(NOW)
    commitments = asking(place)
    moments = [NOW + minute * 60.0 for minute in range(3 * 24 * 60)]
    for moment in moments:
        row = outbox.rows("1.2.1")[0]
        if row["commit_due_at"] is None:
            break
        if float(row["commit_due_at"]) <= moment:
            commitments.run_once(moment)

    assert 8 <= len(asked) <= 14
    assert len(set(asked)) == len(asked), "a new transaction each time"
    assert outbox.states("1.2.1") == ["sent"]
    assert outbox.error("1.2.1") == "sent, not proven: pacs never answered the Storage Commitment"


def test_the_archive_that_is_down_is_asked_again(outbox: Any, sending: Any, asking: Any, silent_archive: Any) -> None:
    server, asked = silent_archive
    port = server.server_address[1]
    place = to(port, "SAMEASSOC")
    outbox.put("1.2.1", objects=1)
    sending(place).run_once(NOW)
    server.server_close()
    assert asking(place).run_once(NOW + 1) == 1
    assert asked == []
    assert float(outbox.rows("1.2.1")[0]["commit_due_at"]) == NOW + 61


def test_a_report_for_a_transaction_that_is_not_ours_changes_nothing(outbox: Any, sending: Any, asking: Any) -> None:
    outbox.put("1.2.1", objects=1)
    _, handle = event_report_handler(outbox.ledger, lambda: NOW)
    report = Dataset()
    report.TransactionUID = "1.2.3.4"

    class Event:
        event_information = report

    assert handle(Event()) == (0, None)
    assert outbox.states("1.2.1") == ["queued"]


def test_a_report_that_cannot_be_kept_is_not_answered_with_success(outbox: Any) -> None:
    _, handle = event_report_handler(outbox.ledger, lambda: NOW)

    class Event:
        event_information = None

    status, _ = handle(Event())
    assert status == 0x0110


def test_an_object_lost_again_and_again_waits_longer_each_time(outbox: Any) -> None:
    (uid,) = outbox.put("1.2.1", objects=1)
    pauses, now = [], NOW
    for round_ in range(3):
        (delivery,) = verbs.due(outbox.ledger, now, 30, 10, "pacs")
        verbs.accepted(outbox.ledger, delivery, now)
        assert verbs.ask_commitment(outbox.ledger, "pacs", f"1.2.77.{round_}", now + 60, now)
        report = verbs.CommitReport(transaction_uid=f"1.2.77.{round_}", kept=[], lost={uid: "lost"})
        verbs.commitment_report(outbox.ledger, report, now)
        pauses.append(float(outbox.rows("1.2.1")[0]["due_at"]) - now)
        now += pauses[-1]
    assert pauses == [0, 60, 120]


def test_the_transaction_is_on_disk_before_the_request_leaves(
    outbox: Any, sending: Any, asking: Any, silent_archive: Any
) -> None:
    server, asked = silent_archive
    place = to(server.server_address[1], "SAMEASSOC")
    outbox.put("1.2.1", objects=1)
    sending(place).run_once(NOW)
    seen: list[object] = []

    def note(event: Any) -> tuple[int, None]:
        seen.append(outbox.rows("1.2.1")[0]["transaction_uid"])
        asked.append(event.action_information.TransactionUID)
        return 0x0000, None

    server.bind(evt.EVT_N_ACTION, note)
    asking(place).run_once(NOW + 1)
    assert seen == asked
