"""The file store: whole or absent, named by content, nothing left behind."""

from __future__ import annotations

import errno
import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.errors import NoRoom
from service.store.files import FileStore

CONTENT = b"a slice"
HASH = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path)


def drafts(store: FileStore) -> list[Path]:
    return list((store.root.parent / "incoming").iterdir())


def test_kept_content_comes_back(store: FileStore) -> None:
    store.keep([b"a ", b"slice"], HASH)
    assert store.path(HASH).read_bytes() == CONTENT
    assert store.has(HASH)
    assert not drafts(store)


def test_keeping_twice_writes_once(store: FileStore) -> None:
    store.keep([CONTENT], HASH)
    before = store.path(HASH).stat().st_ino
    store.keep([CONTENT], HASH)
    assert store.path(HASH).stat().st_ino == before


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "AB" * 32, HASH + "/", HASH[:-1], "\0" * 64])
def test_only_a_hash_becomes_a_path(store: FileStore, name: str) -> None:
    with pytest.raises(ValueError, match="not a content hash"):
        store.path(name)


def failing(number: int) -> Iterator[bytes]:
    yield b"first half"
    raise OSError(number, os.strerror(number))


def test_a_full_disk_leaves_nothing_behind(store: FileStore) -> None:
    with pytest.raises(NoRoom, match="disk is full"):
        store.keep(failing(errno.ENOSPC), HASH)
    assert not store.has(HASH)
    assert not drafts(store)


def test_another_fault_is_not_called_a_full_disk(store: FileStore) -> None:
    with pytest.raises(OSError, match="Input/output"):
        store.keep(failing(errno.EIO), HASH)
    assert not drafts(store)


def test_every_kept_file_and_its_folder_are_synced(store: FileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda handle: (synced.append(handle), real(handle))[1])
    store.keep([CONTENT], HASH)
    assert len(synced) == 3  # the file, the new folder's parent, the folder


def test_removing_says_whether_it_was_there(store: FileStore) -> None:
    store.keep([CONTENT], HASH)
    assert store.remove(HASH)
    assert not store.remove(HASH)


def test_old_drafts_of_a_crash_go_young_ones_stay(store: FileStore) -> None:
    for name in ("old", "young"):
        (store.root.parent / "incoming" / f"{name}.part").write_bytes(b"x")
    long_ago = time.time() - 7200
    os.utime(store.root.parent / "incoming" / "old.part", (long_ago, long_ago))
    assert store.sweep_drafts(time.time()) == 1
    assert [one.name for one in drafts(store)] == ["young.part"]
