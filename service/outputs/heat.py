"""From HU and an activation map to the pixels of an overlay; numpy only, every colour a pure function of its value."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from service.domain.reading import ActivationMap
from service.domain.verdict import ANY

Grey = NDArray[np.uint8]
Picture = NDArray[np.uint8]
Heat = NDArray[np.float32]

BRAIN_CENTRE, BRAIN_WIDTH = 40.0, 80.0
#: heat below this leaves the slice untouched
FLOOR = 0.1
#: the anatomy shines through even under the hottest place
MOST_OPAQUE = 0.7
#: value, red, green, blue: dark crimson to pale yellow, brighter at every step so that it also reads in grey
STOPS = ((0.0, 64, 4, 32), (0.35, 176, 16, 40), (0.6, 232, 62, 28), (0.8, 250, 132, 36), (1.0, 255, 224, 112))


def windowed(hu: NDArray[np.float32], centre: float, width: float) -> Grey:
    """Map HU to grey between centre - width / 2 and centre + width / 2; what is not a number is black."""
    low = centre - width / 2
    share = (np.nan_to_num(hu, nan=low, posinf=low, neginf=low) - low) / width
    grey: Grey = np.rint(np.clip(share, 0.0, 1.0) * 255).astype(np.uint8)
    return grey


def brain_window(hu: NDArray[np.float32]) -> Grey:
    """Map HU to grey as a radiologist sets a head CT: centre 40, width 80."""
    return windowed(hu, BRAIN_CENTRE, BRAIN_WIDTH)


def heat_of(
    activation: ActivationMap | None, labels: tuple[str, ...], probability: float, shape: tuple[int, int]
) -> Heat:
    """Spread the map of any bleed over the source pixels; its hottest place is worth the slice's probability."""
    if activation is None:
        return np.zeros(shape, np.float32)
    plane = _plane(activation, labels)
    peak = float(plane.max(initial=0.0))
    if peak <= 0:
        return np.zeros(shape, np.float32)
    return _spread(plane / peak * np.float32(np.clip(probability, 0.0, 1.0)), activation.region, shape)


def _plane(activation: ActivationMap, labels: tuple[str, ...]) -> Heat:
    planes = np.frombuffer(activation.data, np.float16).reshape(activation.labels, activation.rows, activation.columns)
    chosen = labels.index(ANY) if ANY in labels else 0
    kept: Heat = np.maximum(np.nan_to_num(planes[chosen].astype(np.float32), posinf=0.0, neginf=0.0), 0.0)
    return kept


def _spread(plane: Heat, region: tuple[float, float, float, float], shape: tuple[int, int]) -> Heat:
    top, left, bottom, right = region
    rows, inside_rows = _sample(shape[0], top, bottom, plane.shape[0])
    columns, inside_columns = _sample(shape[1], left, right, plane.shape[1])
    tall = _between(plane, rows)
    spread = _between(tall.T, columns).T
    covered: Heat = (spread * np.outer(inside_rows, inside_columns)).astype(np.float32)
    return covered


def _sample(pixels: int, start: float, end: float, cells: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return for each pixel centre its place among the cell centres, and whether it lies in the region at all."""
    centres = np.arange(pixels) + 0.5
    places = (centres - start) / max(end - start, 1e-6) * cells - 0.5
    return np.clip(places, 0, cells - 1), (centres >= start) & (centres <= end)


def _between(plane: Heat, places: NDArray[np.float64]) -> Heat:
    lower = np.floor(places).astype(int)
    upper = np.minimum(lower + 1, plane.shape[0] - 1)
    weight = (places - lower)[:, None].astype(np.float32)
    mixed: Heat = plane[lower] * (1 - weight) + plane[upper] * weight
    return mixed


def colours(heat: Heat) -> Picture:
    """Return the colour of each heat value between 0 and 1."""
    values = [stop[0] for stop in STOPS]
    channels = [np.interp(heat, values, [stop[at] for stop in STOPS]) for at in (1, 2, 3)]
    picture: Picture = np.rint(np.stack(channels, axis=-1)).astype(np.uint8)
    return picture


def opacity(heat: Heat) -> Heat:
    """Return how much of the colour covers the slice: nothing up to FLOOR, then rising."""
    alpha: Heat = (np.clip((heat - FLOOR) / (1 - FLOOR), 0.0, 1.0) ** 0.8 * MOST_OPAQUE).astype(np.float32)
    return alpha


def blend(grey: Grey, heat: Heat) -> Picture:
    """Lay the heat over the grey slice."""
    alpha = opacity(heat)[..., None]
    mixed = grey[..., None] * (1 - alpha) + colours(heat) * alpha
    picture: Picture = np.rint(mixed).astype(np.uint8)
    return picture


def palette() -> Picture:
    """Return red, green, blue and opacity of 256 heat values from 0 to 1, for an overlay that lies over the slice."""
    ramp = np.linspace(0.0, 1.0, 256, dtype=np.float32)
    covering = np.rint(opacity(ramp) * 255).astype(np.uint8)
    table: Picture = np.concatenate([colours(ramp), covering[:, None]], axis=1)
    return table


def body_box(grey: Grey) -> tuple[slice, slice]:
    """Return the rows and columns that hold the head, with a little air; the whole slice when there is none."""
    return _extent(grey, 1), _extent(grey, 0)


def _extent(grey: Grey, axis: int) -> slice:
    size = grey.shape[1 - axis]
    held = np.flatnonzero((grey > 0).mean(axis=axis) > 0.02)
    if held.size < size // 4:
        return slice(0, size)
    air = size // 32
    return slice(max(0, int(held[0]) - air), min(size, int(held[-1]) + 1 + air))
