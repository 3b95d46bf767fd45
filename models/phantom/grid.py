"""Where voxels lie in the head, and smooth random fields sampled there.

Head coordinates in mm: x to the patient's left, y to the front, z to the top; origin between the ventricles.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]
Vector = NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class Plane:
    """One image plane in head coordinates; affine, so waves on it are a matrix product."""

    origin: Vector  # [3]
    down: Vector  # [3] unit step along rows
    across: Vector  # [3] unit step along columns
    rows: Vector  # [h] mm
    cols: Vector  # [w] mm

    def axis(self, which: int) -> Array:
        """One head coordinate over the plane."""
        down = self.down[which] * self.rows[:, None]
        across = self.across[which] * self.cols[None, :]
        return np.asarray(self.origin[which] + down + across, np.float32)


@dataclass(frozen=True, eq=False)
class Field:
    """A stationary Gaussian field of unit variance around one wavelength."""

    waves: Vector  # [M, 3] rad per mm
    phases: Vector  # [M]

    def on(self, plane: Plane) -> Array:
        """Values over the plane: real part of a rank-M product of waves along rows and columns."""
        start = self.waves @ plane.origin + self.phases
        left = np.exp(1j * np.outer(plane.rows, self.waves @ plane.down)).astype(np.complex64)
        right = np.exp(1j * (np.outer(self.waves @ plane.across, plane.cols) + start[:, None])).astype(np.complex64)
        return np.asarray((left @ right).real * np.sqrt(2 / len(start)), np.float32)


def random_field(rng: np.random.Generator, wavelength: float, squash: tuple[float, float, float] = (1, 1, 1)) -> Field:
    """A field with wavelengths within +-35 % of the one asked for; squash > 1 makes an axis finer."""
    count = 48
    direction = rng.standard_normal((count, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    length = 2 * np.pi / (wavelength * rng.uniform(0.65, 1.35, (count, 1)))
    return Field(direction * length * np.asarray(squash), rng.uniform(0, 2 * np.pi, count))
