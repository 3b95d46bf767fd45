"""What happens to scalp and vault: swelling, cracks, sutures left open, holes made by surgeons."""

from dataclasses import dataclass

import numpy as np

from models.phantom.grid import Array
from models.phantom.head import Head
from models.phantom.priors import Dice
from models.phantom.shapes import Place, Triple, hill, soft


@dataclass(frozen=True)
class Swelling:
    """Thicker scalp over a site, with blood in it or without."""

    site: Triple
    width: float
    height: float
    hu: float


@dataclass(frozen=True)
class Crack:
    """A plane of broken bone around a site."""

    site: Triple
    normal: Triple
    width: float
    reach: float


@dataclass(frozen=True)
class Opening:
    """A burr hole (small), a flap's ring or a missing piece of vault."""

    site: Triple
    radius: float
    ring: float  #: width of the gap around a flap; 0 = the whole disc is open


@dataclass(frozen=True)
class Damage:
    """All of it."""

    swellings: tuple[Swelling, ...] = ()
    cracks: tuple[Crack, ...] = ()
    openings: tuple[Opening, ...] = ()


def on_vault(head: Head, angle: float, height: float) -> Triple:
    """A point of the inner table; angle 0 = left, 90 degrees = front."""
    ring = np.sqrt(max(0.05, 1 - (height / head.height) ** 2)) if height > 0 else 1.0
    across = np.cos(angle) * head.half_width * (1 - head.egg * np.sin(angle))
    return float(ring * across), float(ring * np.sin(angle) * head.half_length), height


def random_site(dice: Dice, head: Head) -> Triple:
    """Somewhere on the vault."""
    return on_vault(head, float(dice.rng.uniform(0, 2 * np.pi)), float(dice.rng.uniform(-15, 0.85 * head.height)))


def random_damage(dice: Dice, head: Head, bleeding: bool) -> Damage:
    """Draw it; trauma comes more often with blood inside than without."""
    tail = "_with_bleed" if bleeding else ""
    swellings = tuple(_swelling(dice, head) for _ in range(_count(dice, f"swelling{tail}")))
    cracks = tuple(_crack(dice, head) for _ in range(_count(dice, f"fracture{tail}")))
    return Damage(swellings, cracks, _openings(dice, head) if dice.happens("surgery") else ())


def _count(dice: Dice, name: str) -> int:
    return int(dice.rng.integers(1, 3)) if dice.happens(name) else 0


def _swelling(dice: Dice, head: Head) -> Swelling:
    height = dice.of("swelling")
    return Swelling(random_site(dice, head), float(dice.rng.uniform(10, 32)), height, dice.of("swelling_hu"))


def _crack(dice: Dice, head: Head) -> Crack:
    normal = dice.rng.standard_normal(3)
    x, y, z = normal / np.linalg.norm(normal)
    return Crack(random_site(dice, head), (x, y, z), dice.of("fracture"), float(dice.rng.uniform(15, 60)))


def _openings(dice: Dice, head: Head) -> tuple[Opening, ...]:
    site = random_site(dice, head)
    kind = dice.pick({"burr": 0.4, "flap": 0.4, "missing": 0.2})
    if kind == "burr":
        return tuple(Opening(random_site(dice, head), float(dice.rng.uniform(4, 9)), 0.0) for _ in range(2))
    if kind == "missing":
        return (Opening(site, dice.of("missing_bone"), 0.0),)
    return (Opening(site, dice.of("plate_ring"), float(dice.rng.uniform(1, 3.5))),)


def lift(place: Place, damage: Damage) -> Array:
    """How much farther out the skin lies."""
    raised = np.zeros(place.x.shape, np.float32)
    for one in damage.swellings:
        raised += one.height * hill(place, one.site, one.width)
    return raised


def broken(place: Place, damage: Damage) -> Array | None:
    """Share of the vault's bone that is gone, None where none is."""
    gone = None
    for share in (*_cracked(place, damage.cracks), *_opened(place, damage.openings)):
        gone = share if gone is None else np.maximum(gone, share)
    return gone


def _cracked(place: Place, cracks: tuple[Crack, ...]) -> list[Array]:
    shares: list[Array] = []
    for one in cracks:
        away = [axis - np.float32(at) for axis, at in zip(place.point, one.site, strict=True)]
        across = np.abs(sum(np.float32(n) * a for n, a in zip(one.normal, away, strict=True)))
        near = soft(np.sqrt(away[0] ** 2 + away[1] ** 2 + away[2] ** 2) - one.reach, 4)
        shares.append(0.9 * near * soft(across - one.width / 2, 1.0))
    return shares


def _opened(place: Place, openings: tuple[Opening, ...]) -> list[Array]:
    shares: list[Array] = []
    for one in openings:
        away = [axis - np.float32(at) for axis, at in zip(place.point, one.site, strict=True)]
        radius = np.sqrt(away[0] ** 2 + away[1] ** 2 + away[2] ** 2)
        shares.append(soft(np.abs(radius - one.radius) - one.ring / 2 if one.ring else radius - one.radius, 1.5))
    return shares


def sutures(head: Head, place: Place) -> Array:
    """Share of the coronal and lambdoid seams in the bone."""
    zigzag = 1.2 * head.fields["cells"].on(place.plane)
    coronal = np.abs(place.y - 24 + 0.35 * np.abs(place.x) - 0.1 * place.z + zigzag)
    lambdoid = np.abs(place.y + 46 + 0.25 * place.z - 0.35 * np.abs(place.x) + zigzag)
    return np.asarray(soft(np.minimum(coronal, lambdoid) - 0.25, 1.2) * soft(-5 - place.z, 6), np.float32)
