"""How a head lies in the scanner and what of it is scanned."""

from dataclasses import dataclass

import numpy as np

from models.phantom.grid import Vector
from models.phantom.head import Head
from models.phantom.nouns import Vendor
from models.phantom.priors import Dice

COVERS_MM = 150.0  #: scans at least this tall end above the vertex
ABOVE_MM = 14.0


@dataclass(frozen=True, eq=False)
class Pose:
    """Table positions, field of view, and the turn from patient to head."""

    turn: Vector  # [3, 3]
    shift: Vector  # [3] mm
    tilt: float  #: radians
    table: Vector  # [T] mm
    fov: float  #: mm
    thickness: float


def random_pose(dice: Dice, head: Head, vendor: Vendor, scan: tuple[int, float]) -> Pose:
    """Draw it for (slices, thickness)."""
    slices, thickness = scan
    tilt = float(np.radians(dice.of("tilt"))) if vendor.tilts and dice.happens("tilted") else 0.0
    odd = 1.0 if dice.happens("odd_pose") else 0.35
    pitch, yaw, roll = (np.radians(odd * dice.of(name)) for name in ("pitch", "yaw", "roll"))
    covered = slices * thickness
    middle = head.height + ABOVE_MM - covered / 2 if covered > COVERS_MM else 8.0
    drop = float(dice.rng.uniform(15, 40)) if dice.happens("cut_vertex") else 0.0
    off = [odd * dice.of("off_centre") for _ in range(2)]
    return Pose(
        turn=rotation(-tilt + pitch, yaw, roll),
        shift=np.array([*off, middle + 0.5 * odd * dice.of("lift") - drop]), tilt=tilt,
        table=(np.arange(slices) - (slices - 1) / 2) * thickness,
        fov=dice.of("fov" if dice.happens("odd_fov") else "usual_fov"), thickness=thickness,
    )  # fmt: skip


def rotation(pitch: float, yaw: float, roll: float) -> Vector:
    """Head axes from patient axes; patient y already points to the front here."""
    cp, sp, cy, sy, cr, sr = np.cos(pitch), np.sin(pitch), np.cos(yaw), np.sin(yaw), np.cos(roll), np.sin(roll)
    around_x = np.array([[1, 0, 0], [0, cp, sp], [0, -sp, cp]])
    around_z = np.array([[cy, -sy, 0], [sy, cy, 0], [0, 0, 1]])
    around_y = np.array([[cr, 0, sr], [0, 1, 0], [-sr, 0, cr]])
    return np.asarray(around_x @ around_z @ around_y)
