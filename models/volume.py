"""Stored pixels to HU, in numpy only; the one place that knows padding, rescale and clipping."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

AIR = -1000.0  #: HU given to padding, whatever value the scanner wrote there
LOWEST, HIGHEST = -1024.0, 3071.0  #: HU range of a 12-bit scanner; metal beyond it says nothing more
WRAP = 4096


def to_hu(
    stored: ArrayLike,
    slope: float,
    intercept: float,
    padding: float | None = None,
    padding_limit: float | None = None,
) -> NDArray[np.float32]:
    """HU = stored x slope + intercept; padding (stored units, one value or a range) becomes air."""
    values = np.asarray(stored)
    hu = values.astype(np.float32) * np.float32(slope) + np.float32(intercept)
    np.clip(hu, LOWEST, HIGHEST, out=hu)
    if padding is not None:
        hu[_is_padding(values, padding, padding_limit)] = AIR
    return hu


def _is_padding(values: NDArray[Any], padding: float, limit: float | None) -> NDArray[np.bool_]:
    """PS3.3 C.7.5.1.1.2: a lone value is exact, a limit makes an inclusive range in either direction."""
    low, high = sorted((padding, padding if limit is None else limit))
    return np.asarray((values >= low) & (values <= high))


def wrap_damaged(bits_stored: int, signed: bool, intercept: float) -> bool:
    """The look of the 12-bit wrap of the RSNA 2019 set; honest scanners can look so too, so it is a switch."""
    return bits_stored == 12 and not signed and int(intercept) > -100


def repair_wrap(stored: ArrayLike) -> tuple[NDArray[np.int32], float]:
    """Undo the wrap once: returns the repaired stored pixels and their intercept (-1000)."""
    shifted = np.asarray(stored).astype(np.int32) + 1000
    shifted[shifted >= WRAP] -= WRAP
    return shifted, -1000.0
