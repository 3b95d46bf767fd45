"""HU slice to network input; training and serving both come through here."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.anatomy import Reduced, Ring, find_ring, reduce_slice
from models.reading import Beside, Region, SliceInput
from models.sections import PILLOW, Preprocess
from models.volume import AIR

FloatImage = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Prepared:
    """Network input of one slice and what of the source it shows."""

    image: FloatImage  # [channels, size, size]
    region: Region
    small: Reduced
    ring: Ring


def prepare(source: SliceInput, spec: Preprocess, beside: Beside = (None, None)) -> Prepared:
    """As the card says; channels of neighbours come above, self, below, where a missing one is the slice itself."""
    small = reduce_slice(source.hu, source.row_mm, source.col_mm)
    ring = find_ring(small)
    region = _region(source, small, ring, spec)
    shown = seen(source, spec, region)
    if spec.neighbours:
        above, below = (shown if one is None else _neighbour(one, source, spec, region) for one in beside)
        shown = np.concatenate([above, shown, below])
    return Prepared(shown, region, small, ring)


def prepare_all(slices: Sequence[SliceInput], spec: Preprocess) -> list[Prepared]:
    """A whole series in order of ascending position, each slice beside its neighbours."""
    padded = [None, *slices, None]
    return [prepare(one, spec, (padded[at + 2], padded[at])) for at, one in enumerate(slices)]


def seen(source: SliceInput, spec: Preprocess, region: Region) -> FloatImage:
    """[windows, size, size]: what one slice shows, before neighbours join it."""
    if spec.picture:
        return normed(picture(shares(source.hu, spec), spec), spec)
    return windowed(crop(source.hu, region, spec.size), spec)


def _neighbour(one: SliceInput, middle: SliceInput, spec: Preprocess, region: Region) -> FloatImage:
    """Cut like the slice between; a neighbour on another grid is cut by its own look."""
    alike = (one.hu.shape, one.row_mm, one.col_mm) == (middle.hu.shape, middle.row_mm, middle.col_mm)
    if not alike:
        small = reduce_slice(one.hu, one.row_mm, one.col_mm)
        region = _region(one, small, find_ring(small), spec)
    return seen(one, spec, region)


def _region(source: SliceInput, small: Reduced, ring: Ring, spec: Preprocess) -> Region:
    return head_region(source, small, ring, spec) if spec.mm_per_pixel else whole(source, spec)


def whole(source: SliceInput, spec: Preprocess) -> Region:
    """The full slice, or its centre, for cards with plain resize."""
    rows, cols = source.hu.shape
    (top, bottom), (left, right) = (_middle(spec.through or side, spec.centre) for side in (rows, cols))
    down, across = rows / (spec.through or rows), cols / (spec.through or cols)
    return (top * down, left * across, bottom * down, right * across)


def _middle(side: int, share: float) -> tuple[int, int]:
    kept = round(side * share)
    return (side - kept) // 2, (side - kept) // 2 + kept


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
    tall = _drawn_in(hu - np.float32(AIR), top, bottom, size)
    return _drawn_in(tall.T, left, right, size).T + np.float32(AIR)


def _drawn_in(image: FloatImage, start: float, stop: float, size: int) -> FloatImage:
    """Rows from start to stop as `size` rows: each the sum of the few that its triangle touches.

    A triangle's weights sum to 1 over an endless image, so what lies outside counts as 0.
    """
    scale = (stop - start) / size
    support = max(1.0, scale)
    wanted = start + (np.arange(size) + 0.5) * scale - 0.5
    at = np.floor(wanted) + np.arange(-np.ceil(support), np.ceil(support) + 2)[:, None]  # [taps, size]
    weights = np.clip(1 - np.abs(wanted - at) / support, 0, None)
    weights = np.where((at >= 0) & (at < len(image)), weights / weights.sum(axis=0), 0).astype(np.float32)
    places = at.clip(0, len(image) - 1).astype(np.intp)
    image = np.ascontiguousarray(image)
    made = np.zeros((size, image.shape[1]), np.float32)
    for place, weight in zip(places, weights, strict=True):
        if weight.any():
            made += weight[:, None] * image[place]
    return made


def windowed(hu: FloatImage, spec: Preprocess) -> FloatImage:
    """HU [..., H, W] to network values [..., windows, H, W]."""
    return normed(shares(hu, spec), spec)


def bounds(window: tuple[int, int]) -> tuple[int, int]:
    """Lowest and highest HU that a window tells apart: centre -+ width // 2."""
    centre, width = window
    return centre - width // 2, centre + width // 2


def shares(hu: FloatImage, spec: Preprocess) -> FloatImage:
    """HU [..., H, W] to window shares 0..1 [..., windows, H, W], spread and cut to 8 bits where the card says so."""
    made = np.stack([_share(hu, *bounds(window)) for window in spec.windows], axis=-3)
    if spec.spread:
        made = _spread(made)
    return np.floor(made * np.float32(255)) / np.float32(255) if spec.bytes else made


def _share(hu: FloatImage, low: int, high: int) -> FloatImage:
    return np.asarray(np.clip((hu - np.float32(low)) / np.float32(high - low), 0, 1), np.float32)


def _spread(made: FloatImage) -> FloatImage:
    """Lowest to 0, highest to 1; an even picture becomes black."""
    low, high = made.min(axis=(-2, -1), keepdims=True), made.max(axis=(-2, -1), keepdims=True)
    return np.asarray((made - low) / np.where(high > low, high - low, 1), np.float32)


def normed(made: FloatImage, spec: Preprocess) -> FloatImage:
    """Shares [..., windows, H, W] with the card's mean taken out, in units of its spread."""
    mean, sd = (np.asarray(each, np.float32)[:, None, None] for each in (spec.mean, spec.sd))
    return np.asarray((made - mean) / sd, np.float32)


def picture(made: FloatImage, spec: Preprocess) -> FloatImage:
    """Shares [windows, H, W] to [windows, size, size]: through a first size, the centre, the final size."""
    first = resized(made, (spec.through, spec.through), spec) if spec.through else made
    (top, bottom), (left, right) = (_middle(side, spec.centre) for side in first.shape[1:])
    return resized(first[:, top:bottom, left:right], (spec.size, spec.size), spec)


def resized(made: FloatImage, shape: tuple[int, int], spec: Preprocess) -> FloatImage:
    """Bilinear as pictures are resized: the rim repeats; 8-bit pictures are rounded to 8 bits again."""
    if made.shape[1:] == shape:
        return made
    rows, cols = (_taps(*pair, spec.filter) for pair in zip(made.shape[1:], shape, strict=True))
    small = np.asarray(rows @ made @ cols.T, np.float32)
    return np.asarray(np.rint(small * np.float32(255)) / np.float32(255), np.float32) if spec.bytes else small


def _taps(length: int, size: int, kind: str) -> FloatImage:
    """[size, length]; every row sums to 1."""
    scale = length / size
    support = max(1.0, scale) if kind == PILLOW else 1.0
    wanted = (np.arange(size) + 0.5) * scale - 0.5
    if kind != PILLOW:
        wanted = wanted.clip(0, length - 1)
    taps = np.clip(1 - np.abs(wanted[:, None] - np.arange(length)[None, :]) / support, 0, None)
    return np.asarray(taps / taps.sum(axis=1, keepdims=True), np.float32)
