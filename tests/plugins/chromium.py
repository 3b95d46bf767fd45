"""Debian's Chromium, driven over its own protocol; nothing is downloaded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from peers import find_program

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage"]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A running browser."""
    from playwright.sync_api import sync_playwright

    program = find_program("chromium")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def tab(chromium: Any) -> Iterator[Callable[..., Any]]:
    """Open a tab with a profile of its own; whatever the page complains about fails the test at its end."""
    complaints: list[str] = []
    profiles = []

    def open_tab(expected: str = "", **options: Any) -> Any:
        profiles.append(chromium.new_context(**{"viewport": {"width": 1440, "height": 900}} | options))
        page = profiles[-1].new_page()
        page.on("pageerror", lambda problem: complaints.append(str(problem)))
        page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
        page.expected_complaint = expected
        return page

    yield open_tab
    expected = [page.expected_complaint for one in profiles for page in one.pages if page.expected_complaint]
    for one in profiles:
        one.close()
    assert not [one for one in complaints if not any(word in one for word in expected)]
