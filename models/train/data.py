"""Training slices: ideal slices, cropped as in serving, noise left to the augmentation.

Two worlds: phantoms, which come with their blood, and bent heads, which come without it but know where it would be.
"""

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.anatomy import find_ring, reduce_slice
from models.card import Preprocess
from models.phantom.grid import Array
from models.phantom.make import draw_scene, ideal_slice
from models.phantom.nouns import FINDINGS, VENDORS
from models.phantom.size import Scene
from models.preprocess import crop, head_region
from models.reading import Region, SliceInput
from models.volume import AIR

SPEC = Preprocess(windows=((40, 80), (80, 200), (40, 380)), size=224, mm_per_pixel=1.0, neighbours=0, slab_mm=5.0)
KINDS = FINDINGS[1:]
LABELS = ("any", *KINDS)
SEEN_MM2, UNSEEN_MM2 = 25.0, 4.0  #: blood area from which a slice counts as positive, up to which as negative
THICK = 0.3  #: share of a cell; a film thinner than this nobody sees
SLICES = 12  #: of each head
MAP = 56
CELL_MM2 = (SPEC.size * SPEC.mm_per_pixel / MAP) ** 2
DRAWN, LOOKED = 256, 64  #: matrix of what is learnt, and of the look for blood


@dataclass(frozen=True, eq=False)
class SliceSet:
    """Cropped slices in HU and where their blood is; `full` says it at full size where blood is still to be set."""

    hu: NDArray[np.int16]  # [N, size, size]
    shares: NDArray[np.uint8]  # [N, 5, MAP, MAP] share of blood of each kind x 255
    full: NDArray[np.uint8]  # [N, size, size], or [N, 0, 0] where the blood is in `hu`
    patient: NDArray[np.int32]  # [N]

    def areas(self) -> NDArray[np.float32]:
        """mm2 of each kind, [N, 5]."""
        return np.asarray(self.shares.sum(axis=(2, 3), dtype=np.float64) / 255 * CELL_MM2, np.float32)


def labels_of(shares: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Blood 0..1 [N, 5, MAP, MAP] to labels [N, 6] and weights [N, 6]; too little or too thin to say weighs nothing."""
    kinds = np.concatenate([shares.sum(axis=1, keepdims=True), shares], axis=1)
    area = kinds.sum(axis=(2, 3)) * CELL_MM2
    thick = (kinds * (kinds >= THICK)).sum(axis=(2, 3)) * CELL_MM2
    labels = (thick >= SEEN_MM2).astype(np.float32)
    return labels, ((area <= UNSEEN_MM2) | (thick >= SEEN_MM2)).astype(np.float32)


def draw_phantom(seed: int) -> SliceSet:
    """Some slices of one random phantom, four of five bleeding."""
    rng = np.random.default_rng([seed, 77])
    finding = str(rng.choice(KINDS)) if rng.random() < 0.8 else "none"
    protocol = (float(rng.uniform(2.5, 8.0)), str(rng.choice(list(VENDORS))))
    scene = draw_scene(finding, rng, max(20, round(165 / protocol[0])), protocol)
    chosen = _choose(scene, rng)
    rows = [_cut(*ideal_slice(scene, float(scene.table[index]), DRAWN, parts=1), scene.fov / DRAWN) for index in chosen]
    return SliceSet(
        np.stack([hu for hu, _ in rows]), np.stack([each for _, each in rows]),
        np.zeros((len(rows), 0, 0), np.uint8), np.full(len(rows), seed, np.int32),
    )  # fmt: skip


def _choose(scene: Scene, rng: np.random.Generator) -> list[int]:
    """Half of them where the head bleeds, as far as it does, the others anywhere."""
    pixel = scene.fov / LOOKED
    looks = (
        [ideal_slice(scene, float(table), LOOKED, parts=1)[1].sum() for table in scene.table] if scene.bleeds else []
    )
    bloody = np.flatnonzero(np.array(looks) * pixel**2 >= SEEN_MM2)
    there = rng.choice(bloody, min(SLICES // 2, len(bloody)), replace=False) if len(bloody) else bloody
    others = np.setdiff1d(np.arange(len(scene.table)), there)
    anywhere = rng.choice(others, min(SLICES - len(there), len(others)), replace=False)
    return sorted(int(each) for each in (*there, *anywhere))


def _cut(hu: Array, shares: NDArray[np.float32], pixel_mm: float) -> tuple[NDArray[np.int16], NDArray[np.uint8]]:
    region = region_of(hu, pixel_mm)
    whole = np.rint(np.clip(crop(hu, region, SPEC.size), -1024, 3071)).astype(np.int16)
    return whole, np.stack([cut_share(each, region, MAP) for each in shares])


def region_of(hu: Array, pixel_mm: float) -> Region:
    """What serving would cut out."""
    small = reduce_slice(hu, pixel_mm, pixel_mm)
    return head_region(SliceInput(hu, pixel_mm, pixel_mm), small, find_ring(small), SPEC)


def cut_share(share: Array, region: Region, size: int) -> NDArray[np.uint8]:
    """A map of 0..1 cut like the slice, x 255."""
    small = crop(np.asarray(share, np.float32) + np.float32(AIR), region, size) - np.float32(AIR)
    return np.asarray(np.rint(255 * np.clip(small, 0, 1)), np.uint8)


def draw_set(draw: Callable[[int], SliceSet], seeds: range, workers: int = 1) -> SliceSet:
    """Many heads, in parallel when workers > 1."""
    if workers > 1:
        with ProcessPoolExecutor(workers) as pool:
            parts = list(pool.map(draw, seeds, chunksize=4))
    else:
        parts = [draw(seed) for seed in seeds]
    return joined(parts)


def joined(parts: list[SliceSet]) -> SliceSet:
    """One set from many."""
    return SliceSet(*(np.concatenate([getattr(part, each.name) for part in parts]) for each in fields(SliceSet)))


def save(data: SliceSet, folder: Path) -> None:
    """One plain array file for each field, so that a training maps them instead of loading; whole or not at all."""
    fresh = folder.with_name(f"new-{folder.name}")
    fresh.mkdir(parents=True, exist_ok=True)
    for each in fields(SliceSet):
        np.save(fresh / f"{each.name}.npy", getattr(data, each.name))
    fresh.replace(folder)


def read(folder: Path) -> SliceSet:
    """The inverse of `save`."""
    return SliceSet(*(np.load(folder / f"{each.name}.npy", mmap_mode="r") for each in fields(SliceSet)))
