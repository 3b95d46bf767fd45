"""Practice never reaches a real PACS."""

from __future__ import annotations

from service.peers import Destination
from service.settings import Settings
from service.wiring.roles import practising


def test_synthetic_results_go_to_the_practice_archive_alone() -> None:
    real = Destination(name="pacs", ae_title="PACS", host="10.0.0.9", port=104)
    (only,) = practising(Settings(destinations=(real,))).destinations
    assert (only.host, only.port) == ("127.0.0.1", Settings().practice.port)
