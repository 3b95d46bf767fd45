"""How a head is seen: table and headrest, beam hardening, streaks between the petrous bones, blur and noise."""

from dataclasses import dataclass

import numpy as np

from models.phantom.grid import Array
from models.phantom.nouns import Vendor
from models.phantom.shapes import paint, soft


@dataclass(frozen=True, eq=False)
class Scanner:
    """Settings of one scan."""

    vendor: Vendor
    kernel: str
    kvp: float
    noise: float  #: HU in the middle of the head
    blur: float  #: standard deviation in mm
    hardening: float  #: HU added beside thick bone
    streaks: float
    shell_hu: float
    rest: float  #: mm from the image centre down to the headrest
    rest_shift: float


def random_scanner(vendor: Vendor, rng: np.random.Generator) -> Scanner:
    """Draw a protocol of the vendor."""
    return Scanner(
        vendor, str(rng.choice(vendor.kernels)), float(rng.choice([120.0, 120.0, 120.0, 140.0, 100.0])),
        rng.uniform(*vendor.noise_hu), rng.uniform(*vendor.cutoff), rng.uniform(3, 9), rng.uniform(2, 8),
        rng.uniform(-250, 120), rng.uniform(99, 108), rng.normal(0, 4),
    )  # fmt: skip


def paint_headrest(hu: Array, scanner: Scanner, rows: Array, cols: Array) -> None:
    """A curved carbon shell with foam inside, drawn only where there is air."""
    across = cols[None, :] - np.float32(scanner.rest_shift)
    radius = np.hypot(across, rows[:, None])
    shell = np.abs(radius - np.float32(scanner.rest)) - 1.3
    arc = soft(12 - rows[:, None] + 0.2 * np.abs(across), 3)
    air = np.clip((-300 - hu) / 600, 0, 1)
    paint(hu, -930.0, soft(np.abs(radius - scanner.rest + 7) - 5, 2) * arc * air)
    paint(hu, scanner.shell_hu, soft(shell, 1.5) * arc * air)


def harden(hu: Array, scanner: Scanner, pixel_mm: float) -> None:
    """Brightening beside bone and dark bands across dense base slices, in place."""
    bone = np.clip((hu - 150) / 1000, 0, 1.6)
    reach = max(1, round(7 / pixel_mm))
    tissue = np.clip((hu + 250) / 200, 0, 1)
    near = box_blur(box_blur(bone, reach), reach)
    hu += np.float32(scanner.hardening) * near * tissue * (1 - np.minimum(bone, 1))
    middle = box_blur(np.repeat(np.maximum(bone - 0.7, 0).mean(axis=1, keepdims=True), hu.shape[1], axis=1), 3)
    band = middle - box_blur(middle, 3 * reach)
    hu -= np.float32(18 * scanner.streaks) * band * tissue * (1 - np.minimum(bone, 1))


def box_blur(image: Array, reach: int) -> Array:
    """Mean over a square of 2 reach + 1 pixels."""
    for axis in (0, 1):
        pad = [(reach + 1, reach) if each == axis else (0, 0) for each in (0, 1)]
        total = np.cumsum(np.pad(image, pad, mode="edge"), axis=axis, dtype=np.float32)
        width = 2 * reach + 1
        ahead, behind = total.take(range(width, total.shape[axis]), axis), total.take(range(image.shape[axis]), axis)
        image = (ahead - behind) / np.float32(width)
    return image


def enlarge(image: Array, matrix: int) -> Array:
    """Bilinear to matrix x matrix pixels, pixel areas aligned."""
    scale = image.shape[0] / matrix
    wanted = np.clip((np.arange(matrix) + 0.5) * scale - 0.5, 0, image.shape[0] - 1)
    weights = np.clip(1 - np.abs(wanted[:, None] - np.arange(image.shape[0])[None, :]), 0, None).astype(np.float32)
    return np.asarray(weights @ image @ weights.T, np.float32)


@dataclass(frozen=True, eq=False)
class Detector:
    """Blur and noise spectra on one matrix."""

    blur: Array  # [n, n // 2 + 1]
    noise: Array  # unit standard deviation after filtering


def make_detector(scanner: Scanner, matrix: int, pixel_mm: float) -> Detector:
    """Gaussian MTF; noise power rises with frequency and falls with the MTF, as filtered back projection has it."""
    down = np.fft.fftfreq(matrix, pixel_mm)[:, None]
    across = np.fft.rfftfreq(matrix, pixel_mm)[None, :]
    frequency = np.hypot(down, across)
    mtf = np.exp(-2 * (np.pi * scanner.blur * frequency) ** 2)
    shaped = np.sqrt(frequency + 0.02) * np.exp(-2 * (np.pi * scanner.blur * 1.25 * frequency) ** 2)
    weight = np.full(across.shape, 2.0)
    weight[0, 0] = 1
    power = float((weight * shaped**2).sum()) / matrix**2
    return Detector(mtf.astype(np.float32), (shaped / np.sqrt(power)).astype(np.float32))


def expose(hu: Array, scanner: Scanner, detector: Detector, rng: np.random.Generator) -> Array:
    """Blur the ideal slice and add noise that grows with what the beam must pass."""
    spectrum = np.fft.rfft2(rng.standard_normal(hu.shape, np.float32)) * detector.noise
    noise = np.fft.irfft2(spectrum, s=hu.shape)
    dense = np.clip((hu + 1000) / 1000, 0, 2.5)
    load = np.sqrt(dense.mean(axis=0, keepdims=True) * dense.mean(axis=1, keepdims=True))
    seen = np.fft.irfft2(np.fft.rfft2(hu) * detector.blur, s=hu.shape)
    return np.asarray(seen + noise * np.float32(scanner.noise) * (0.35 + 0.85 * load), np.float32)
