"""Figures of a head scan that a phantom must share with a real one: noise spectrum, tissue peaks, edges."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.anatomy import Ring, find_ring, is_head_level, reduce_slice, ring_facts
from models.phantom.grid import Array
from models.phantom.scanner import box_blur

PATCH = 32  #: pixels
FLAT_HU = (10.0, 55.0)  #: a patch within these everywhere (smoothed) is brain without fluid and bone
TISSUE_HU = (16.0, 50.0)
FREQUENCIES = np.arange(0.05, 1.0, 0.1)  #: middles of the bins, cycles per mm
INSET_MM = 7.0
RAYS, STEP_MM, REACH_MM = 180, 0.25, 150.0
BONE_HU, SKIN_HU = 500.0, -500.0


@dataclass(frozen=True, eq=False)
class Scan:
    """Slices in HU, all of one pixel size."""

    name: str
    slices: Sequence[Array]
    pixel_mm: float


@dataclass(frozen=True)
class Figures:
    """What is compared."""

    noise: float  #: HU, standard deviation in flat patches of brain
    mean_frequency: float  #: cycles per mm of the noise
    spectrum: tuple[float, ...]  #: share of noise power at FREQUENCIES
    fluid: float  #: HU
    white: float
    grey: float
    brain_spread: float  #: HU, of the brain smoothed over 3 mm
    skull_edge: float  #: mm from 10 to 90 % between brain and inner table
    skin_edge: float  #: mm from 90 to 10 % between skin and air


@dataclass(frozen=True, eq=False)
class _Level:
    """One slice through vault and brain."""

    hu: Array
    centre: tuple[float, float]  #: pixels
    inner_mm: Array  # [RAYS] to the inner table
    rays: Array  # [RAYS, steps]


def measure(scan: Scan) -> Figures:
    """Measure the slices that show vault and brain."""
    levels = [level for hu in scan.slices if (level := _level(np.asarray(hu, np.float32), scan.pixel_mm))]
    if not levels:
        raise ValueError(f"{scan.name}: no slice shows a closed skull filled with brain; give whole heads")
    noise, spectrum = _noise(levels, scan.pixel_mm)
    brain = np.concatenate([_brain(level, scan.pixel_mm) for level in levels])
    white, grey = two_peaks(brain[(brain > TISSUE_HU[0]) & (brain < TISSUE_HU[1])])
    skins = [_last_above(level.rays, SKIN_HU) for level in levels]
    return Figures(
        noise=noise, mean_frequency=float((FREQUENCIES * spectrum).sum()), spectrum=tuple(map(float, spectrum)),
        fluid=float(np.percentile(brain, 1)), white=white, grey=grey, brain_spread=float(brain.std()),
        skull_edge=rise_mm(_aligned([level.rays for level in levels], [level.inner_mm for level in levels])),
        skin_edge=rise_mm(_aligned([level.rays for level in levels], skins)[::-1]),
    )  # fmt: skip


def _level(hu: Array, pixel_mm: float) -> _Level | None:
    small = reduce_slice(hu, pixel_mm, pixel_mm)
    ring: Ring = find_ring(small)
    if not is_head_level(ring_facts(small, ring)):
        return None
    centre = ((ring.row + 0.5) * small.row_mm / pixel_mm, (ring.col + 0.5) * small.col_mm / pixel_mm)
    rays = _rays(hu, centre, pixel_mm)
    beyond = np.arange(rays.shape[1]) * STEP_MM > 20
    return _Level(hu, centre, STEP_MM * ((rays > BONE_HU) & beyond).argmax(axis=1), rays)


def _rays(hu: Array, centre: tuple[float, float], pixel_mm: float) -> Array:
    """HU along rays from the middle, bilinear."""
    angle = np.linspace(0, 2 * np.pi, RAYS, endpoint=False)[:, None]
    along = np.arange(0, REACH_MM, STEP_MM)[None, :] / pixel_mm
    row = np.clip(centre[0] - 0.5 + np.sin(angle) * along, 0, hu.shape[0] - 1.001)
    col = np.clip(centre[1] - 0.5 + np.cos(angle) * along, 0, hu.shape[1] - 1.001)
    top, left = row.astype(np.intp), col.astype(np.intp)
    down, across = row - top, col - left
    upper = hu[top, left] * (1 - across) + hu[top, left + 1] * across
    lower = hu[top + 1, left] * (1 - across) + hu[top + 1, left + 1] * across
    return np.asarray(upper * (1 - down) + lower * down, np.float32)


def _last_above(rays: Array, hu: float) -> Array:
    """Millimetres to where the head ends; table and headrest come after a gap of air."""
    above = rays > hu
    gap = np.cumsum(~above & (np.arange(rays.shape[1]) * STEP_MM > 60), axis=1) > round(1.5 / STEP_MM)
    return np.asarray(STEP_MM * (np.where(gap, 0, above) * np.arange(rays.shape[1])).max(axis=1), np.float64)


def _aligned(rays: list[Array], places: list[Array]) -> Array:
    """The median profile from 6 mm before to 6 mm behind the places."""
    reach = round(6 / STEP_MM)
    at = np.rint(np.concatenate(places) / STEP_MM).astype(np.intp)
    lines = np.concatenate(rays)
    usable = (at > 80) & (at < lines.shape[1] - reach)
    window = at[usable, None] + np.arange(-reach, reach + 1)
    return np.asarray(np.median(np.take_along_axis(lines[usable], window, axis=1), axis=0), np.float64)


def rise_mm(profile: Array) -> float:
    """From 10 to 90 % of the first rise of a profile that starts low and crosses over in its middle."""
    middle = len(profile) // 2
    low = float(np.median(profile[: middle // 2]))
    high = float(profile[middle : middle + round(3 / STEP_MM)].max())
    share = np.maximum.accumulate((profile - low) / (high - low))
    fine = np.interp([0.1, 0.9], share + 1e-9 * np.arange(len(share)), np.arange(len(share)) * STEP_MM)
    return float(fine[1] - fine[0])


def _brain(level: _Level, pixel_mm: float) -> Array:
    """Smoothed values well inside the skull."""
    down = np.arange(level.hu.shape[0])[:, None] + 0.5 - level.centre[0]
    across = np.arange(level.hu.shape[1])[None, :] + 0.5 - level.centre[1]
    turn = np.mod(np.arctan2(down, across), 2 * np.pi) * RAYS / (2 * np.pi)
    inside = np.hypot(down, across) * pixel_mm < level.inner_mm[turn.astype(np.intp) % RAYS] - INSET_MM
    smooth = box_blur(level.hu, max(1, round(1.5 / pixel_mm)))
    return np.asarray(smooth[inside & (smooth > -10) & (smooth < 90)], np.float32)


def two_peaks(values: Array) -> tuple[float, float]:
    """Means of two normal distributions of one width, by expectation and maximisation."""
    low, high = (float(one) for one in np.percentile(values, (25, 75)))
    width, share = float(values.std()) / 2, 0.5
    for _ in range(60):
        first = share * np.exp(-((values - low) ** 2) / (2 * width**2))
        second = (1 - share) * np.exp(-((values - high) ** 2) / (2 * width**2))
        weight = first / (first + second + 1e-12)
        low, high = (
            float((weight * values).sum() / weight.sum()),
            float(((1 - weight) * values).sum() / (1 - weight).sum()),
        )
        spread = weight * (values - low) ** 2 + (1 - weight) * (values - high) ** 2
        width, share = float(np.sqrt(spread.mean())), float(weight.mean())
    return min(low, high), max(low, high)


def _noise(levels: list[_Level], pixel_mm: float) -> tuple[float, NDArray[np.float64]]:
    """Standard deviation and spectrum in flat patches, slow changes taken off."""
    powers = [power for level in levels for power in _patches(level.hu)]
    if not powers:
        raise ValueError("no flat patch of brain to measure the noise in")
    power = np.median(powers, axis=0) / np.log(2)  # the median of a periodogram's bins is ln 2 of their mean
    across = np.fft.fftfreq(PATCH, pixel_mm)
    bins = np.rint((np.hypot(across[:, None], across) - FREQUENCIES[0]) / 0.1).astype(np.intp)
    shares = np.array([power[bins == one].sum() for one in range(len(FREQUENCIES))])
    return float(np.sqrt(power.sum()) / PATCH), shares / shares.sum()


def _patches(hu: Array) -> list[Array]:
    smooth = box_blur(hu, 3)
    flat = (smooth > FLAT_HU[0]) & (smooth < FLAT_HU[1])
    window = np.hanning(PATCH)[:, None] * np.hanning(PATCH)
    window /= np.sqrt((window**2).mean())
    out: list[Array] = []
    for top in range(0, hu.shape[0] - PATCH, PATCH // 2):
        for left in range(0, hu.shape[1] - PATCH, PATCH // 2):
            part = (slice(top, top + PATCH), slice(left, left + PATCH))
            if flat[part].all():
                patch = hu[part] - box_blur(hu[part], 6)
                out.append(np.abs(np.fft.fft2((patch - patch.mean()) * window)) ** 2 / PATCH**2)
    return out
