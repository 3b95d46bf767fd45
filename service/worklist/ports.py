"""What the reading list is given; wiring builds it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.domain.reading import SliceReading
from service.domain.scan import StoredInstance
from service.ledger.book import Ledger
from service.settings import Settings
from service.store.files import FileStore

Hu = NDArray[np.float32]
Grey = NDArray[np.uint8]
#: 0 to 1 over the slice's pixels
Heat = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, eq=False)
class SlicePorts:
    """How slices become visible; reading pixels and colouring heat have rooms of their own, closed to this one."""

    #: an image and a frame of it, from 0
    hounsfield: Callable[[StoredInstance, int], Hu]
    #: HU, centre and width
    windowed: Callable[[Hu, float, float], Grey]
    #: what was read, the slice's probability, rows and columns
    heat: Callable[[SliceReading, float, tuple[int, int]], Heat]
    #: red, green, blue and opacity of 256 heat values from 0 to 1
    palette: NDArray[np.uint8]
    #: heat below this leaves the slice untouched
    heat_floor: float
    #: changes whenever the same file would look different
    edition: str


@dataclass(frozen=True, kw_only=True)
class WorklistPorts:
    """Everything the web role works with."""

    ledger: Ledger
    store: FileStore
    settings: Settings
    slices: SlicePorts
    #: practice on loopback: neither login nor token is asked for
    open_door: bool = False
    #: the roles of this process, which /readyz answers for
    roles: frozenset[str] = frozenset()
    #: start of the pulse names that count as this process's; empty takes any process's
    process: str = ""
    version: str = ""
    clock: Callable[[], float] = time.time
