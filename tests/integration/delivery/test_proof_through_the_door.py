"""Sent, asked and proven through the node's real door; archives that call back."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from service.delivery.association import associate
from service.delivery.commit import CommitmentRound, event_report_handler, report_context
from service.delivery.report import ReportRound
from service.delivery.serve import serve_deliveries
from service.intake.journal import Journal
from service.intake.rules import Right
from service.intake.scp import DoorSettings, ExtraService, StorageDoor
from service.peers import Destination
from service.practice.archive import PracticeArchive
from service.settings import DeliverySettings, DiskSettings, NodeSettings


@pytest.fixture
def node_door(outbox: Any, tmp_path: Path, free_port: Any) -> Any:
    node = NodeSettings(port=free_port(), data_dir=tmp_path / "data")
    commitments = ExtraService(
        rights=frozenset({Right.PROVE}), contexts=[report_context()], handlers=[event_report_handler(outbox.ledger)]
    )
    settings = DoorSettings(node=node, disk=DiskSettings(min_free_mb=0))
    door = StorageDoor(settings, outbox.store, Journal(outbox.ledger), [commitments])
    door.start()
    yield node
    door.stop()


def serve(outbox: Any, sending: Any, place: Destination, study: str) -> list[str]:
    """Run the deliver role until the study is proven, or the patience is over."""
    stop = threading.Event()
    proving = CommitmentRound([place], outbox.ledger, DeliverySettings(), "ICHOR")
    reporting = ReportRound(outbox.ledger, outbox.store, lambda _: None, DeliverySettings(), "ICHOR")
    serving = threading.Thread(target=serve_deliveries, args=(sending(place), proving, reporting, stop))
    serving.start()
    end = time.monotonic() + 20
    while time.monotonic() < end and set(outbox.states(study)) != {"committed"}:
        time.sleep(0.05)
    stop.set()
    serving.join(20)
    assert not serving.is_alive(), "it stops when told"
    states: list[str] = outbox.states(study)
    return states


def test_practice_archive_proves_to_the_node(
    outbox: Any, sending: Any, node_door: NodeSettings, tmp_path: Path
) -> None:
    node = Destination(name="node", ae_title=node_door.ae_title, host="127.0.0.1", port=node_door.port)
    archive = PracticeArchive(tmp_path / "archive", "127.0.0.1", 0, "PRACTICE", node)
    archive.start()
    outbox.put("1.2.1", objects=4, urgent=True)
    place = Destination(name="pacs", ae_title="PRACTICE", host="127.0.0.1", port=archive.port)
    assert serve(outbox, sending, place, "1.2.1") == ["committed"] * 4
    archive.stop()
    assert len(archive.files()) == 4


@pytest.mark.peer
def test_orthanc_proves_to_the_node(outbox: Any, sending: Any, node_door: NodeSettings, orthanc: Any) -> None:
    orthanc.know(node_door.ae_title, node_door.port)
    uids = outbox.put("1.2.1", objects=4)
    place = Destination(name="pacs", ae_title=orthanc.aet, host="127.0.0.1", port=orthanc.port)
    assert serve(outbox, sending, place, "1.2.1") == ["committed"] * 4
    assert orthanc.sop_uids() == sorted(uids)


def test_nothing_waits_for_a_delayed_ack(node_door: NodeSettings) -> None:
    node = Destination(name="node", ae_title=node_door.ae_title, host="127.0.0.1", port=node_door.port)
    with associate("CT1", node, []) as association:
        assert association.dul.socket.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
