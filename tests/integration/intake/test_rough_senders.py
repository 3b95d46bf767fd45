"""Senders that stall, flood, lie about themselves or leave; and a door that is closed while they send."""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from service.dicom.statuses import Status
from service.domain.ids import AssociationId
from service.domain.scan import Association
from service.errors import Unavailable
from service.ledger.arrivals import open_association
from service.ledger.book import open_ledger
from service.peers import Sender

Maker = Callable[..., Any]


def wait_until(holds: Callable[[], bool], seconds: float = 5.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


@pytest.fixture
def plug() -> Iterator[Callable[[Any], socket.socket]]:
    """Plain TCP connections to a house."""
    opened: list[socket.socket] = []

    def build(house: Any) -> socket.socket:
        opened.append(socket.create_connection(("127.0.0.1", house.port), timeout=10))
        return opened[-1]

    yield build
    for one in opened:
        one.close()


def test_a_silent_client_is_shown_out(open_house: Maker, plug: Maker) -> None:
    house = open_house(idle_seconds=0.5)
    assert plug(house).recv(1) == b""
    wait_until(lambda: house.door.active == 0)


@pytest.mark.parametrize("start", [b"\x01", b"\x01\x00\x00\x00\x10\x00", b"\x01\x00\x00\x00\x10\x00" + b"\0" * 500])
def test_half_a_pdu_does_not_hold_the_door(open_house: Maker, plug: Maker, start: bytes) -> None:
    house = open_house(idle_seconds=0.5)
    connection = plug(house)
    connection.sendall(start)
    assert connection.recv(1) == b""
    wait_until(lambda: house.door.active == 0)


def test_half_a_pdu_in_the_middle_of_an_object(
    open_house: Maker, sending: Maker, make_ct: Maker, encoded: Maker
) -> None:
    house = open_house(idle_seconds=0.5)
    sender = sending(house)
    assert sender.store(encoded(make_ct()), "2.25.1").Status == Status.SUCCESS
    sender.association.dul.socket.send(b"\x04\x00\x00\x00\x20\x00" + b"\0" * 100)
    wait_until(lambda: house.rows("associations", "end") == [("lost",)])
    assert len(house.files()) == 1


def test_a_drip_of_bytes_meets_its_deadline(open_house: Maker, plug: Maker) -> None:
    house = open_house(idle_seconds=0.6)
    connection = plug(house)
    connection.sendall(b"\x01\x00\x00\x00\x10\x00")
    started = time.monotonic()
    with pytest.raises(OSError):
        while time.monotonic() - started < 5:
            connection.sendall(b"\0")
            time.sleep(0.1)
    assert time.monotonic() - started < 3


def test_a_pdu_of_a_gigabyte_is_not_read(open_house: Maker, plug: Maker) -> None:
    house = open_house()
    connection = plug(house)
    connection.sendall(b"\x01\x00" + struct.pack(">L", 1 << 30))
    assert connection.recv(1) == b""
    wait_until(lambda: house.door.active == 0)


def test_health_checks_do_not_use_up_the_associations(open_house: Maker, plug: Maker, connect: Maker) -> None:
    house = open_house(max_associations=3)
    for _ in range(12):
        plug(house).close()
    wait_until(lambda: house.door.active == 0)
    assert connect(house).send_c_echo().Status == Status.SUCCESS


def test_one_association_too_many_is_refused_for_now(open_house: Maker, connect: Maker) -> None:
    house = open_house(max_associations=2)
    first, second, third = (connect(house) for _ in range(3))
    assert first.is_established and second.is_established and third.is_rejected
    reject = third.acceptor.primitive
    assert (reject.result, reject.result_source, reject.diagnostic) == (2, 3, 2)  # PS3.8 9.3.4: local limit exceeded
    first.release()
    wait_until(lambda: house.door.active == 1)
    assert connect(house).is_established


@pytest.mark.parametrize(
    ("sender", "calling", "admitted"),
    [
        (Sender(ae_title="CT1"), "CT1", True),
        (Sender(ae_title="CT1"), "CT2", False),
        (Sender(ae_title="CT1", host="127.0.0.1"), "CT1", True),
        (Sender(ae_title="CT1", host="localhost"), "CT1", True),
        (Sender(ae_title="CT1", host="192.0.2.7"), "CT1", False),
    ],
)
def test_only_named_senders_come_in(
    open_house: Maker, connect: Maker, sender: Sender, calling: str, admitted: bool
) -> None:
    association = connect(open_house(senders=(sender,)), calling=calling)
    assert (association.is_established, association.is_rejected) == (admitted, not admitted)
    if not admitted:
        reject = association.acceptor.primitive
        assert (reject.result, reject.result_source, reject.diagnostic) == (1, 1, 3)


def test_an_open_door_wants_to_be_called_by_its_name(open_house: Maker, connect: Maker) -> None:
    house = open_house(host="0.0.0.0", senders=(Sender(ae_title="CT1"),))
    assert connect(house, called="WRONG").is_rejected
    assert connect(house, called="ICHOR").is_established
    assert connect(open_house(), called="WRONG").is_established


def test_noise_does_not_disturb_the_others(open_house: Maker, plug: Maker, connect: Maker) -> None:
    house = open_house(idle_seconds=1)
    for noise in (
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        os.urandom(500),
        b"\x04\0\0\0\0\x04\0\0\0\0",
        b"\x07\0\0\0\0\x04" * 9,
    ):
        plug(house).sendall(noise)
    assert connect(house).send_c_echo().Status == Status.SUCCESS
    wait_until(lambda: house.door.active <= 1, 15)


def test_a_taken_port_says_so(open_house: Maker, tmp_path: Path) -> None:
    house = open_house()
    with pytest.raises(Unavailable, match=str(house.port)):
        open_house(root=tmp_path / "second", port=house.port)


def test_visits_of_a_dead_process_are_lost(open_house: Maker, tmp_path: Path) -> None:
    ledger = open_ledger(f"sqlite:///{tmp_path / 'ledger.sqlite3'}")
    visit = Association(
        association=AssociationId("a"), calling_ae="CT1", called_ae="ICHOR", address="10.0.0.1", opened_at=1.0
    )
    open_association(ledger, visit)
    ledger.close()
    assert open_house().rows("associations", "end") == [("lost",)]


def test_closing_while_somebody_sends_loses_nothing_acknowledged(
    open_house: Maker, sending: Maker, make_ct: Maker, encoded: Maker
) -> None:
    house, acknowledged, started = open_house(), list[str](), threading.Event()

    def send(sender: Any, prefix: int) -> None:
        for number in range(1, 1000):
            name = f"2.25.{prefix}{number:04d}"
            answer = sender.store(encoded(make_ct(name)), name)
            if "Status" not in answer or answer.Status != Status.SUCCESS:
                return
            acknowledged.append(name)
            started.set()

    senders = [threading.Thread(target=send, args=(sending(house), prefix)) for prefix in (1, 2, 3)]
    for one in senders:
        one.start()
    assert started.wait(5)
    begun = time.monotonic()
    house.door.stop(grace_seconds=0.3)
    assert time.monotonic() - begun < 5
    for one in senders:
        one.join(15)
    kept = {sop_uid for (sop_uid,) in house.rows("instances", "sop_uid")}
    assert acknowledged and set(acknowledged) <= kept
    assert {end for (end,) in house.rows("associations", "end")} <= {"lost", "aborted"}


def test_stopping_waits_for_who_is_nearly_done(
    open_house: Maker, sending: Maker, make_ct: Maker, encoded: Maker
) -> None:
    house = open_house()
    sender = sending(house)
    stopping = threading.Thread(target=house.door.stop, args=(5,))
    stopping.start()
    time.sleep(0.2)
    assert sender.store(encoded(make_ct()), "2.25.1").Status == Status.SUCCESS
    sender.association.release()
    stopping.join(3)
    assert not stopping.is_alive() and house.rows("associations", "end") == [("released",)]


def test_an_acknowledged_object_survives_kill(
    tmp_path: Path, connect: Maker, sending: Maker, make_ct: Maker, encoded: Maker
) -> None:
    """A process that dies without a chance to tidy up (SIGKILL) keeps what it said it keeps."""
    script = (
        "import sys; from pathlib import Path; from service.intake.journal import Journal\n"
        "from service.intake.scp import DoorSettings, StorageDoor; from service.ledger.book import open_ledger\n"
        "from service.settings import DiskSettings, NodeSettings; from service.store.files import FileStore\n"
        "root = Path(sys.argv[1])\n"
        "settings = DoorSettings(node=NodeSettings(port=0), disk=DiskSettings(min_free_mb=0))\n"
        "ledger = open_ledger(f'sqlite:///{root}/ledger.sqlite3')\n"
        "print(StorageDoor(settings, FileStore(root), Journal(ledger)).start(), flush=True)\n"
        "import time; time.sleep(60)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3]
    )
    try:
        assert process.stdout is not None

        class Elsewhere:
            port = int(process.stdout.readline())

        sender = sending(Elsewhere)
        names = [f"2.25.{number}" for number in range(1, 21)]
        assert {sender.store(encoded(make_ct(one)), one).Status for one in names} == {Status.SUCCESS}
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()
    ledger = open_ledger(f"sqlite:///{tmp_path / 'ledger.sqlite3'}")
    with ledger.reading() as connection:
        rows = connection.exec_driver_sql("SELECT content_hash FROM instances").fetchall()
    ledger.close()
    assert len(rows) == 20
    assert all(next(tmp_path.glob(f"objects/*/{row[0][2:]}.dcm")).stat().st_size > 500 for row in rows)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 2 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"a full disk needs the right to mount a tmpfs (run as root): {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_refuses_keeps_no_half_file_and_recovers(
    open_house: Maker, sending: Maker, make_ct: Maker, encoded: Maker, small_disk: Path
) -> None:
    house = open_house(root=small_disk)
    sender = sending(house)
    answers = [
        sender.store(encoded(make_ct(f"2.25.{at}", side=512)), f"2.25.{at}") for at in range(1, 7)
    ]  # half a MB each
    assert [one.Status for one in answers] == [Status.SUCCESS] * 3 + [Status.OUT_OF_RESOURCES] * 3
    assert len(house.files()) == len(house.rows("instances")) == 3
    house.files()[0].unlink()
    assert sender.store(encoded(make_ct("2.25.9", side=512)), "2.25.9").Status == Status.SUCCESS
