"""One person's head as numbers: what differs from head to head is drawn here, once, from the seed."""

from dataclasses import dataclass

import numpy as np

from models.phantom.grid import Array, Field, Plane, random_field
from models.phantom.shapes import bump

FIELDS = {
    "warp_x": 120.0, "warp_y": 120.0, "wobble": 60.0, "skull": 45.0, "scalp": 50.0, "sulci": 19.0, "gyri": 30.0,
    "gap": 40.0, "grain": 9.0, "patch": 35.0, "cells": 7.0, "diploe": 5.0, "fat": 16.0, "clot": 14.0,
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
    atrophy: float  #: 0 young .. 1 old: wider sulci and ventricles
    ventricles: float  #: scale
    grey: float
    white: float
    csf: float
    table: float  #: HU of compact bone
    diploe: float
    dura: float  #: HU of falx, tentorium and sinuses
    pineal: float  #: radius of the calcification; 0 = none
    choroid: float
    ganglia: float
    shift: float  #: midline shift in mm towards +x
    fields: dict[str, Field]


def random_head(rng: np.random.Generator) -> Head:
    """Draw an adult head."""
    scale, atrophy = rng.normal(1, 0.035), rng.beta(1.3, 1.6)
    white = rng.uniform(24, 29)
    return Head(
        half_width=scale * rng.uniform(63, 69), half_length=scale * rng.uniform(79, 86),
        height=scale * rng.uniform(70, 77),
        skull=rng.uniform(4.5, 8.0), scalp=rng.uniform(4, 8), egg=rng.uniform(0.06, 0.15), atrophy=atrophy,
        ventricles=0.75 + 0.45 * atrophy + rng.uniform(-0.12, 0.15), grey=white + rng.uniform(6.5, 9.5), white=white,
        csf=rng.uniform(3, 10), table=rng.uniform(1150, 1700), diploe=rng.uniform(350, 800), dura=rng.uniform(44, 60),
        pineal=rng.choice([0.0, 1.0], p=[0.3, 0.7]) * rng.uniform(1.2, 3.0),
        choroid=rng.choice([0.0, 1.0], p=[0.4, 0.6]) * rng.uniform(1.5, 4.5),
        ganglia=rng.choice([0.0, 1.0], p=[0.85, 0.15]) * rng.uniform(1.2, 3.0),
        shift=0.0,
        fields={name: random_field(rng, size) for name, size in FIELDS.items()}
        | {"folia": random_field(rng, FOLIA, (0.5, 0.8, 1.6))},
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Place:
    """Warped head coordinates over one plane and the distances everything else is drawn from."""

    plane: Plane
    x: Array
    y: Array
    z: Array
    vault: Array  #: signed distance to the inner table, as if the vault went on downward
    floor: Array  #: signed distance to the skull base, positive below it
    depth: Array  #: mm inside the cavity from its nearest wall; negative outside

    @property
    def point(self) -> tuple[Array, Array, Array]:
        """x, y, z together."""
        return self.x, self.y, self.z


def locate(head: Head, plane: Plane) -> Place:
    """Warp the plane into the standard head and measure to its walls."""
    x = plane.axis(0) + 1.3 * head.fields["warp_x"].on(plane)
    y = plane.axis(1) + 1.3 * head.fields["warp_y"].on(plane)
    z = plane.axis(2)
    vault = _vault(head, x, y, z)
    floor = (_floor(x, y) - z) * np.float32(0.8)
    depth = -np.maximum(vault, floor)
    if head.shift:
        x = x - head.shift * bump(y, -5, 45) * bump(z, 8, 35) * np.clip(depth / 25, 0, 1)
    return Place(plane, x, y, z, vault, floor, depth)


def _vault(head: Head, x: Array, y: Array, z: Array) -> Array:
    v = y * np.float32(1 / head.half_length)
    u = x / (np.float32(head.half_width) * (1 - np.float32(head.egg) * v - np.float32(0.08) * v * v))
    w = z * np.where(z > 0, np.float32(1 / head.height), np.float32(1 / 100))
    plan = u * u + v * v - np.float32(0.22) * u * u * v * v  # boxier than an ellipse
    reach = np.sqrt(np.maximum(plan, 0.1 * u * u) + w * w)
    radius = np.sqrt(x * x + y * y + z * z) / np.maximum(reach, 1e-3)
    return np.asarray((reach - 1) * np.minimum(radius, np.float32(0.95 * head.half_length)), np.float32)


def _floor(x: Array, y: Array) -> Array:
    """Height of the skull base: three steps of fossae with ridges between."""
    side = np.abs(x)
    front = np.clip((y - 22) / 14, 0, 1)
    back = np.clip((-12 - y + 0.25 * (30 - side)) / 14, 0, 1)
    middle = np.clip((side - 12) / 10, 0, 1)
    centre = -26 - 26 * np.clip((8 - y) / 28, 0, 1)
    height = (1 - middle) * centre + middle * np.float32(-44)
    height = height + front * (-24 + 9 * bump(side, 30, 16) - 5 * bump(side, 0, 7) - height)
    height = height + back * (-70 + 0.006 * side * side - height)
    ridge = bump(y + 14 + 0.45 * (side - 25), 0, 7) * np.clip((side - 8) / 14, 0, 1)
    return height + 12 * ridge * (1 - front)
