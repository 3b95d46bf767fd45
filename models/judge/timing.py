"""How long reading takes when nothing else of the same command runs."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from models import Reader
from models.datasets import LoadedCase
from models.judge.read import read_case

TIMED = 6  #: series read again for the clock


@dataclass(frozen=True)
class Timing:
    """From HU to series probabilities; decoding files is not in it."""

    device: str
    series: int
    slices: int
    slice_ms: float  #: median over the series of milliseconds per slice
    slice_ms_worst: float
    series_s: float  #: median


def clock(reader: Reader, cases: Iterable[LoadedCase]) -> Timing:
    """Read each once; the first one warms up and counts only when it is alone."""
    taken = [(reading.seconds, len(reading.positions)) for reading in (read_case(reader, each) for each in cases)]
    counted = taken[1:] or taken
    seconds, slices = (np.array(column, np.float64) for column in zip(*counted, strict=True))
    per_slice = 1000 * seconds / slices
    return Timing(
        reader.device, len(counted), int(slices.sum()), float(np.median(per_slice)), float(per_slice.max()),
        float(np.median(seconds)),
    )  # fmt: skip
