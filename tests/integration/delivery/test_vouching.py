"""Storage Commitment asked of us, over the real door: kept before it is answered, reported, brought again, given up."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, build_role, evt
from pynetdicom.sop_class import CTImageStorage, StorageCommitmentPushModel, Verification
from sqlalchemy import insert, select

from service.delivery import vouch
from service.delivery.report import ReportRound
from service.dicom import uids
from service.dicom.statuses import Status
from service.intake.journal import Journal
from service.intake.rules import Callers
from service.intake.scp import DoorSettings, StorageDoor
from service.ledger import tables
from service.settings import DeliverySettings, Settings
from service.wiring.door import address_book, beside_storage

CT, OTHER = str(CTImageStorage), "1.2.840.10008.5.1.4.1.1.7"
DAY = 24 * 3600.0
SECONDS = 20
Maker = Callable[..., Any]


@dataclass
class Modality:
    """A scanner that listens for reports; ``answers`` are what it says to each, success when there are no more."""

    port: int
    answers: list[int] = field(default_factory=list)
    reports: list[tuple[int, Dataset]] = field(default_factory=list)
    came: threading.Event = field(default_factory=threading.Event)

    def take(self, event: Any) -> tuple[int, None]:
        self.reports.append((event.event_type, event.event_information))
        self.came.set()
        return (self.answers.pop(0) if self.answers else 0x0000), None

    def listen(self) -> Any:
        entity = AE("CT1")
        entity.add_supported_context(StorageCommitmentPushModel, scu_role=True, scp_role=True)
        entity.add_supported_context(Verification)
        return entity.start_server(
            ("127.0.0.1", self.port), block=False, evt_handlers=[(evt.EVT_N_EVENT_REPORT, self.take)]
        )


@dataclass
class Node:
    """Door and deliver role over one ledger."""

    outbox: Any
    settings: Settings
    port: int

    def ask(self, transaction: str, *references: tuple[str, str], hold: Modality | None = None, **how: Any) -> Dataset:
        """Ask for commitment and return the status; ``hold`` the association open until its report came."""
        entity = AE("CT1")
        entity.add_requested_context(StorageCommitmentPushModel)
        entity.dimse_timeout = entity.acse_timeout = SECONDS
        handlers = [(evt.EVT_N_EVENT_REPORT, hold.take)] if hold else []
        association = entity.associate("127.0.0.1", self.port, ae_title="ICHOR", evt_handlers=handlers)
        assert association.is_established
        instance = how.get("instance", uids.STORAGE_COMMITMENT_INSTANCE)
        status, _ = association.send_n_action(
            information(transaction, *references), how.get("action", 1), StorageCommitmentPushModel, instance
        )
        if hold:
            assert hold.came.wait(SECONDS)
        association.release()
        return status

    def reports(self) -> ReportRound:
        found = address_book(self.settings).find
        return ReportRound(self.outbox.ledger, self.outbox.store, found, DeliverySettings(), "ICHOR")

    def rows(self) -> list[Any]:
        with self.outbox.ledger.reading() as db:
            return list(db.execute(select(tables.commitment_requests).order_by(tables.commitment_requests.c.id)))

    def due_at(self) -> float:
        return float(self.rows()[-1].due_at)


def information(transaction: str, *references: tuple[str, str]) -> Dataset:
    made = Dataset()
    if transaction:
        made.TransactionUID = transaction
    made.ReferencedSOPSequence = []
    for sop_class, sop_uid in references:
        item = Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class, sop_uid
        made.ReferencedSOPSequence.append(item)
    return made


@pytest.fixture
def open_node(outbox: Any, tmp_path: Path) -> Iterator[Maker]:
    opened: list[StorageDoor] = []

    def build(**given: Any) -> Node:
        settings = Settings.model_validate({"node": {"port": 0, "data_dir": tmp_path}} | given)
        own = DoorSettings(
            node=settings.node,
            disk=settings.disk.model_copy(update={"min_free_mb": 0}),
            callers=Callers(senders=settings.senders),
        )
        services = beside_storage(settings, outbox.ledger, outbox.store)
        door = StorageDoor(own, outbox.store, Journal(outbox.ledger), services)
        opened.append(door)
        return Node(outbox=outbox, settings=settings, port=door.start())

    yield build
    for door in opened:
        door.stop(grace_seconds=0)


@pytest.fixture
def modality(free_port: Any) -> Iterator[Modality]:
    one = Modality(free_port())
    server = one.listen()
    yield one
    server.shutdown()


@pytest.fixture
def received(outbox: Any) -> Iterator[Callable[[str], None]]:
    """Put received instances into ledger and store; ``lost`` ones into the ledger alone."""

    def receive(sop_uid: str, *, lost: bool = False) -> None:
        content = sop_uid.encode()
        import hashlib

        name = hashlib.sha256(content).hexdigest()
        if not lost:
            outbox.store.keep([content], name)
        with outbox.ledger.writing() as db:
            if not db.scalar(select(tables.series.c.series_uid)):
                study = {"study_uid": "7", "patient": {}, "header": {"study_uid": "7"}, "state": "done"}
                study |= {"priority": "LOW", "urgency": 2, "received_at": 1.0, "last_arrival_at": 1.0}
                db.execute(insert(tables.studies).values(study))
                series = {"series_uid": "7.1", "study_uid": "7", "modality": "CT", "state": "complete"}
                db.execute(insert(tables.series).values(series | {"first_arrival_at": 1.0, "last_arrival_at": 1.0}))
            row = {"sop_uid": sop_uid, "series_uid": "7.1", "content_hash": name, "transfer_syntax": "1.2", "size": 1}
            row |= {"association": "a", "received_at": 1.0, "header": {"sop_class": CT}}
            db.execute(insert(tables.instances).values(row))

    yield receive


def failed(report: Dataset) -> dict[str, int]:
    return {one.ReferencedSOPInstanceUID: one.FailureReason for one in report.get("FailedSOPSequence") or ()}


def kept(report: Dataset) -> list[str]:
    return [one.ReferencedSOPInstanceUID for one in report.get("ReferencedSOPSequence") or ()]


def sender(modality: Modality) -> list[dict[str, Any]]:
    return [{"ae_title": "CT1", "port": modality.port}]


def test_what_is_ours_for_sure_is_vouched_for_on_a_new_association(
    open_node: Maker, modality: Modality, received: Any
) -> None:
    node = open_node(senders=sender(modality))
    received("7.1.1")
    received("7.1.2")
    assert node.ask("2.25.1", (CT, "7.1.1"), (CT, "7.1.2")).Status == Status.SUCCESS
    assert modality.reports == [], "the deliver role brings it"
    assert node.reports().run_once(node.due_at())
    ((event_type, report),) = modality.reports
    assert (event_type, report.TransactionUID, kept(report), failed(report)) == (1, "2.25.1", ["7.1.1", "7.1.2"], {})
    assert node.rows()[0].state == "reported"
    assert not node.reports().run_once(node.due_at() + DAY)


def test_what_is_not_is_named_with_its_reason(open_node: Maker, modality: Modality, received: Any) -> None:
    node = open_node(senders=sender(modality))
    received("7.1.1")
    received("7.1.2", lost=True)
    asked = ((CT, "7.1.1"), (CT, "7.1.2"), (CT, "7.1.3"), (OTHER, "7.1.1"))
    node.ask("2.25.1", *asked)
    node.reports().run_once(node.due_at())
    ((event_type, report),) = modality.reports
    assert (event_type, kept(report)) == (2, ["7.1.1"])
    assert [(one.ReferencedSOPInstanceUID, one.FailureReason) for one in report.FailedSOPSequence] == [
        ("7.1.2", 0x0112), ("7.1.3", 0x0112), ("7.1.1", 0x0119),
    ]  # fmt: skip


def test_a_transaction_uid_that_is_in_use_is_refused_in_the_report(
    open_node: Maker, modality: Modality, received: Any
) -> None:
    node = open_node(senders=sender(modality))
    received("7.1.1")
    received("7.1.2")
    node.ask("2.25.1", (CT, "7.1.1"))
    node.ask("2.25.1", (CT, "7.1.2"))
    for _ in range(2):
        node.reports().run_once(node.due_at() + 1)
    by_type = {event_type: report for event_type, report in modality.reports}
    assert kept(by_type[1]) == ["7.1.1"]
    assert failed(by_type[2]) == {"7.1.2": 0x0131}


def test_the_same_request_again_is_reported_again(open_node: Maker, modality: Modality, received: Any) -> None:
    node = open_node(senders=sender(modality))
    received("7.1.1")
    for _ in range(2):
        node.ask("2.25.1", (CT, "7.1.1"))
        node.reports().run_once(node.due_at())
    assert [event_type for event_type, _ in modality.reports] == [1, 1]
    assert len(node.rows()) == 1


def test_over_the_association_that_asked_where_no_address_is_known(open_node: Maker, received: Any) -> None:
    node, scanner = open_node(), Modality(0)
    received("7.1.1")
    assert node.ask("2.25.1", (CT, "7.1.1"), (CT, "7.1.9"), hold=scanner).Status == Status.SUCCESS
    ((event_type, report),) = scanner.reports
    assert (event_type, kept(report), failed(report)) == (2, ["7.1.1"], {"7.1.9": 0x0112})
    assert settled(node) == "reported"


def settled(node: Node) -> str:
    import time

    end = time.monotonic() + SECONDS
    while node.rows()[0].state == "open" and time.monotonic() < end:
        time.sleep(0.02)
    return str(node.rows()[0].state)


def test_the_door_goes_on_while_a_report_waits_for_its_answer(open_node: Maker, received: Any) -> None:
    """A peer may go on storing; its next message is no answer to our report."""
    node = open_node()
    received("7.1.1")
    came, go_on = threading.Event(), threading.Event()

    def slow(event: Any) -> tuple[int, None]:
        came.set()
        go_on.wait(SECONDS)
        return 0x0000, None

    entity = AE("CT1")
    entity.add_requested_context(StorageCommitmentPushModel)
    entity.add_requested_context(Verification)
    handlers = [(evt.EVT_N_EVENT_REPORT, slow)]
    association = entity.associate("127.0.0.1", node.port, evt_handlers=handlers)
    said = information("2.25.1", (CT, "7.1.1"))
    association.send_n_action(said, 1, StorageCommitmentPushModel, uids.STORAGE_COMMITMENT_INSTANCE)
    assert came.wait(SECONDS)
    from pynetdicom.dimse_primitives import C_ECHO

    echo = C_ECHO()
    echo.MessageID, echo.AffectedSOPClassUID = 9, Verification
    wanted = next(one for one in association.accepted_contexts if one.abstract_syntax == Verification)
    association.dimse.send_msg(echo, wanted.context_id)
    _, answer = association.dimse.get_msg(block=True)
    assert (answer.MessageIDBeingRespondedTo, answer.Status) == (9, 0x0000)
    go_on.set()
    assert settled(node) == "reported"
    assert association.is_established
    association.release()


def test_who_has_left_and_has_no_address_is_given_up_with_the_mend(
    open_node: Maker, received: Any, caplog: pytest.LogCaptureFixture
) -> None:
    node = open_node(senders=[{"ae_title": "CT1"}])
    received("7.1.1")
    node.outbox.ledger.writing()
    with node.outbox.ledger.writing() as db:
        row = {"transaction_uid": "2.25.1", "calling_ae": "CT1", "address": "127.0.0.1", "instances": [[CT, "7.1.1"]]}
        row |= {"duplicate": False, "received_at": 1.0, "state": "open", "due_at": 1.0, "attempt": 0, "error": ""}
        db.execute(insert(tables.commitment_requests).values(row))
    assert node.reports().run_once(10.0)
    assert node.rows()[0].state == "given_up"
    assert node.rows()[0].error == "no port is known for CT1: give its [[senders]] entry one"
    assert "gave up on the report to CT1" in caplog.text


def test_a_report_that_is_refused_is_brought_again_and_survives_a_restart(
    open_node: Maker, modality: Modality, received: Any
) -> None:
    node = open_node(senders=sender(modality))
    received("7.1.1")
    modality.answers = [0x0110, 0x0213]
    node.ask("2.25.1", (CT, "7.1.1"))
    pauses, now = [], node.due_at()
    for _ in range(3):
        # a new round each time: nothing of it lives in memory
        assert node.reports().run_once(now)
        pauses.append(node.due_at() - now)
        now = node.due_at()
    assert [kept(report) for _, report in modality.reports] == [["7.1.1"]] * 3
    assert node.rows()[0].state == "reported"
    assert 4 <= pauses[0] <= 6 and 8 <= pauses[1] <= 12


def test_a_modality_that_never_listens_is_given_up_after_hours(open_node: Maker, free_port: Any, received: Any) -> None:
    node = open_node(senders=[{"ae_title": "CT1", "port": free_port()}])
    received("7.1.1")
    node.ask("2.25.1", (CT, "7.1.1"))
    first = node.due_at()
    assert node.reports().run_once(first)
    assert node.rows()[0].state == "open" and "nobody listens" in node.rows()[0].error
    assert not node.reports().run_once(first), "not before its pause is over"
    assert node.reports().run_once(first + 73 * 3600)
    assert node.rows()[0].state == "given_up"


def test_one_dead_modality_lets_the_others_go_first(
    open_node: Maker, modality: Modality, free_port: Any, received: Any
) -> None:
    entries = [{"ae_title": "CT2", "port": free_port()}, {"ae_title": "CT1", "port": modality.port}]
    node = open_node(senders=entries)
    received("7.1.1")
    with node.outbox.ledger.writing() as db:
        for number in range(3):
            row = {"transaction_uid": f"2.25.9{number}", "calling_ae": "CT2", "address": "127.0.0.1", "attempt": 0}
            row |= {
                "instances": [[CT, "7.1.1"]],
                "duplicate": False,
                "received_at": 1e6,
                "state": "open",
                "due_at": 1e6,
            }
            db.execute(insert(tables.commitment_requests).values(row))
    node.ask("2.25.1", (CT, "7.1.1"))
    now = node.due_at()
    with node.outbox.ledger.writing() as db:
        db.execute(tables.commitment_requests.update().values(received_at=now))
    rounds = node.reports()
    assert rounds.run_once(now) and rounds.run_once(now)
    assert len(modality.reports) == 1, "all of the dead one's wait after its first failure"


def test_a_destination_is_reported_to_where_it_listens(open_node: Maker, modality: Modality, received: Any) -> None:
    place = {"name": "pacs", "ae_title": "CT1", "host": "127.0.0.1", "port": modality.port}
    node = open_node(destinations=[place])
    received("7.1.1")
    node.ask("2.25.1", (CT, "7.1.1"))
    assert node.reports().run_once(node.due_at())
    assert len(modality.reports) == 1


@pytest.mark.parametrize(
    ("transaction", "references", "how", "status"),
    [
        ("", ((CT, "7.1"),), {}, Status.INVALID_ARGUMENT),
        ("2.25.1", (), {}, Status.INVALID_ARGUMENT),
        ("2.25.1", ((CT, ""),), {}, Status.INVALID_ARGUMENT),
        ("2.25.1", ((CT, "7.1"),), {"action": 2}, Status.NO_SUCH_ACTION),
        ("2.25.1", ((CT, "7.1"),), {"instance": "1.2.3"}, Status.NO_SUCH_INSTANCE),
    ],
)
def test_what_is_no_request_is_refused(
    open_node: Maker, transaction: str, references: Any, how: dict[str, Any], status: Status
) -> None:
    node = open_node()
    answer = node.ask(transaction, *references, **how)
    assert answer.Status == status
    assert answer.ErrorComment
    assert node.rows() == []


def test_a_request_that_cannot_be_kept_is_not_promised(open_node: Maker) -> None:
    node = open_node()
    with node.outbox.ledger.writing() as db:
        db.exec_driver_sql("DROP TABLE commitment_requests")
    assert node.ask("2.25.1", (CT, "7.1.1")).Status == Status.PROCESSING_FAILURE


def test_too_many_open_requests_are_refused(
    open_node: Maker, modality: Modality, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vouch, "MOST_OPEN", 1)
    node = open_node(senders=sender(modality))
    assert node.ask("2.25.1", (CT, "7.1.1")).Status == Status.SUCCESS
    assert node.ask("2.25.2", (CT, "7.1.1")).Status == Status.RESOURCE_LIMITATION


@pytest.mark.peer
def test_orthanc_asks_us_and_hears_that_all_is_kept(open_node: Maker, orthanc: Any, make_capture: Any) -> None:
    """Orthanc sends to the node, then asks whether it keeps it, and takes the report."""
    node = open_node(senders=[{"ae_title": "ORTHANC", "port": orthanc.port}])
    orthanc.know("ICHOR", node.port)
    study = make_capture(orthanc)
    job = orthanc.ask(
        "POST", "/modalities/node/store",
        {"Resources": orthanc.find("Study", study), "Synchronous": True, "StorageCommitment": True},
    )  # fmt: skip
    transaction = job["StorageCommitmentTransactionUID"]
    assert node.reports().run_once(node.due_at())
    assert node.rows()[0].state == "reported"
    found = orthanc.ask("GET", f"/storage-commitment/{transaction}")
    assert found["Status"] == "Success", found
    assert [one["SOPInstanceUID"] for one in found["Success"]] == [f"{study}.9.1"]


@pytest.fixture
def make_capture(outbox: Any) -> Callable[[Any], str]:
    def make(orthanc: Any) -> str:
        from contextlib import closing
        from http.client import HTTPConnection

        study = "1.2.77"
        (uid,) = outbox.put(study, objects=1)
        with outbox.ledger.reading() as db:
            name = db.scalar(select(tables.result_objects.c.content_hash).where(tables.result_objects.c.sop_uid == uid))
        with closing(HTTPConnection("127.0.0.1", orthanc.http_port, timeout=30)) as connection:
            connection.request("POST", "/instances", outbox.store.path(name).read_bytes())
            assert connection.getresponse().status == 200
        with outbox.ledger.writing() as db:
            for table in (tables.deliveries, tables.result_objects, tables.result_sets, tables.studies):
                db.execute(table.delete())
        return study

    return make


def test_forgetting_leaves_what_is_open(open_node: Maker, modality: Modality, received: Any) -> None:
    from service.ledger import promises

    node = open_node(senders=sender(modality))
    received("7.1.1")
    node.ask("2.25.1", (CT, "7.1.1"))
    node.ask("2.25.2", (CT, "7.1.1"))
    node.reports().run_once(node.due_at())
    assert promises.forget_requests(node.outbox.ledger, node.due_at() + DAY) == 1
    assert [one.state for one in node.rows()] == ["open"]


def test_reports_on_our_own_requests_still_come_in(open_node: Maker) -> None:
    node = open_node()
    entity = AE("PACS")
    entity.add_requested_context(StorageCommitmentPushModel)
    role = build_role(StorageCommitmentPushModel, scp_role=True)
    association = entity.associate("127.0.0.1", node.port, ext_neg=[role])
    said = information("2.25.8", (CT, "7.1.1"))
    status, _ = association.send_n_event_report(said, 1, StorageCommitmentPushModel, uids.STORAGE_COMMITMENT_INSTANCE)
    association.release()
    assert status.Status == Status.SUCCESS
