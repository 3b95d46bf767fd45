"""Training slices from the phantom generator: ideal slices, cropped as in serving, noise left to the augmentation."""

from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.anatomy import find_ring, reduce_slice
from models.card import Preprocess
from models.phantom.grid import Array
from models.phantom.make import Scene, draw_scene, ideal_slice
from models.phantom.nouns import FINDINGS, VENDORS
from models.preprocess import crop, head_region
from models.reading import Region, SliceInput
from models.volume import AIR

SPEC = Preprocess(windows=((40, 80), (80, 200), (40, 380)), size=256, mm_per_pixel=0.9, neighbours=0)
LABELS = ("any", "epidural", "intraparenchymal", "intraventricular", "subarachnoid", "subdural")
SEEN_MM2, UNSEEN_MM2 = 25.0, 4.0  #: blood area from which a slice counts as positive, up to which as negative
SLICES = 14
MAP = 64
DRAWN = 256


@dataclass(frozen=True, eq=False)
class SliceSet:
    """Cropped slices in HU with labels; weight 0 = too little blood to say."""

    hu: NDArray[np.int16]  # [N, size, size]
    labels: NDArray[np.float32]  # [N, K]
    weight: NDArray[np.float32]  # [N]
    patient: NDArray[np.int32]  # [N]
    blood: NDArray[np.uint8]  # [N, 64, 64] share of blood x 255: where to look, in training only


def label_row(finding: str, blood_mm2: float) -> tuple[NDArray[np.float32], float]:
    """Labels in the card's order and the weight of the slice."""
    row = np.zeros(len(LABELS), np.float32)
    if finding != "none" and blood_mm2 >= SEEN_MM2:
        row[0] = row[LABELS.index(finding)] = 1
    return row, 1.0 if not UNSEEN_MM2 < blood_mm2 < SEEN_MM2 else 0.0


def draw_patient(seed: int) -> SliceSet:
    """Some slices of one random head, half of them bleeding."""
    rng = np.random.default_rng([seed, 77])
    finding = FINDINGS[int(rng.integers(1, len(FINDINGS)))] if rng.random() < 0.6 else "none"
    protocol = (float(rng.uniform(2.5, 6.5)), str(rng.choice(list(VENDORS))))
    scene = draw_scene(finding, rng, max(26, round(160 / protocol[0])), protocol)
    chosen = _choose(scene, rng)
    rows = [_slice(scene, float(scene.table[index])) for index in chosen]
    pairs = [label_row(finding, area) for _, area, _ in rows]
    return SliceSet(
        np.stack([np.rint(hu).astype(np.int16) for hu, _, _ in rows]), np.stack([row for row, _ in pairs]),
        np.array([weight for _, weight in pairs], np.float32), np.full(len(rows), seed, np.int32),
        np.stack([blood for _, _, blood in rows]),
    )  # fmt: skip


def _choose(scene: Scene, rng: np.random.Generator) -> NDArray[np.intp]:
    return np.sort(rng.choice(len(scene.table), min(SLICES, len(scene.table)), replace=False))


def _slice(scene: Scene, table: float) -> tuple[Array, float, NDArray[np.uint8]]:
    hu, blood = ideal_slice(scene, table, DRAWN, parts=1)
    pixel = scene.fov / DRAWN
    region = region_of(hu, pixel)
    area = float((blood > 0.35).sum()) * pixel * pixel
    return np.clip(crop(hu, region, SPEC.size), -1024, 3071), area, shares(blood, region)


def region_of(hu: Array, pixel_mm: float) -> Region:
    """What serving would cut out."""
    small = reduce_slice(hu, pixel_mm, pixel_mm)
    return head_region(SliceInput(hu, pixel_mm, pixel_mm), small, find_ring(small), SPEC)


def shares(share: Array, region: Region) -> NDArray[np.uint8]:
    """A map of 0..1 cut like the slice, x 255."""
    small = crop(np.asarray(share, np.float32) + np.float32(AIR), region, MAP) - np.float32(AIR)
    return np.asarray(np.rint(255 * np.clip(small, 0, 1)), np.uint8)


def draw_set(seeds: range, workers: int = 1) -> SliceSet:
    """Many patients, in parallel when workers > 1."""
    if workers > 1:
        with ProcessPoolExecutor(workers) as pool:
            parts = list(pool.map(draw_patient, seeds, chunksize=4))
    else:
        parts = [draw_patient(seed) for seed in seeds]
    return joined(parts)


def joined(parts: list[SliceSet]) -> SliceSet:
    """One set from many."""
    return SliceSet(
        np.concatenate([part.hu for part in parts]), np.concatenate([part.labels for part in parts]),
        np.concatenate([part.weight for part in parts]), np.concatenate([part.patient for part in parts]),
        np.concatenate([part.blood for part in parts]),
    )  # fmt: skip


def save(data: SliceSet, path: Path) -> None:
    """Uncompressed, so that it can be read fast; whole or not at all."""
    fresh = path.with_name(f"new-{path.name}")
    np.savez(fresh, hu=data.hu, labels=data.labels, weight=data.weight, patient=data.patient, blood=data.blood)
    fresh.replace(path)


def read(path: Path) -> SliceSet:
    """The inverse of `save`."""
    with np.load(path) as stored:
        return SliceSet(stored["hu"], stored["labels"], stored["weight"], stored["patient"], stored["blood"])
