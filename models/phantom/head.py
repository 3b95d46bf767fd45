"""One person's head as numbers: what differs from head to head is drawn here, once, from the seed."""

from dataclasses import dataclass

import numpy as np

from models.phantom.grid import Array, Field, Plane, random_field
from models.phantom.priors import Dice
from models.phantom.shapes import Place, bump

FIELDS = {
    "warp_x": 120.0, "warp_y": 120.0, "wobble": 60.0, "skull": 45.0, "scalp": 50.0, "gyri": 30.0,
    "gap": 40.0, "grain": 6.0, "patch": 35.0, "cells": 7.0, "diploe": 5.0, "fat": 16.0, "clot": 14.0,
}  # fmt: skip
FOLIA = 9.0


@dataclass(frozen=True, eq=False)
class Head:
    """Sizes in mm, densities in HU."""

    half_width: float
    half_length: float
    height: float
    skull: float  #: mean vault thickness
    scalp: float
    egg: float  #: how much narrower the front is
    lean: float  #: how much one back corner sticks out
    age: float  #: years
    atrophy: float  #: 0 young .. 1 old: wider sulci and ventricles
    ventricles: float  #: scale
    asymmetry: float  #: left ventricle larger by this share
    grey: float
    white: float
    csf: float
    table: float  #: HU of compact bone
    diploe: float
    dura: float  #: HU of falx and tentorium
    blood_pool: float  #: HU of venous sinuses and arteries
    falx: float  #: half its thickness in mm
    cortex: float  #: mm
    gyrus: float  #: mm from sulcus to sulcus and back
    zone: float  #: share of grey matter in the outer zone, folds too fine to draw included
    zone_mm: float  #: how far in that reaches
    texture: float  #: HU of slow unevenness in the brain
    hyperostosis: float  #: mm of extra bone inside the forehead
    sinus: float  #: size of the frontal sinus, 0 none .. 1 large
    opaque: float  #: -1 clear sinuses, else their HU
    shift: float  #: midline shift in mm towards +x
    efface: float  #: how far the sulci of the side that presses are closed, with that side's sign
    fields: dict[str, Field]


def random_head(dice: Dice) -> Head:
    """Draw a person."""
    age, atrophy = _age(dice)
    scale = dice.of("head_size") * (dice.of("child_size") if age < 14 else 1.0)
    white = dice.of("white") + (1.5 if age < 14 else 0.0)
    swollen = dice.of("hydrocephalus") if dice.happens("hydrocephalus") else 1.0
    return Head(
        half_width=scale * dice.of("half_width"), half_length=scale * dice.of("half_length"),
        height=scale * dice.of("height"), skull=dice.of("child_skull" if age < 14 else "skull"),
        scalp=dice.of("scalp"), egg=dice.of("egg"), lean=dice.of("lean"), age=age, atrophy=atrophy,
        ventricles=max(0.3, 0.5 + 0.75 * atrophy + dice.of("ventricle_extra")) * swollen,
        asymmetry=dice.of("asymmetry"), grey=white + dice.of("contrast"), white=white, csf=dice.of("csf"),
        table=dice.of("table"), diploe=dice.of("diploe"), dura=dice.of("dura"), blood_pool=dice.of("blood_pool"),
        falx=dice.of("falx"), cortex=dice.of("cortex"), gyrus=(gyrus := dice.of("gyrus")), texture=dice.of("texture"),
        zone=dice.of("cortex_zone"), zone_mm=dice.of("cortex_reach"),
        hyperostosis=dice.of("hyperostosis") if dice.happens("hyperostosis") else 0.0,
        sinus=dice.of("sinus"), opaque=dice.of("opaque") if dice.happens("full_sinuses") else -1.0,
        shift=0.0, efface=0.0, fields=random_fields(dice.rng, gyrus),
    )  # fmt: skip


def _age(dice: Dice) -> tuple[float, float]:
    """Age in years, and atrophy: little in the young, any degree in the old."""
    if dice.happens("child"):
        return float(dice.rng.uniform(5, 14)), float(dice.rng.uniform(0, 0.08))
    if dice.happens("young"):
        return float(dice.rng.uniform(14, 40)), float(dice.rng.uniform(0, 0.25))
    age = float(dice.rng.uniform(40, 95))
    middle = (age - 30) / 75
    return age, float(np.clip(middle + dice.rng.normal(0, 0.18), 0.05, 1))


def random_fields(rng: np.random.Generator, gyrus: float) -> dict[str, Field]:
    """The waves that make each head its own."""
    return {name: random_field(rng, size) for name, size in FIELDS.items()} | {
        "folia": random_field(rng, FOLIA, (0.5, 0.8, 1.6)),
        "sulci": random_field(rng, gyrus),
    }


def locate(head: Head, plane: Plane) -> Place:
    """Warp the plane into the standard head and measure to its walls."""
    x = plane.axis(0) + 1.3 * head.fields["warp_x"].on(plane)
    y = plane.axis(1) + 1.3 * head.fields["warp_y"].on(plane)
    z = plane.axis(2)
    vault = _vault(head, x, y, z)
    if head.hyperostosis:
        rough = np.clip(0.7 + 0.5 * head.fields["gyri"].on(plane), 0, 1.6)
        vault += head.hyperostosis * rough * bump(y, 78, 26) * bump(z, 20, 26) * np.clip(np.abs(x) / 8, 0, 1)
    vault += 0.4 * head.fields["gyri"].on(plane) + 0.25 * head.fields["fat"].on(plane)
    floor = (_floor(x, y) + 1.1 * head.fields["gyri"].on(plane) - z) * np.float32(0.8)
    depth = -np.maximum(vault, floor)
    if head.shift:
        x = x - head.shift * bump(y, -5, 45) * bump(z, 8, 35) * np.clip(depth / 25, 0, 1)
    return Place(plane, x, y, z, vault, floor, depth, 4.5 + abs(head.shift))


def _vault(head: Head, x: Array, y: Array, z: Array) -> Array:
    v = y * np.float32(1 / head.half_length)
    u = x / (np.float32(head.half_width) * (1 - np.float32(head.egg) * v - np.float32(0.08) * v * v))
    u, v = u + np.float32(head.lean) * v, v + np.float32(head.lean) * u
    w = z * np.where(z > 0, np.float32(1 / head.height), np.float32(1 / 100))
    squares = u * u
    plan = squares + v * v - np.float32(0.22) * squares * v * v  # boxier than an ellipse
    reach = np.sqrt(np.maximum(plan, 0.1 * squares) + w * w)
    radius = np.sqrt(x * x + y * y + z * z) / np.maximum(reach, 1e-3)
    return np.asarray((reach - 1) * np.minimum(radius, np.float32(0.95 * head.half_length)), np.float32)


def _floor(x: Array, y: Array) -> Array:
    """Height of the skull base: three steps of fossae with ridges between."""
    side = np.abs(x)
    front = np.clip((y - 22) / 14, 0, 1)
    back = np.clip((-12 - y + 0.25 * (30 - side)) / 14, 0, 1)
    middle = np.clip((side - 12) / 10, 0, 1)
    centre = -36 - 16 * np.clip((2 - y) / 26, 0, 1) + 6 * bump(y, 1, 4) * bump(side, 0, 6)
    height = (1 - middle) * centre + middle * np.float32(-44)
    roof = 15 * bump(side, 31, 15) * bump(y, 50, 22) + 0.12 * np.clip(y - 50, 0, 30)
    height = height + front * (-30 + roof - 5 * bump(side, 0, 7) - height)
    height = height + back * (-70 + 0.006 * side * side - height)
    ridge = bump(y + 14 + 0.45 * (side - 25), 0, 7) * np.clip((side - 8) / 14, 0, 1)
    return np.asarray(height + 12 * ridge * (1 - front), np.float32)
