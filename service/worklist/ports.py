"""What the reading list is given; wiring builds it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from service.ledger.book import Ledger
from service.settings import Settings
from service.store.files import FileStore


@dataclass(frozen=True, kw_only=True)
class WorklistPorts:
    """Everything the web role works with."""

    ledger: Ledger
    store: FileStore
    settings: Settings
    #: practice on loopback: neither login nor token is asked for
    open_door: bool = False
    #: the roles of this process, which /readyz answers for
    roles: frozenset[str] = frozenset()
    #: start of the pulse names that count as this process's; empty takes any process's
    process: str = ""
    version: str = ""
    clock: Callable[[], float] = time.time
