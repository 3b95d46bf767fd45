"""What practice mode runs beside the node: an archive, and two synthetic heads through the node's own door."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from service.delivery.association import echo
from service.errors import DestinationDown, IchorError
from service.peers import Destination
from service.practice.archive import PracticeArchive
from service.practice.make_head import make_head
from service.practice.send import send_series
from service.practice.write_series import write_series

log = logging.getLogger(__name__)

SCANNER_AE = "PRACTICECT"
#: one bleed that is plain to see, one head without
CASES = (("intraparenchymal", 3), ("none", 11))
LOOK_SECONDS = 0.3
DOOR_SECONDS = 120.0


@contextmanager
def practice_beside(data_dir: Path, node: Destination, archive: Destination) -> Iterator[PracticeArchive]:
    """Run the archive that the node delivers to, and send the two heads once the node answers."""
    keeper = PracticeArchive(data_dir / "practice-archive", archive.host, archive.port, archive.ae_title, node)
    keeper.start()
    stop = threading.Event()
    sender = threading.Thread(target=_send_quietly, args=(data_dir, node, stop), name="practice-sender")
    sender.start()
    try:
        yield keeper
    finally:
        stop.set()
        sender.join()
        keeper.stop()


def send_heads(data_dir: Path, node: Destination, stop: threading.Event) -> int:
    """Send the two heads once per data folder; returns how many were sent now."""
    folder = data_dir / "practice-heads"
    sent = 0
    for finding, seed in CASES:
        marker = folder / f"{finding}-{seed}.sent"
        if marker.exists() or stop.is_set():
            continue
        paths = write_series(make_head(finding, seed), folder / f"{finding}-{seed}")
        if not _door_is_open(node, stop):
            return sent
        send_series(paths, node, SCANNER_AE)
        marker.touch()
        sent += 1
    return sent


def _send_quietly(data_dir: Path, node: Destination, stop: threading.Event) -> None:
    try:
        send_heads(data_dir, node, stop)
    except IchorError as problem:
        log.error("the practice heads could not be sent: %s", problem)
    except Exception:
        log.exception("the practice heads could not be sent")


def _door_is_open(node: Destination, stop: threading.Event) -> bool:
    """Wait until the node answers a C-ECHO; False when it was stopped first."""
    for _ in range(round(DOOR_SECONDS / LOOK_SECONDS)):
        try:
            echo(SCANNER_AE, node)
        except DestinationDown as problem:
            log.debug("the door is not open yet: %s", problem)
        else:
            return True
        if stop.wait(LOOK_SECONDS):
            return False
    raise DestinationDown(f"the node's own door at {node.host}:{node.port} did not open: look into its log")
