"""A third world: flat drawings of heads, plain shapes with plain blood, drawn anew for every batch.

Other people's phantoms are ellipses as often as anatomy; a reader that has met both leans on neither.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.phantom.grid import Array
from models.phantom.scanner import enlarge
from models.train.data import KINDS, MAP, SPEC

BLEEDING, SECOND = 0.6, 0.25
STEPS = (np.arange(SPEC.size) + 0.5 - SPEC.size / 2) * SPEC.mm_per_pixel


@dataclass(frozen=True, eq=False)
class Outline:
    """One slice of a head as distances in mm."""

    x: Array  #: from the midline
    y: Array  #: to the front
    depth: Array  #: from the inner table inward, negative outside
    ventricle: Array  #: share
    grooves: Array  #: share of dark lines between gyri, and of cisterns
    radius: float  #: of the cavity


def draw_simple(rng: np.random.Generator) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """HU [S, S] and the share of blood by kind [5, MAP, MAP]."""
    x, y = _turned(rng)
    skin, mean = _distance(x, y, rng)
    scalp, bone, gap = rng.uniform(2, 9), rng.uniform(3, 11), rng.uniform(0, 4) * rng.random()
    depth = skin - scalp - bone
    outline = Outline(x, y, depth, _ventricles(x, y, mean, rng), _grooves(depth, rng), mean - scalp - bone)
    csf = rng.uniform(0, 14)
    hu = np.full(x.shape, -1000.0, np.float32)
    _paint(hu, rng.uniform(-90, 50), _soft(-skin))
    _paint(hu, rng.uniform(500, 1900), _soft(scalp - skin) * _soft(depth))
    if rng.random() < 0.5:
        _paint(hu, rng.uniform(200, 700), _soft(scalp + bone * 0.35 - skin) * _soft(depth + bone * 0.35))
    _paint(hu, csf, _soft(-depth))
    _paint(hu, _tissue(outline, rng), _soft(gap - depth))
    _paint(hu, csf, outline.grooves * _soft(-depth))
    _paint(hu, csf, outline.ventricle)
    _bright_things(hu, outline, rng)
    return hu, _bleed(hu, outline, rng)


def _soft(distance: Array, width: float = 1.6) -> Array:
    return np.asarray(np.clip(0.5 - distance / width, 0, 1), np.float32)


def _paint(hu: Array, value: Array | float, share: Array) -> None:
    hu += share * (np.asarray(value, np.float32) - hu)


def _wave(rng: np.random.Generator, knots: int) -> Array:
    return enlarge(rng.standard_normal((knots, knots)).astype(np.float32), SPEC.size)


def _turned(rng: np.random.Generator) -> tuple[Array, Array]:
    angle, shift = rng.normal(0, 0.12), rng.normal(0, 5, 2)
    across, down = STEPS[None, :] - shift[0], STEPS[:, None] - shift[1]
    x, y = across * np.cos(angle) - down * np.sin(angle), -(across * np.sin(angle) + down * np.cos(angle))
    return np.asarray(x, np.float32), np.asarray(y, np.float32)


def _distance(x: Array, y: Array, rng: np.random.Generator) -> tuple[Array, float]:
    """mm from the skin inward, and the head's mean radius here: smaller towards the vertex."""
    level = np.sqrt(1 - rng.uniform(0, 0.85) ** 2)
    wide, long, power = rng.uniform(62, 84) * level, rng.uniform(78, 102) * level, rng.uniform(1.8, 2.6)
    around = np.arctan2(y, x)
    bulge = sum(rng.normal(0, 0.012) * np.cos(n * around + rng.uniform(0, 6.3)) for n in (2, 3, 4, 5))
    ratio = (np.abs(x / wide) ** power + np.abs(y / long) ** power) ** (1 / power) / (1 + bulge)
    mean = float(wide + long) / 2
    return np.asarray((1 - ratio) * mean, np.float32), mean


def _ellipse(x: Array, y: Array, at: tuple[float, float], radii: tuple[float, float]) -> Array:
    u, v = (x - at[0]) / radii[0], (y - at[1]) / radii[1]
    return np.asarray((np.sqrt(u * u + v * v) - 1) * min(radii), np.float32)


def _ventricles(x: Array, y: Array, mean: float, rng: np.random.Generator) -> Array:
    if rng.random() < 0.3:
        return np.zeros_like(x)
    size = mean / 80 * rng.uniform(0.5, 1.6)
    side, lean = np.abs(x), rng.uniform(-0.3, 0.3)
    horn = _ellipse(side + lean * y, y, (9 * size + 3, rng.uniform(-5, 20)), (4 * size + 1, 18 * size))
    back = _ellipse(side, y, (20 * size, -28 * size), (5 * size, 10 * size))
    third = _ellipse(x, y, (0, -8), (1.5 + size, 8 * size))
    return np.maximum(_soft(np.minimum(horn, back) if rng.random() < 0.6 else horn), _soft(third))


def _grooves(depth: Array, rng: np.random.Generator) -> Array:
    width = rng.uniform(0, 0.25) * rng.random()
    near = np.clip(1 - depth / rng.uniform(10, 30), 0, 1)
    lines = np.clip(width + 0.05 - np.abs(_wave(rng, int(rng.integers(16, 40)))), 0, 0.1) * 10
    return np.asarray(lines * near, np.float32)


def _tissue(outline: Outline, rng: np.random.Generator) -> Array:
    contrast = rng.uniform(0, 10)
    ribbon = _soft(outline.depth - rng.uniform(4, 9), 3)
    grain = rng.uniform(0, 2.5) * _wave(rng, int(rng.choice([28, 56, 112]))) + rng.uniform(0, 3) * _wave(rng, 6)
    return np.asarray(rng.uniform(22, 38) + contrast * ribbon + grain, np.float32)


def _bright_things(hu: Array, outline: Outline, rng: np.random.Generator) -> None:
    """Falx, sinus and calcifications: bright, and no blood."""
    inside = _soft(-outline.depth)
    if rng.random() < 0.6:
        ends = _soft(np.abs(outline.y) * -1 + outline.radius * rng.uniform(0.0, 0.6), 4)
        _paint(hu, rng.uniform(40, 65), _soft(np.abs(outline.x) - rng.uniform(0.4, 1.3), 1.2) * inside * ends)
    if rng.random() < 0.4:
        sinus = _ellipse(outline.x, outline.y, (0, -outline.radius * 1.08), (4, 4))
        _paint(hu, rng.uniform(45, 66), _soft(sinus) * inside)
    for _ in range(int(rng.integers(0, 3))):
        at = (float(rng.normal(0, 16)), float(rng.normal(-12, 16)))
        radius = float(rng.uniform(0.8, 3.5))
        _paint(hu, rng.uniform(90, 600), _soft(_ellipse(outline.x, outline.y, at, (radius, radius))) * inside)


def _bleed(hu: Array, outline: Outline, rng: np.random.Generator) -> NDArray[np.float32]:
    shares = np.zeros((len(KINDS), MAP, MAP), np.float32)
    if rng.random() > BLEEDING:
        return shares
    for kind in rng.choice(len(KINDS), 2 if rng.random() < SECOND else 1, replace=False):
        share = SHAPES[KINDS[kind]](outline, rng) * _soft(-outline.depth)
        density = rng.uniform(44, 85) + rng.uniform(0, 4) * _wave(rng, 28)
        where = share > 0.5
        if not where.any() or np.median((density - hu)[where]) < 8:  # nobody could see it
            continue
        _paint(hu, density, share)
        shares[kind] = share.reshape(MAP, SPEC.size // MAP, MAP, -1).mean(axis=(1, 3))
    return shares


def _rim(outline: Outline, rng: np.random.Generator) -> tuple[float, float, float]:
    """A place on the inner table and its angle."""
    angle = float(rng.uniform(-np.pi, np.pi))
    return outline.radius * float(np.cos(angle)) * 0.92, outline.radius * float(np.sin(angle)) * 1.08, angle


def _epidural(outline: Outline, rng: np.random.Generator) -> Array:
    x, y, angle = _rim(outline, rng)
    thick, chord = rng.uniform(4, 25), rng.uniform(14, 40)
    radius = (thick * thick + chord * chord) / (2 * thick)
    away = radius - thick
    return _soft(np.hypot(outline.x - x - away * np.cos(angle), outline.y - y - away * np.sin(angle)) - radius)


def _subdural(outline: Outline, rng: np.random.Generator) -> Array:
    if rng.random() < 0.15:
        return _soft(np.abs(outline.x - rng.uniform(-3, 3)) - rng.uniform(1.5, 4)) * _soft(
            -outline.y * rng.choice([-1, 1])
        )
    side, middle, long = (
        rng.choice([-1, 1]),
        rng.uniform(-0.4, 0.4) * outline.radius,
        rng.uniform(0.35, 0.95) * outline.radius,
    )
    reach = rng.uniform(3, 20) * (1 - ((outline.y - middle) / long) ** 2)
    return np.asarray(_soft(outline.depth - reach) * np.clip(side * outline.x / 4, 0, 1), np.float32)


def _intraparenchymal(outline: Outline, rng: np.random.Generator) -> Array:
    far = outline.radius * np.sqrt(rng.uniform(0, 0.7))
    angle, size = rng.uniform(-np.pi, np.pi), float(np.exp(rng.uniform(np.log(3), np.log(25))))
    radii = (size * rng.uniform(0.7, 1.4), size * rng.uniform(0.7, 1.4))
    field = _ellipse(outline.x, outline.y, (float(far * np.cos(angle)), float(far * np.sin(angle))), radii)
    return _soft(field + rng.uniform(0, 0.3) * size * _wave(rng, int(rng.integers(8, 30))))


def _intraventricular(outline: Outline, rng: np.random.Generator) -> Array:
    low = _soft(outline.y - rng.uniform(-30, 20), 2.0) if rng.random() < 0.6 else np.ones_like(outline.y)
    near = np.clip(rng.choice([-1, 1]) * outline.x, 0, 1) if rng.random() < 0.4 else np.ones_like(outline.x)
    return np.asarray(outline.ventricle * low * near, np.float32)


def _subarachnoid(outline: Outline, rng: np.random.Generator) -> Array:
    size = rng.uniform(15, 50)
    at = (rng.normal(0, 0.5) * outline.radius, rng.normal(0, 0.5) * outline.radius)
    patch = _soft(_ellipse(outline.x, outline.y, (float(at[0]), float(at[1])), (size, size * rng.uniform(0.6, 1.5))), 8)
    lines = np.clip(rng.uniform(0.1, 0.3) - np.abs(_wave(rng, int(rng.integers(14, 30)))), 0, 0.1) * 10
    star = np.minimum(np.abs(outline.x), np.abs(np.abs(outline.y) - np.abs(outline.x) * 0.7)) - rng.uniform(1.5, 4)
    near = np.clip(1 - outline.depth / rng.uniform(12, 35), 0, 1)
    return np.asarray(
        (_soft(star) if rng.random() < 0.3 else np.maximum(lines * near, outline.grooves)) * patch, np.float32
    )


SHAPES: dict[str, Callable[[Outline, np.random.Generator], Array]] = {
    "epidural": _epidural, "subdural": _subdural, "intraparenchymal": _intraparenchymal,
    "intraventricular": _intraventricular, "subarachnoid": _subarachnoid,
}  # fmt: skip
