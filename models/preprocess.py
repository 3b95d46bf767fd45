"""HU slice to network input; training and serving both come through here."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.anatomy import Reduced, Ring, find_ring, reduce_slice
from models.card import Preprocess
from models.reading import Region, SliceInput
from models.volume import AIR

FloatImage = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Prepared:
    """Network input of one slice and what of the source it shows."""

    image: FloatImage  # [channels, size, size] in -1..1
    region: Region
    small: Reduced
    ring: Ring


def prepare(source: SliceInput, spec: Preprocess) -> Prepared:
    """Resample as the card says, then window."""
    small = reduce_slice(source.hu, source.row_mm, source.col_mm)
    ring = find_ring(small)
    region = head_region(source, small, ring, spec) if spec.mm_per_pixel else whole(source)
    return Prepared(windowed(crop(source.hu, region, spec.size), spec), region, small, ring)


def whole(source: SliceInput) -> Region:
    """The full slice, for cards with plain resize."""
    return (0.0, 0.0, float(source.hu.shape[0]), float(source.hu.shape[1]))


def head_region(source: SliceInput, small: Reduced, ring: Ring, spec: Preprocess) -> Region:
    """A square of size x mm_per_pixel millimetres around the middle of the head, in source pixels."""
    down, across = small.row_mm / source.row_mm, small.col_mm / source.col_mm
    row, col = (ring.row + 0.5) * down, (ring.col + 0.5) * across
    half = spec.size * spec.mm_per_pixel / 2
    tall, wide = half / source.row_mm, half / source.col_mm
    return (row - tall, col - wide, row + tall, col + wide)


def crop(hu: FloatImage, region: Region, size: int) -> FloatImage:
    """Resample a region to size x size with an antialiased triangle filter; outside the image is air."""
    top, left, bottom, right = region
    rows = _weights(hu.shape[0], top, bottom, size)
    cols = _weights(hu.shape[1], left, right, size)
    return rows @ (hu - np.float32(AIR)) @ cols.T + np.float32(AIR)


def _weights(length: int, start: float, stop: float, size: int) -> FloatImage:
    """[size, length]; each row sums to 1 over an endless image, so what lies outside counts as the zero of `crop`."""
    scale = (stop - start) / size
    support = max(1.0, scale)
    wanted = start + (np.arange(size) + 0.5) * scale - 0.5
    phase = wanted - np.floor(wanted)
    reach = np.arange(-np.ceil(support) - 1, np.ceil(support) + 2)
    total = np.clip(1 - np.abs(phase[:, None] - reach) / support, 0, None).sum(axis=1, keepdims=True)
    near = np.abs(wanted[:, None] - np.arange(length)[None, :])
    return np.asarray(np.clip(1 - near / support, 0, None) / total, np.float32)


def windowed(hu: FloatImage, spec: Preprocess) -> FloatImage:
    """HU [..., H, W] to [..., channels, H, W] in -1..1; bounds are centre -+ width // 2."""
    channels = [_window(hu, centre - width // 2, centre + width // 2) for centre, width in spec.windows]
    return np.stack(channels, axis=-3)


def _window(hu: FloatImage, low: int, high: int) -> FloatImage:
    return np.asarray(np.clip((hu - low) * np.float32(2 / (high - low)) - 1, -1, 1), np.float32)
