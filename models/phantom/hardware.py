"""Metal and plastic in and on the head, and the streaks that metal throws across the slice."""

from dataclasses import dataclass

import numpy as np

from models.phantom.damage import Damage, on_vault, random_site
from models.phantom.grid import Array, Vector
from models.phantom.head import Head
from models.phantom.priors import Dice
from models.phantom.shapes import Place, Solid, Triple, ellipsoid, paint, soft, stamp

METAL_HU = 3000.0


@dataclass(frozen=True, eq=False)
class Metal:
    """A dense body and how far its streaks go."""

    name: str
    solid: Solid
    streak: float  #: HU beside it; 0 = none
    waves: Vector  # [k, 3] turns, phase and weight of the rays around it


@dataclass(frozen=True)
class Tube:
    """A shunt: a straight catheter from the vault into a ventricle."""

    start: Triple
    end: Triple
    radius: float
    hu: float


@dataclass(frozen=True)
class Hardware:
    """All that was put in or on."""

    metal: tuple[Metal, ...] = ()
    tubes: tuple[Tube, ...] = ()


def random_hardware(dice: Dice, head: Head, damage: Damage) -> Hardware:
    """Draw what this head carries."""
    metal = [_metal(dice, "clip", at) for at in _clips(dice, damage)]
    if dice.happens("coil"):
        at = (dice.side() * dice.rng.uniform(0, 18), dice.rng.uniform(4, 20), dice.rng.uniform(-30, -12))
        metal.append(_metal(dice, "coil", at, 2.0))
    if dice.happens("dental"):
        metal += [_metal(dice, "dental", at, 1.6) for at in _teeth(dice)]
    for name, many in (("electrodes", 14), ("leads", 3)):
        if dice.happens(name):
            metal += [_metal(dice, name, at, 0.5) for at in _on_skin(dice, head, int(dice.rng.integers(1, many)))]
    return Hardware(tuple(metal), (_shunt(dice, head),) if dice.happens("shunt") else ())


def _metal(dice: Dice, name: str, at: Triple, power: float = 1.0) -> Metal:
    size = dice.of("metal") * (2.0 if name == "dental" else 1.0)
    count = 9
    waves = np.stack([
        dice.rng.integers(1, 24, count), dice.rng.uniform(0, 2 * np.pi, count), dice.rng.uniform(0.2, 1, count)
    ], axis=1)  # fmt: skip
    waves[:, 2] /= np.sqrt((waves[:, 2] ** 2).sum() / 2)
    return Metal(name, Solid(at, (size, size, size), METAL_HU, 1.2), power * dice.of("streak"), waves)


def _clips(dice: Dice, damage: Damage) -> list[Triple]:
    return [
        (one.site[0] + shift[0], one.site[1] + shift[1], one.site[2] + shift[2])
        for one in damage.openings
        if one.ring
        for shift in dice.rng.uniform(-0.7, 0.7, (int(dice.rng.integers(0, 4)), 3)) * one.radius
    ]


def _teeth(dice: Dice) -> list[Triple]:
    angles = dice.rng.uniform(-1.2, 1.2, int(dice.rng.integers(1, 5)))
    return [
        (float(30 * np.sin(one)), float(46 + 34 * np.cos(one)), float(dice.rng.uniform(-106, -84))) for one in angles
    ]


def _on_skin(dice: Dice, head: Head, count: int) -> list[Triple]:
    out = []
    for _ in range(count):
        x, y, z = on_vault(head, float(dice.rng.uniform(0, 2 * np.pi)), float(dice.rng.uniform(-50, 50)))
        away = 1 + (head.skull + head.scalp + dice.rng.uniform(1, 6)) / head.half_width
        out.append((x * away, y * away, z))
    return out


def _shunt(dice: Dice, head: Head) -> Tube:
    x, y, z = random_site(dice, head)
    side = np.sign(x) or 1.0
    end = (side * dice.rng.uniform(4, 12), dice.rng.uniform(-25, 30), dice.rng.uniform(6, 20))
    return Tube((x, y, max(z, 10.0)), end, float(dice.rng.uniform(0.9, 1.6)), float(dice.rng.uniform(150, 700)))


def paint_hardware(hu: Array, place: Place, hardware: Hardware) -> None:
    """Draw it into the slice."""
    for tube in hardware.tubes:
        paint(hu, tube.hu, soft(_from_line(place, tube) - tube.radius, 1.2))
    stamp(hu, place, *(one.solid for one in hardware.metal))


def _from_line(place: Place, tube: Tube) -> Array:
    start, along = np.array(tube.start), np.array(tube.end) - np.array(tube.start)
    offsets = [axis - np.float32(at) for axis, at in zip(place.point, start, strict=True)]
    square = float(along @ along)
    part = np.clip(sum(o * np.float32(a / square) for o, a in zip(offsets, along, strict=True)), 0, 1)
    return np.asarray(
        np.sqrt(sum((o - part * np.float32(a)) ** 2 for o, a in zip(offsets, along, strict=True))), np.float32
    )


def add_streaks(hu: Array, place: Place, hardware: Hardware) -> None:
    """Bright and dark rays around each metal body that the slice meets, in place."""
    tissue = None
    for one in hardware.metal:
        window = place.near(Solid(one.solid.centre, (one.solid.radii[0] + 1,) * 3))
        if window is None or not one.streak:
            continue
        part = place.cut(window)
        touched = float(soft(ellipsoid(part.point, one.solid.centre, one.solid.radii), 2).max())
        tissue = np.clip((hu + 700) / 500, 0, 1) if tissue is None else tissue
        hu += np.float32(touched * one.streak) * _rays(place, one) * tissue


def _rays(place: Place, metal: Metal) -> Array:
    away = np.array(metal.solid.centre) - place.plane.origin
    down = (place.plane.rows - float(away @ place.plane.down))[:, None].astype(np.float32)
    across = (place.plane.cols - float(away @ place.plane.across))[None, :].astype(np.float32)
    angle = np.arctan2(down, across)
    grid = np.linspace(-np.pi, np.pi, 721)
    turns, phases, weights = metal.waves.T
    curve = (weights * np.cos(np.outer(grid, turns) + phases)).sum(axis=1)
    rays = np.interp(angle, grid, curve)
    return np.asarray(rays / (1 + np.hypot(down, across) / 12), np.float32)
