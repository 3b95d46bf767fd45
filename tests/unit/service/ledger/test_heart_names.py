"""A process keeps its name when the machine's clock is set."""

from __future__ import annotations

import os
from typing import Any

import psutil
import pytest

from service.ledger.heart import is_dead, process_name


def test_a_living_process_is_not_called_dead_after_the_clock_was_set(monkeypatch: pytest.MonkeyPatch) -> None:
    name, born, boot = process_name(), psutil.Process.create_time, psutil.boot_time()

    def later(process: psutil.Process, *given: Any) -> float:
        return float(born(process, *given)) + 3600

    monkeypatch.setattr(psutil.Process, "create_time", later)
    monkeypatch.setattr(psutil, "boot_time", lambda: boot + 3600)
    assert process_name() == name
    assert not is_dead(name)
    assert is_dead(name.replace(f":{os.getpid()}:", ":999999999:"))
