"""A content-addressed file store: a name is a hash, a file is whole or absent, a kept file survives a power cut."""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from uuid import uuid4

from service.errors import NoRoom

HASH = re.compile(r"[0-9a-f]{64}")
BYTES_PER_MB = 1024 * 1024
#: nobody writes one file for longer than this
DRAFT_SECONDS = 3600.0


class FileStore:
    """Keeps byte strings under data_dir/objects; two halves of the hash make the folders small."""

    def __init__(self, root: Path) -> None:
        self.root = root / "objects"
        self._waiting = root / "incoming"
        self._safe: set[Path] = set()
        for folder in (self.root, self._waiting):
            folder.mkdir(parents=True, exist_ok=True)
            _sync_folder(root)

    def path(self, content_hash: str) -> Path:
        """Return where content with this hash lies; only a hash can become a name."""
        if not HASH.fullmatch(content_hash):
            raise ValueError(f"not a content hash: {content_hash!r}")
        return self.root / content_hash[:2] / f"{content_hash[2:]}.dcm"

    def has(self, content_hash: str) -> bool:
        """Tell whether the content is here."""
        return self.path(content_hash).exists()

    def keep(self, parts: Iterable[bytes], content_hash: str) -> None:
        """Write, fsync, rename and fsync the folder; NoRoom when the disk is full, and then nothing is left behind."""
        target = self.path(content_hash)
        if target.exists():
            # another thread may have renamed it a moment ago: answer only when its folder is safe too
            self._make_folder(target.parent)
            _sync_folder(target.parent)
            return
        draft = self._waiting / f"{uuid4().hex}.part"
        try:
            _write(draft, parts)
            self._make_folder(target.parent)
            draft.replace(target)
            _sync_folder(target.parent)
        except OSError as problem:
            if problem.errno in (errno.ENOSPC, errno.EDQUOT):
                raise NoRoom("the disk is full: free some space under data_dir") from problem
            raise
        finally:
            draft.unlink(missing_ok=True)

    def remove(self, content_hash: str) -> bool:
        """Delete content; False when it was not there."""
        target = self.path(content_hash)
        existed = target.exists()
        target.unlink(missing_ok=True)
        return existed

    def free_mb(self) -> float:
        """Return the free space of the disk in MB."""
        return shutil.disk_usage(self.root).free / BYTES_PER_MB

    def sweep_drafts(self, now: float) -> int:
        """Delete half-written drafts that a crash left; young ones may belong to a living process."""
        drafts = [one for one in self._waiting.glob("*.part") if one.stat().st_mtime < now - DRAFT_SECONDS]
        for draft in drafts:
            draft.unlink(missing_ok=True)
        return len(drafts)

    def _make_folder(self, folder: Path) -> None:
        """Make a folder that survives a power cut; one that another process just made is synced here as well."""
        if folder not in self._safe or not folder.exists():
            folder.mkdir(exist_ok=True)
            _sync_folder(folder.parent)
            self._safe.add(folder)


def _write(draft: Path, parts: Iterable[bytes]) -> None:
    with draft.open("xb") as file:
        for part in parts:
            file.write(part)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
