"""Peers that hang, and files that cannot be sent: the others are served, and the node stops in time."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from pydicom.uid import SecondaryCaptureImageStorage
from pynetdicom import AE, evt

from service.delivery import serve
from service.delivery.commit import CommitmentRound
from service.delivery.report import ReportRound
from service.delivery.serve import serve_deliveries
from service.dicom.statuses import Status
from service.peers import Destination
from service.settings import DeliverySettings


@pytest.fixture
def hanging() -> Iterator[tuple[int, threading.Event]]:
    """Listen, take an object and answer only when the test is over; says when an object came."""
    came, over = threading.Event(), threading.Event()

    def hang(_: Any) -> int:
        came.set()
        over.wait(60)
        return int(Status.SUCCESS)

    ae = AE("PACS")
    ae.add_supported_context(SecondaryCaptureImageStorage)
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, hang)])
    yield server.server_address[1], came
    over.set()
    server.shutdown()


def _staying() -> list[threading.Thread]:
    """Name the threads that the interpreter would wait for at its end."""
    mine = (threading.main_thread(), threading.current_thread())
    return [one for one in threading.enumerate() if not one.daemon and one not in mine and _asks(one)]


def _asks(thread: threading.Thread) -> bool:
    return bool(getattr(getattr(thread, "assoc", None), "is_requestor", False))


def test_a_peer_that_hangs_in_an_object_holds_up_no_shutdown(
    outbox: Any,
    sending: Any,
    hanging: tuple[int, threading.Event],
    settings: DeliverySettings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    port, came = hanging
    monkeypatch.setattr(serve, "GRACE_SECONDS", 0.5)
    place = Destination(name="pacs", ae_title="PACS", host="127.0.0.1", port=port, commit=False)
    outbox.put("1.2.1")
    stop = threading.Event()
    proving = CommitmentRound([place], outbox.ledger, settings, "ICHOR")
    reporting = ReportRound(outbox.ledger, outbox.store, lambda _: None, settings, "ICHOR")
    serving = threading.Thread(target=serve_deliveries, args=(sending(place), proving, reporting, stop))
    serving.start()
    assert came.wait(20)
    stop.set()
    serving.join(5)
    assert not serving.is_alive()
    assert set(outbox.states("1.2.1")) <= {"queued", "retrying"}
    end = time.monotonic() + 5
    while time.monotonic() < end and _staying():
        time.sleep(0.02)
    assert _staying() == [], "a thread keeps the process from ending"


def test_a_damaged_result_file_is_refused_with_the_mend_and_the_others_go(
    outbox: Any, sending: Any, storescp_factory: Any
) -> None:
    peer = storescp_factory()
    outbox.put("1.2.1", objects=3)
    first = next(outbox.store.root.glob("*/*.dcm"))
    first.write_bytes(b"no DICOM at all")
    place = Destination(name="pacs", ae_title="STORESCP", host="127.0.0.1", port=peer.port, commit=False)
    sending(place).run_once(1_000_000.0)
    assert sorted(outbox.states("1.2.1")) == ["retrying", "sent", "sent"]
    assert "replay the study" in outbox.error("1.2.1")
