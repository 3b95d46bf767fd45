"""Is this a head? Told from pixels alone, because headers lie: a closed bone ring with brain-like values inside."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

GRID_MM = 2.0  #: slices are reduced to about this pixel size first
TISSUE_HU, BONE_HU = -300.0, 200.0
BRAIN_HU = (0.0, 80.0)
RAYS = 96
INNER_MM, OUTER_MM = 25.0, 160.0  #: bone nearer than INNER_MM is a calcified pineal or falx, not the skull


@dataclass(frozen=True)
class HeadFacts:
    """Four measurements of one slice."""

    body_area_cm2: float  #: everything denser than -300 HU
    skull_closure: float  #: share of rays from the middle that meet bone, 0..1
    brain_fraction: float  #: share of the enclosed area within 0..80 HU, 0..1
    enclosed_area_cm2: float  #: area inside the bone ring, over the rays that met bone


@dataclass(frozen=True, eq=False)
class Reduced:
    """A slice on a coarse grid."""

    hu: NDArray[np.float32]  # [h, w]
    row_mm: float
    col_mm: float


def reduce_slice(hu: NDArray[np.float32], row_mm: float, col_mm: float) -> Reduced:
    """Block means of about GRID_MM."""
    down, across = max(1, round(GRID_MM / row_mm)), max(1, round(GRID_MM / col_mm))
    rows, cols = hu.shape[0] // down, hu.shape[1] // across
    if not (rows and cols):
        return Reduced(hu, row_mm, col_mm)
    blocks = hu[: rows * down, : cols * across].reshape(rows, down, cols, across)
    means = np.einsum("iajb->ij", blocks, optimize=False) / np.float32(down * across)
    return Reduced(means.astype(np.float32, copy=False), row_mm * down, col_mm * across)


def tissue_centre(small: Reduced) -> tuple[float, float]:
    """Row and column (coarse pixels) of the centroid of everything denser than -300 HU."""
    tissue = small.hu > TISSUE_HU
    total = int(tissue.sum())
    if not total:
        return (small.hu.shape[0] - 1) / 2, (small.hu.shape[1] - 1) / 2
    down = tissue.sum(axis=1) @ np.arange(tissue.shape[0])
    across = tissue.sum(axis=0) @ np.arange(tissue.shape[1])
    return float(down) / total, float(across) / total


@dataclass(frozen=True, eq=False)
class Ring:
    """What the rays from one centre met: a row per ray, millimetres along it."""

    row: float
    col: float
    radius_mm: NDArray[np.float64]  # [RAYS] first bone; nan = none
    samples: NDArray[np.float32]  # [RAYS, steps] HU along the ray
    step_mm: float

    @property
    def met(self) -> NDArray[np.bool_]:
        """Rays that met bone."""
        return np.isfinite(self.radius_mm)


ANGLES = np.linspace(0, 2 * np.pi, RAYS, endpoint=False)


def cast_rays(small: Reduced, row: float, col: float) -> Ring:
    """Walk outward from a centre on all rays and note where bone begins."""
    step = min(small.row_mm, small.col_mm)
    along = np.arange(0, OUTER_MM, step)
    rows = np.rint(row + np.outer(np.sin(ANGLES), along) / small.row_mm).astype(np.intp)
    cols = np.rint(col + np.outer(np.cos(ANGLES), along) / small.col_mm).astype(np.intp)
    height, width = small.hu.shape
    inside = (rows >= 0) & (rows < height) & (cols >= 0) & (cols < width)
    values = small.hu[rows.clip(0, height - 1), cols.clip(0, width - 1)]
    samples = np.where(inside, values, np.float32(-1000))
    bone = (samples > BONE_HU) & (along >= INNER_MM)
    radius = np.where(bone.any(axis=1), along[bone.argmax(axis=1)], np.nan)
    return Ring(row, col, radius, samples, step)


def find_ring(small: Reduced) -> Ring:
    """Rays from the middle of the enclosed region: first from the tissue's centroid, then once more from the ring's."""
    first = cast_rays(small, *tissue_centre(small))
    if first.met.mean() < 0.5:
        return first
    reach = np.where(first.met, first.radius_mm, np.nanmedian(first.radius_mm))
    weight = 2 / 3 * reach**3 / (reach**2).sum()
    row = first.row + float(weight @ np.sin(ANGLES)) / small.row_mm
    col = first.col + float(weight @ np.cos(ANGLES)) / small.col_mm
    return cast_rays(small, row, col)


def head_facts(hu: NDArray[np.float32], row_mm: float, col_mm: float) -> HeadFacts:
    """Measure one slice; under 3 ms for 512 x 512."""
    small = reduce_slice(hu, row_mm, col_mm)
    return ring_facts(small, find_ring(small))


def ring_facts(small: Reduced, ring: Ring) -> HeadFacts:
    """The same, for a caller that has the ring already."""
    pixel = small.row_mm * small.col_mm / 100
    body = float((small.hu > TISSUE_HU).sum()) * pixel
    if not ring.met.any():
        return HeadFacts(body, 0.0, 0.0, 0.0)
    radius = np.where(ring.met, ring.radius_mm, 0.0)
    area = float((radius**2).sum()) * np.pi / RAYS / 100
    return HeadFacts(body, float(ring.met.mean()), _brain_fraction(ring, radius), area)


def _brain_fraction(ring: Ring, radius: NDArray[np.float64]) -> float:
    along = np.arange(ring.samples.shape[1]) * ring.step_mm
    enclosed = (along < radius[:, None] - ring.step_mm) * along  # a ring at radius r counts for r
    brain = (ring.samples >= BRAIN_HU[0]) & (ring.samples <= BRAIN_HU[1])
    return float((enclosed * brain).sum() / max(enclosed.sum(), 1e-9))


CLOSED, FILLED, HOLLOW = 0.85, 0.6, 0.1
AREA_CM2 = (40.0, 300.0)
MAX_BODY_CM2 = 600.0
LEVELS_NEEDED = 0.25


def is_head_level(facts: HeadFacts) -> bool:
    """A slice through the vault: closed ring of the size of a head, filled with brain."""
    return _is_shell(facts) and facts.brain_fraction >= FILLED


def is_hollow_level(facts: HeadFacts) -> bool:
    """A plastic head without filling: the same ring, but the tissue is thinner than what it encloses."""
    return _is_shell(facts) and facts.brain_fraction < HOLLOW and facts.body_area_cm2 < facts.enclosed_area_cm2


def _is_shell(facts: HeadFacts) -> bool:
    closed = facts.skull_closure >= CLOSED
    return closed and AREA_CM2[0] <= facts.enclosed_area_cm2 <= AREA_CM2[1] and facts.body_area_cm2 <= MAX_BODY_CM2


def looks_like_head(slices: Sequence[HeadFacts]) -> tuple[bool, str]:
    """The workshop's own look at its phantoms, with a sentence; the node decides in service/suitability."""
    if not slices:
        return False, "not a head: no slice to look at"
    levels = sum(is_head_level(facts) for facts in slices)
    hollow = sum(is_hollow_level(facts) for facts in slices)
    needed = max(1, round(LEVELS_NEEDED * len(slices)))
    seen = f"{levels} of {len(slices)} slices show a closed skull filled with brain-like values"
    if levels >= needed:
        return True, f"a head: {seen}"
    if hollow >= needed:
        return (
            True,
            f"a hollow head phantom: {hollow} of {len(slices)} slices show a closed empty shell of a head's size",
        )
    return False, f"not a head: {seen}; {_why_not(slices)}"


def _why_not(slices: Sequence[HeadFacts]) -> str:
    closure = float(np.median([facts.skull_closure for facts in slices]))
    body = float(np.median([facts.body_area_cm2 for facts in slices]))
    brain = float(np.median([facts.brain_fraction for facts in slices]))
    return f"median bone ring closure {closure:.2f}, brain-like share {brain:.2f}, body area {body:.0f} cm2"
