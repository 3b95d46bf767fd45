"""Pictures in memory: never more bytes than allowed, the ones asked for longest ago go first."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import UndecodablePixels
from service.worklist.shelf import Shelf


def made(shelf: Shelf, key: Any, size: int) -> bool:
    """Ask for a picture; tell whether it had to be made."""
    calls = []
    assert len(shelf.get(key, lambda: calls.append(key) or bytes(size))) == size
    return bool(calls)


def test_what_was_asked_for_lately_stays() -> None:
    shelf = Shelf(100)
    assert made(shelf, "a", 40) and made(shelf, "b", 40)
    assert not made(shelf, "a", 40)
    assert made(shelf, "c", 40)
    assert not made(shelf, "a", 40) and made(shelf, "b", 40)


def test_what_is_larger_than_the_shelf_is_not_kept() -> None:
    shelf = Shelf(100)
    made(shelf, "a", 60)
    assert made(shelf, "huge", 101) and made(shelf, "huge", 101)
    assert not made(shelf, "a", 60)


def test_nothing_is_kept_where_no_room_is_given() -> None:
    shelf = Shelf(0)
    assert made(shelf, "a", 1) and made(shelf, "a", 1)
    assert shelf.size == 0


def test_a_failure_is_not_kept() -> None:
    def fail() -> bytes:
        raise UndecodablePixels("the stream is damaged")

    shelf = Shelf(100)
    with pytest.raises(UndecodablePixels):
        shelf.get("a", fail)
    assert made(shelf, "a", 10)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 60)), max_size=60))
def test_the_size_is_what_is_held_and_never_above_the_limit(asked: list[tuple[int, int]]) -> None:
    shelf = Shelf(100)
    for key, size in asked:
        shelf.get((key, size), lambda size=size: bytes(size))
        assert shelf.size == sum(len(one) for one in shelf._held.values()) <= 100


def test_two_threads_that_make_the_same_picture_count_it_once() -> None:
    shelf, both = Shelf(100), threading.Barrier(2)

    def make() -> bytes:
        both.wait(10)
        return bytes(30)

    threads = [threading.Thread(target=shelf.get, args=("a", make)) for _ in range(2)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert shelf.size == 30
