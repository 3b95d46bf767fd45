"""Where voxels lie in the head, and smooth random fields sampled there.

Head coordinates in mm: x to the patient's left, y to the front, z to the top; origin between the ventricles.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]
Vector = NDArray[np.floating[Any]]
Window = tuple[slice, slice]  #: rows and columns


@dataclass(frozen=True, eq=False)
class Plane:
    """One image plane in head coordinates; affine, so waves on it are a matrix product."""

    origin: Vector  # [3]
    down: Vector  # [3] unit step along rows
    across: Vector  # [3] unit step along columns
    rows: Vector  # [h] mm
    cols: Vector  # [w] mm
    memo: "dict[int, Array]" = field(default_factory=dict, repr=False)

    def axis(self, which: int) -> Array:
        """One head coordinate over the plane."""
        down = self.down[which] * self.rows[:, None]
        across = self.across[which] * self.cols[None, :]
        return np.asarray(self.origin[which] + down + across, np.float32)

    def window(self, centre: tuple[float, float, float], reach: float) -> Window | None:
        """Which pixels lie within `reach` mm of a point; None when none does."""
        away = np.asarray(centre) - self.origin
        row, col = float(away @ self.down), float(away @ self.across)
        if float(away @ away) - row * row - col * col > reach * reach:
            return None
        top, bottom = np.searchsorted(self.rows, (row - reach, row + reach))
        left, right = np.searchsorted(self.cols, (col - reach, col + reach))
        return (slice(int(top), int(bottom)), slice(int(left), int(right))) if top < bottom and left < right else None

    def cut(self, window: Window) -> "Plane":
        """The part of the plane inside a window."""
        return Plane(self.origin, self.down, self.across, self.rows[window[0]], self.cols[window[1]])


@dataclass(frozen=True, eq=False)
class Field:
    """A stationary Gaussian field of unit variance around one wavelength."""

    waves: Vector  # [M, 3] rad per mm
    phases: Vector  # [M]

    def on(self, plane: Plane) -> Array:
        """Values over the plane: a rank-2M product of waves along rows and columns, kept for the next asker."""
        known = plane.memo.get(id(self))
        if known is None:
            known = plane.memo[id(self)] = self._sampled(plane)
        return known

    def zero_at(self, points: Array) -> Array:
        """Distance of points [3, N], on no plane, to where the field is zero; short of exact where it is flat."""
        turned = self.waves.astype(np.float32) @ points + self.phases.astype(np.float32)[:, None]
        value = np.cos(turned).sum(axis=0)
        slope = self.waves.T.astype(np.float32) @ np.sin(turned)
        flat = np.float32(0.16 * (self.waves**2).sum() / 2)  # 0.4 of the mean slope, squared
        return np.asarray(np.abs(value) / np.sqrt((slope * slope).sum(axis=0) + flat), np.float32)

    def _sampled(self, plane: Plane) -> Array:
        down = np.outer(plane.rows, self.waves @ plane.down).astype(np.float32)
        start = self.waves @ plane.origin + self.phases
        across = (np.outer(self.waves @ plane.across, plane.cols) + start[:, None]).astype(np.float32)
        left = np.concatenate([np.cos(down), -np.sin(down)], axis=1) * np.float32(np.sqrt(2 / len(start)))
        return np.asarray(left @ np.concatenate([np.cos(across), np.sin(across)]), np.float32)


def random_field(rng: np.random.Generator, wavelength: float, squash: tuple[float, float, float] = (1, 1, 1)) -> Field:
    """A field with wavelengths within +-35 % of the one asked for; squash > 1 makes an axis finer."""
    count = 40
    direction = rng.standard_normal((count, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    length = 2 * np.pi / (wavelength * rng.uniform(0.65, 1.35, (count, 1)))
    return Field(direction * length * np.asarray(squash), rng.uniform(0, 2 * np.pi, count))
