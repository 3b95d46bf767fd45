"""Fixtures for every test; the real DICOM peers live in plugins/peers.py."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "plugins"))

pytest_plugins = ["peers", "heads", "nodes", "packs", "trees", "chromium"]

#: pynetdicom 3.0 drops the socket of a refused connection unclosed (freed at once); such a socket has no peer address
REFUSED_SOCKET = r"Exception ignored in. <socket\.socket fd=\d+, family=\d+, type=\d+, proto=\d+(, laddr=\([^)]*\))?>"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("filterwarnings", f"ignore:{REFUSED_SOCKET}:pytest.PytestUnraisableExceptionWarning")
