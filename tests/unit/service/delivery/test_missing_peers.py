"""A missing peer is a skip with the install line on a desk, and a failure in CI."""

from __future__ import annotations

import pytest
from peers import find_program


def test_missing_program_skips_with_the_install_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(pytest.skip.Exception, match="no-such-scu is not installed: apt-get install dcmtk"):
        find_program("no-such-scu")


def test_missing_program_fails_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="no-such-scu is not installed"):
        find_program("no-such-scu")
