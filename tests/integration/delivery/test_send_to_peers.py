"""Sending to real DCMTK peers: down, back, refusing, breaking, slow."""

from __future__ import annotations

import shutil
import threading
import time
from typing import Any

import pytest

from service.delivery.commit import CommitmentRound
from service.delivery.report import ReportRound
from service.delivery.send import LEASE_SECONDS
from service.delivery.serve import serve_deliveries
from service.ledger import outbox as verbs
from service.peers import Destination
from service.settings import DeliverySettings

pytestmark = pytest.mark.peer
NOW = 1_000_000.0
HOUR = 3600.0


def to(port: int, name: str = "pacs", aet: str = "STORESCP", **more: Any) -> Destination:
    return Destination(name=name, ae_title=aet, host="127.0.0.1", port=port, **more)


def test_files_arrive_whole_and_are_marked_sent(outbox: Any, sending: Any, storescp_factory: Any) -> None:
    peer = storescp_factory("--bit-preserving")
    outbox.put("1.2.1", objects=3)

    assert sending(to(peer.port)).run_once(NOW) == 3

    assert outbox.states("1.2.1") == ["sent"] * 3
    assert len(peer.files()) == 3
    assert sending(to(peer.port)).run_once(NOW + 1) == 0


def test_destination_down_for_an_hour_loses_nothing_and_positives_go_first(
    outbox: Any, sending: Any, storescp_factory: Any, free_port: Any
) -> None:
    port = free_port()
    rounds = sending(to(port))
    outbox.put("1.2.1", objects=2)
    outbox.put("1.2.2", objects=2)
    tries = 0
    for minute in range(60):
        if minute == 30:
            outbox.put("1.2.3", objects=2, urgent=True, at=NOW + minute * 60)
        tries += rounds.run_once(NOW + minute * 60) > 0

    assert 10 <= tries <= 60
    assert set(outbox.states("1.2.1") + outbox.states("1.2.2") + outbox.states("1.2.3")) <= {"queued", "retrying"}
    assert "nobody listens at 127.0.0.1" in outbox.error("1.2.3")
    assert len({row["due_at"] for row in outbox.rows("1.2.3")}) == 1

    peer = storescp_factory(port=port)
    back = NOW + HOUR + 120
    assert rounds.run_once(back) == 2
    assert outbox.states("1.2.3") == ["sent", "sent"], "the positive study leaves first"
    for second in (1, 2, 3):
        rounds.run_once(back + second)
    assert set(outbox.states("1.2.1") + outbox.states("1.2.2")) == {"sent"}
    assert len(peer.files()) == 6


def test_peer_stopped_and_started_again(outbox: Any, sending: Any, storescp_factory: Any) -> None:
    peer = storescp_factory()
    rounds = sending(to(peer.port))
    outbox.put("1.2.1")
    rounds.run_once(NOW)
    peer.stop()
    outbox.put("1.2.2")
    rounds.run_once(NOW + 1)
    assert outbox.states("1.2.2") == ["retrying", "retrying"]
    peer.start()
    assert rounds.run_once(NOW + 2) == 0, "the destination rests after an outage"
    rounds.run_once(NOW + 20)
    assert outbox.states("1.2.2") == ["sent", "sent"]
    assert outbox.error("1.2.2") == ""


def test_full_disk_at_the_peer_is_said_in_words_and_backs_off(outbox: Any, sending: Any, storescp_factory: Any) -> None:
    peer = storescp_factory()
    shutil.rmtree(peer.folder)
    rounds = sending(to(peer.port))
    outbox.put("1.2.1", objects=1)
    dues = []
    for _ in range(3):
        (row,) = outbox.rows("1.2.1")
        rounds.run_once(float(row["due_at"]))
        (after,) = outbox.rows("1.2.1")
        dues.append(float(after["due_at"]) - float(row["due_at"]))

    assert outbox.states("1.2.1") == ["retrying"]
    assert "refused with 'out of resources (A700H)': free some space there" in outbox.error("1.2.1")
    assert dues == pytest.approx([5, 10, 20], abs=2)


def test_gives_up_after_the_set_time_and_starts_afresh_by_hand(
    outbox: Any, sending: Any, storescp_factory: Any, free_port: Any
) -> None:
    port = free_port()
    rounds = sending(to(port))
    outbox.put("1.2.1", objects=1)
    rounds.run_once(NOW + 71 * HOUR)
    assert outbox.states("1.2.1") == ["retrying"]
    late = NOW + 73 * HOUR
    rounds.run_once(late)
    assert outbox.states("1.2.1") == ["dead"]
    storescp_factory(port=port)
    assert rounds.run_once(late + HOUR) == 0
    assert verbs.retry(outbox.ledger, int(outbox.rows("1.2.1")[0]["id"]), late + HOUR)
    rounds.run_once(late + HOUR)
    assert outbox.states("1.2.1") == ["sent"]


def test_peer_that_breaks_off_does_not_make_the_others_wait_behind_one_object(
    outbox: Any, sending: Any, storescp_factory: Any
) -> None:
    peer = storescp_factory("--abort-after")
    outbox.put("1.2.1", objects=2)
    sending(to(peer.port)).run_once(NOW)
    first, second = outbox.rows("1.2.1")
    assert (first["state"], second["state"]) == ("retrying", "retrying")
    assert "did not answer a C-STORE" in str(first["error"]) or "broke off" in str(first["error"])
    rounds = sending(to(peer.port))
    rounds.run_once(NOW + 20)
    first, second = outbox.rows("1.2.1")
    assert float(second["due_at"]) < float(first["due_at"])


def test_peer_that_rejects_the_association_is_named_with_the_mend(
    outbox: Any, sending: Any, storescp_factory: Any
) -> None:
    peer = storescp_factory("--refuse")
    outbox.put("1.2.1", objects=1)
    sending(to(peer.port)).run_once(NOW)
    assert "STORESCP at 127.0.0.1" in outbox.error("1.2.1")
    assert "rejected the association" in outbox.error("1.2.1")


def test_peer_without_the_sop_class_takes_the_rest(outbox: Any, sending: Any, door: Any) -> None:
    outbox.put("1.2.1", objects=1)
    sending(to(door.server_address[1], aet="ICHOR")).run_once(NOW)
    assert "takes no Secondary Capture Image Storage: allow this SOP class there" in outbox.error("1.2.1")


def test_destination_gone_from_the_settings_is_dead_with_the_mend(outbox: Any, sending: Any) -> None:
    outbox.put("1.2.1", to="old-pacs", objects=2)
    sending().run_once(NOW)
    assert outbox.states("1.2.1") == ["dead", "dead"]
    assert outbox.error("1.2.1") == "no [[destinations]] entry is called 'old-pacs': put it back and retry, or leave it"


def test_lost_file_is_told_and_the_others_go(outbox: Any, sending: Any, storescp_factory: Any) -> None:
    peer = storescp_factory()
    outbox.put("1.2.1", objects=2)
    gone = next(outbox.store.root.glob("*/*.dcm"))
    gone.unlink()
    sending(to(peer.port)).run_once(NOW)
    assert sorted(outbox.states("1.2.1")) == ["retrying", "sent"]
    assert "the result file is gone from the store" in outbox.error("1.2.1")


def test_what_a_dead_sender_had_leased_is_sent_by_the_next(outbox: Any, sending: Any, storescp_factory: Any) -> None:
    peer = storescp_factory()
    outbox.put("1.2.1")
    assert verbs.due(outbox.ledger, NOW, LEASE_SECONDS, 10, "pacs")
    rounds = sending(to(peer.port))
    assert rounds.run_once(NOW + 1) == 0
    assert rounds.run_once(NOW + LEASE_SECONDS + 1) == 2
    assert outbox.states("1.2.1") == ["sent", "sent"]


def test_a_slow_destination_holds_up_nobody_else(
    outbox: Any, sending: Any, storescp_factory: Any, settings: DeliverySettings
) -> None:
    slow = storescp_factory("--sleep-after", "2")
    fast = storescp_factory()
    places = (to(slow.port, "slow", commit=False), to(fast.port, "fast", commit=False))
    for number in range(1, 5):
        outbox.put(f"1.2.{number}", to="slow", objects=1)
        outbox.put(f"1.2.{number}", to="fast", objects=1)
    stop = threading.Event()
    commitments = CommitmentRound(places, outbox.ledger, settings, "ICHOR")
    reporting = ReportRound(outbox.ledger, outbox.store, lambda _: None, settings, "ICHOR")
    serving = threading.Thread(target=serve_deliveries, args=(sending(*places), commitments, reporting, stop))
    started = time.monotonic()
    serving.start()
    while time.monotonic() - started < 20 and len(fast.files()) < 4:
        time.sleep(0.05)
    took = time.monotonic() - started
    behind = len(slow.files())
    stop.set()
    serving.join(30)
    assert not serving.is_alive()
    assert len(fast.files()) == 4
    assert behind < 4, f"the slow one was through already after {took:.1f} s: nothing was shown"
