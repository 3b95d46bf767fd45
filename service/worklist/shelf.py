"""Pictures kept in memory up to a number of bytes; the ones asked for longest ago go first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable


class Shelf:
    """A cache that many threads share."""

    def __init__(self, limit_bytes: float) -> None:
        self._limit = limit_bytes
        self._held: OrderedDict[Hashable, bytes] = OrderedDict()
        self._lock = threading.Lock()
        self.size = 0

    def get(self, key: Hashable, make: Callable[[], bytes]) -> bytes:
        """Return what is kept under the key, made now where it is missing; what ``make`` raises is not kept."""
        with self._lock:
            if key in self._held:
                self._held.move_to_end(key)
                return self._held[key]
        made = make()
        with self._lock:
            self._put(key, made)
        return made

    def _put(self, key: Hashable, made: bytes) -> None:
        if len(made) > self._limit:
            return
        self.size += len(made) - len(self._held.pop(key, b""))
        self._held[key] = made
        while self.size > self._limit:
            _, oldest = self._held.popitem(last=False)
            self.size -= len(oldest)
