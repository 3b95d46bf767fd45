"""Where the pixels come from: the node's store, or a folder that somebody wants read."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol


class PixelFiles(Protocol):
    """Finds the file of some content."""

    def path(self, content_hash: str) -> Path:
        """Return where it lies."""
        ...
