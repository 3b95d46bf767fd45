"""Commitment refused, partly refused, never answered: the list, the alarm, and the commitment asked again alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.sop_class import StorageCommitmentPushModel, Verification
from sqlalchemy import update

from service.delivery import commit
from service.delivery.commit import CommitmentRound, event_report_handler
from service.ledger import tables
from service.ledger.undelivered import undelivered
from service.peers import Destination
from service.settings import DeliverySettings, Settings
from service.wiring.slices import build_slices
from service.worklist.health import take_health
from service.worklist.ports import WorklistPorts
from service.worklist.rules import alarms

NOW = 1_000_000.0
MINUTE = 60.0
#: well after the last object was sent, however slow the machine
ASKED = NOW + 2 * MINUTE
SC = "1.2.840.10008.5.1.4.1.1.7"


@dataclass
class Archive:
    """Takes every object; ``says`` is what it answers to a request for commitment, and reports are made by hand."""

    port: int = 0
    says: int = 0x0000
    stored: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def listen(self) -> Any:
        entity = AE("ARCHIVE")
        for one in (StorageCommitmentPushModel, Verification, SC):
            entity.add_supported_context(one)

        def store(event: Any) -> int:
            self.stored.append(str(event.request.AffectedSOPInstanceUID))
            return 0

        def act(event: Any) -> tuple[int, None]:
            self.asked.append(str(event.action_information.TransactionUID))
            return self.says, None

        server = entity.start_server(
            ("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, store), (evt.EVT_N_ACTION, act)]
        )
        self.port = server.server_address[1]
        return server


@pytest.fixture
def archive(monkeypatch: pytest.MonkeyPatch) -> Iterator[Archive]:
    monkeypatch.setattr(commit, "LINGER_SECONDS", 0.01)
    one = Archive()
    server = one.listen()
    yield one
    server.shutdown()


@dataclass
class Desk:
    """A flagged study sent to an archive, and what the web role makes of it."""

    outbox: Any
    place: Destination
    proving: CommitmentRound

    def ports(self, now: float) -> WorklistPorts:
        settings = Settings(destinations=(self.place,))
        return WorklistPorts(
            ledger=self.outbox.ledger,
            store=self.outbox.store,
            settings=settings,
            clock=lambda: now,
            open_door=True,
            slices=build_slices(settings, self.outbox.store),
        )

    def alarms(self, now: float) -> list[str]:
        return [one.sentence for one in alarms(take_health(self.ports(now)), now) if "proven" in one.sentence]

    def listed(self) -> list[tuple[str, str, int, str]]:
        found = undelivered(self.outbox.ledger, [self.place.name] if self.place.commit else [], 10)
        return [(one.study_uid, one.state.value, one.objects, one.error) for one in found]

    def report(self, kept: list[str], failed: dict[str, int], at: float) -> None:
        said = Dataset()
        waiting = [one for one in self.outbox.rows("1.2.1") if one["state"] == "sent"]
        said.TransactionUID = waiting[0]["transaction_uid"]
        said.ReferencedSOPSequence = [_item(uid) for uid in kept]
        said.FailedSOPSequence = [_item(uid, reason) for uid, reason in failed.items()]
        _, handle = event_report_handler(self.outbox.ledger, lambda: at)

        class Event:
            event_information = said

        assert handle(Event()) == (0, None)


def _item(uid: str, reason: int | None = None) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = SC, uid
    if reason is not None:
        item.FailureReason = reason
    return item


@pytest.fixture
def sent(outbox: Any, sending: Any) -> Callable[..., Desk]:
    def make(port: int, aet: str = "ARCHIVE", **more: Any) -> Desk:
        place = Destination(name="pacs", ae_title=aet, host="127.0.0.1", port=port, **more)
        outbox.put("1.2.1", objects=2, urgent=True)
        with outbox.ledger.writing() as db:
            db.execute(update(tables.studies).values(verdict="positive", published_set=1, accession_number="A1"))
        sending(place).run_once(NOW)
        assert outbox.states("1.2.1") == ["sent", "sent"]
        return Desk(outbox, place, CommitmentRound([place], outbox.ledger, DeliverySettings(), "ICHOR"))

    return make


def test_refused_is_an_alarm_and_asked_again_alone(archive: Archive, sent: Any) -> None:
    archive.says = 0x0213
    desk = sent(archive.port)
    words = "pacs refused to commit with 'resource limitation (0213H)', asking again later"
    desk.proving.run_once(ASKED + 1)
    assert desk.listed() == [("1.2.1", "sent", 2, words)]
    assert desk.alarms(NOW + 9 * MINUTE) == [], "not before its time"
    assert desk.alarms(NOW + 11 * MINUTE) == [
        f"1 positive study not proven delivered, the oldest for 11 min: pacs, {words}."
    ]
    desk.proving.run_once(ASKED + 61)
    assert len(set(archive.asked)) == 2 and len(archive.stored) == 2, "asked again, not sent again"
    archive.says = 0x0000
    desk.proving.run_once(ASKED + 121)
    desk.report(archive.stored, {}, ASKED + 122)
    assert desk.outbox.states("1.2.1") == ["committed", "committed"]
    assert desk.listed() == [] and desk.alarms(NOW + 60 * MINUTE) == []


def test_partly_refused_keeps_what_is_proven_and_asks_for_the_rest(archive: Archive, sent: Any) -> None:
    desk = sent(archive.port)
    kept, doubted = archive.stored
    desk.proving.run_once(ASKED + 1)
    desk.report([kept], {doubted: 0x0110}, ASKED + 2)
    assert sorted(desk.outbox.states("1.2.1")) == ["committed", "sent"]
    words = "the archive did not commit, it is asked again: processing failure (0110H)"
    assert desk.listed() == [("1.2.1", "sent", 1, words)]
    assert words in desk.alarms(NOW + 11 * MINUTE)[0]
    desk.proving.run_once(ASKED + 61)
    desk.report([doubted], {}, ASKED + 62)
    assert desk.outbox.states("1.2.1") == ["committed", "committed"]
    assert len(archive.stored) == 2, "nothing was sent twice"


def test_what_the_archive_does_not_have_is_sent_again(archive: Archive, sent: Any, sending: Any) -> None:
    desk = sent(archive.port)
    first, lost = archive.stored
    desk.proving.run_once(ASKED + 1)
    desk.report([first], {lost: 0x0112}, ASKED + 2)
    assert sorted(desk.outbox.states("1.2.1")) == ["committed", "retrying"]
    sending(desk.place).run_once(ASKED + 3)
    assert archive.stored.count(lost) == 2


def test_never_answered_is_an_alarm_and_asked_again(archive: Archive, sent: Any) -> None:
    desk = sent(archive.port)
    desk.proving.run_once(ASKED + 1)
    desk.proving.run_once(ASKED + 61)
    ((study, state, objects, error),) = desk.listed()
    assert (study, state, objects) == ("1.2.1", "sent", 2)
    assert re.fullmatch("not proven yet: pacs has not reported for 1[0-9]{2} s, asked again", error)
    assert len(set(archive.asked)) == 2 and len(archive.stored) == 2
    (sentence,) = desk.alarms(NOW + 11 * MINUTE)
    assert sentence == f"1 positive study not proven delivered, the oldest for 11 min: pacs, {error}."


def test_an_archive_that_cannot_be_reached_for_proof(archive: Archive, sent: Any, free_port: Any) -> None:
    desk = sent(archive.port)
    gone = desk.place.model_copy(update={"port": free_port()})
    CommitmentRound([gone], desk.outbox.ledger, DeliverySettings(), "ICHOR").run_once(ASKED + 1)
    ((_, state, _, error),) = desk.listed()
    assert state == "sent" and error.startswith("not proven yet: nobody listens at")


@pytest.mark.peer
def test_dcmqrscp_arrives_and_is_sent_not_proven_without_a_grave_alarm(dcmqrscp: Any, sent: Any) -> None:
    desk = sent(dcmqrscp.port, dcmqrscp.aet)
    desk.proving.run_once(ASKED + 1)
    assert desk.listed() == [("1.2.1", "sent", 2, "pacs knows no Storage Commitment; sent, not proven")]
    health = take_health(desk.ports(NOW + 60 * MINUTE))
    (only,) = [one for one in alarms(health, NOW + 60 * MINUTE) if "proven" in one.sentence]
    assert not only.grave
    assert only.sentence.startswith(
        "pacs knows no Storage Commitment: what it takes is sent, not proven; commit = false"
    )


def test_without_commit_sent_is_enough(archive: Archive, sent: Any) -> None:
    desk = sent(archive.port, commit=False)
    assert desk.listed() == [] and desk.alarms(NOW + 60 * MINUTE) == []


def test_only_the_answer_that_stands_counts(archive: Archive, sent: Any) -> None:
    desk = sent(archive.port)
    assert len(desk.listed()) == 1
    with desk.outbox.ledger.writing() as db:
        db.execute(update(tables.studies).values(published_set=None))
    assert desk.listed() == []


def test_a_negative_study_is_nobodys_alarm(archive: Archive, sent: Any) -> None:
    desk = sent(archive.port)
    with desk.outbox.ledger.writing() as db:
        db.execute(update(tables.studies).values(verdict="negative"))
    assert desk.listed() == []


def test_the_api_lists_them(archive: Archive, sent: Any) -> None:
    from fastapi.testclient import TestClient

    from service.worklist.app import create_app

    archive.says = 0x0213
    desk = sent(archive.port)
    desk.proving.run_once(ASKED + 1)
    client = TestClient(create_app(desk.ports(NOW + 90)), base_url="http://127.0.0.1:8080")
    (row,) = client.get("/api/undelivered").json()["undelivered"]
    assert row == {
        "study_instance_uid": "1.2.1", "accession_number": "A1", "destination": "pacs", "state": "sent", "objects": 2,
        "queued_at": "1970-01-12T13:46:40.000+00:00", "age_seconds": 90.0, "provable": True,
        "error": "pacs refused to commit with 'resource limitation (0213H)', asking again later",
    }  # fmt: skip
    assert client.get("/api/undelivered?limit=0").status_code == 422
    text = client.get("/metrics").text
    assert "ichor_unproven_positives 1.0" in text
    assert "ichor_oldest_unproven_positive_seconds 90.0" in text
