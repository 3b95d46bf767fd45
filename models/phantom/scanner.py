"""How a head is seen: table and headrest, beam hardening, streaks between the petrous bones, blur and noise."""

from dataclasses import dataclass

import numpy as np

from models.phantom.grid import Array
from models.phantom.nouns import Vendor
from models.phantom.priors import Dice
from models.phantom.shapes import paint, soft

COARSER, FAR_SHARE = 4, 6.0  #: hardening is slow, so it is worked out on fewer pixels; its reach beyond the rim
KVP = (120.0, 120.0, 120.0, 140.0, 100.0)


@dataclass(frozen=True, eq=False)
class Scanner:
    """Settings of one scan."""

    vendor: Vendor
    kernel: str
    kvp: float
    noise: float  #: HU in the middle of the head
    grain: float  #: how fine the noise is: exponent of frequency in its spectrum
    cut_off: float  #: of the kernel, per mm
    blur: float  #: standard deviation in mm
    sharpen: float  #: edge enhancement; 0 = none
    hardening: float  #: HU added beside thick bone
    streaks: float
    cupping: float  #: HU by which the middle lies below the rim
    offset: float  #: HU by which all tissue is read too high
    shell_hu: float
    rest: float  #: mm from the image centre down to the headrest; 0 = none
    rest_shift: float
    rest_from: float  #: mm below the middle where its arms end
    rest_squash: float  #: below 1 it is wider than a circle
    motion: float  #: mm; 0 = the head lay still
    motion_share: float


def random_scanner(vendor: Vendor, rng: np.random.Generator, variety: float = 1.0, thickness: float = 5.0) -> Scanner:
    """Draw a protocol of the vendor; thin slices are noisier."""
    dice = Dice(rng, variety)
    louder = float(np.clip(np.sqrt(5 / thickness), 0.8, 1.8))
    sharp, moves = dice.happens("sharp"), dice.happens("motion")
    return Scanner(
        vendor=vendor, kernel=str(rng.choice(vendor.kernels)), kvp=float(rng.choice(KVP)),
        noise=louder * dice.of("noise"), grain=dice.of("grain"), blur=dice.of("blur"), cut_off=dice.of("cut_off"),
        sharpen=dice.of("sharpen") if sharp else 0.0, hardening=dice.of("hardening"), streaks=dice.of("streaks"),
        cupping=dice.of("cupping"), offset=dice.of("offset"), shell_hu=dice.of("shell"),
        rest=0.0 if dice.happens("no_rest") else dice.of("rest"), rest_shift=float(rng.normal(0, 4)),
        rest_from=dice.of("rest_from"), rest_squash=dice.of("rest_squash"),
        motion=dice.of("motion") if moves else 0.0, motion_share=dice.of("motion_share"),
    )  # fmt: skip


def paint_headrest(hu: Array, scanner: Scanner, rows: Array, cols: Array) -> None:
    """A curved carbon shell with foam inside, drawn only where there is air."""
    if not scanner.rest:
        return
    across = cols[None, :] - np.float32(scanner.rest_shift)
    radius = np.hypot(across * np.float32(scanner.rest_squash), rows[:, None])
    shell = np.abs(radius - np.float32(scanner.rest)) - 1.3
    arc = soft(scanner.rest_from - rows[:, None], 3)
    air = np.clip((-300 - hu) / 600, 0, 1)
    paint(hu, -930.0, soft(np.abs(radius - scanner.rest + 7) - 5, 2) * arc * air)
    paint(hu, scanner.shell_hu, soft(shell, 1.5) * arc * air)


def harden(hu: Array, scanner: Scanner, pixel_mm: float) -> None:
    """Brightening beside bone and dark bands across dense base slices, in place."""
    bone = np.clip((hu - 150) / 1000, 0, 1.6)
    tissue = np.clip((hu + 250) / 200, 0, 1) * (1 - np.minimum(bone, 1))
    step = COARSER if hu.shape[0] % COARSER == 0 else 1
    coarse = bone.reshape(hu.shape[0] // step, step, -1, step).mean(axis=(1, 3))
    reach = max(1, round(7 / pixel_mm / step))
    near, far = _twice_blurred(coarse, reach), _twice_blurred(coarse, 3 * reach)
    middle = box_blur(np.repeat(np.maximum(coarse - 0.7, 0).mean(axis=1, keepdims=True), coarse.shape[1], axis=1), 1)
    band = middle - box_blur(middle, 3 * reach)
    added = np.float32(scanner.hardening) * (near + FAR_SHARE * far) - np.float32(18 * scanner.streaks) * band
    hu += enlarge(added, hu.shape[0]) * tissue
    out = np.linspace(-1, 1, hu.shape[0], dtype=np.float32) ** 2
    hu += tissue * (np.float32(scanner.offset) + np.float32(scanner.cupping) * (2 * (out[:, None] + out) - 0.5))


def _twice_blurred(image: Array, reach: int) -> Array:
    return box_blur(box_blur(image, reach), reach)


def shake(hu: Array, shares: Array, scanner: Scanner, at: tuple[float, np.random.Generator]) -> tuple[Array, Array]:
    """A head that moved during the turn: a shifted double, and bands along the way it went; some slices only."""
    pixel_mm, rng = at
    if not scanner.motion or rng.random() < 0.4:
        return hu, shares
    angle, share = rng.uniform(0, np.pi), np.float32(scanner.motion_share * rng.uniform(0.5, 1))
    down, across = (round(scanner.motion * part / pixel_mm) for part in (np.sin(angle), np.cos(angle)))
    double = np.roll(hu, (down, across), (0, 1))
    tissue = np.clip((hu + 300) / 250, 0, 1)
    edge = box_blur(np.abs(double - hu), 8) / np.float32(400)
    ramp = np.arange(hu.shape[0], dtype=np.float32) * np.float32(pixel_mm / rng.uniform(3, 8))
    bands = np.sin(ramp[:, None] * np.float32(np.cos(angle)) + ramp * np.float32(np.sin(angle)))
    seen = hu + share * (double - hu) + tissue * bands * np.float32(3 * scanner.motion) * np.minimum(edge, 1)
    return np.asarray(seen, np.float32), shares + share * (np.roll(shares, (down, across), (1, 2)) - shares)


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
    """A Gaussian MTF up to the cut-off; noise power rises with frequency and falls with the MTF."""
    down = np.fft.fftfreq(matrix, pixel_mm)[:, None]
    across = np.fft.rfftfreq(matrix, pixel_mm)[None, :]
    frequency = np.hypot(down, across)
    lift = 1 + scanner.sharpen * (frequency / 0.45) ** 2
    fall = np.clip(1 - (frequency / scanner.cut_off) ** 4, 0, 1)
    mtf = np.exp(-2 * (np.pi * scanner.blur * frequency) ** 2) * lift * fall
    shaped = (frequency + 0.02) ** (scanner.grain / 2) * np.exp(-2 * (np.pi * scanner.blur * 1.1 * frequency) ** 2)
    shaped = shaped * lift * fall
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
