"""Heads bent out of an average real one, so that the reader meets anatomy that no generator of ours drew.

Training, calibration and evaluation only: nothing of the template reaches a pack but through the weights.
"""

import gzip
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from models.phantom.grid import Array, Field, Plane, Vector, random_field
from models.preprocess import crop
from models.reading import SliceInput
from models.train.data import LABELS, SPEC, SliceSet, region_of, shares

FILES = {"skull": "scct_cormack_withskull.nii", "stripped": "scct_stripped_hu.nii.gz", "perfusion": "ctp_ct_hu0-80.nii"}
NIFTI_TYPES = {2: "u1", 4: "<i2", 8: "<i4", 16: "<f4", 64: "<f8", 512: "<u2"}
SKULL_OFFSET, PERFUSION_OFFSET = 22.0, 8.0  #: HU that soft tissue lies above the stripped template's
VOXEL_MM = 2.0
MATRIX, PIXEL_MM = 256, 0.9
LOW_MM, HIGH_MM = -62.0, 78.0  #: heights that hold brain, from the template's middle


def read_nifti(path: Path) -> NDArray[np.float32]:
    """Plain NIfTI-1, little endian, perhaps gzipped: voxels [x, y, z]."""
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    dims = np.frombuffer(raw, "<i2", 4, 40)[1:]
    kind = int(np.frombuffer(raw, "<i2", 1, 70)[0])
    start, slope, intercept = (float(each) for each in np.frombuffer(raw, "<f4", 3, 108))
    voxels = np.frombuffer(raw, NIFTI_TYPES[kind], int(dims.prod()), int(start)).reshape(dims, order="F")
    return np.asarray(voxels.astype(np.float32) * (slope or 1.0) + intercept, np.float32)


def cormack_to_hu(cormack: Array) -> Array:
    """The inverse of the Cormack stretch, which widens -100..100 HU elevenfold."""
    soft = (cormack + 9000) / 11 - 1000
    return np.where(cormack <= 900, cormack - 1000, np.where(cormack <= 3100, soft, cormack - 3000))


def read_average(folder: Path) -> Tensor:
    """[1, 5, z, y, x]: HU with skull, two views of the brain in HU, share of brain, mm into the cavity."""
    hu = cormack_to_hu(read_nifti(folder / FILES["skull"]))
    hu = hu - SKULL_OFFSET * np.clip((hu + 30) / 40, 0, 1) * np.clip((140 - hu) / 60, 0, 1)
    stripped = read_nifti(folder / FILES["stripped"])
    other = read_nifti(folder / FILES["perfusion"]) - PERFUSION_OFFSET
    layers = torch.from_numpy(np.stack([hu, stripped, other]).astype(np.float32)).permute(0, 3, 2, 1)[None]
    brain = (layers[:, 1:2] > 3).float()
    cavity = F.max_pool3d(-F.max_pool3d(-F.max_pool3d(brain, 7, 1, 3), 3, 1, 1), 3, 1, 1)
    depth = torch.zeros_like(cavity)
    inner = cavity
    for _ in range(14):
        depth, inner = depth + VOXEL_MM * inner, -F.max_pool3d(-inner, 3, 1, 1)
    return torch.cat([layers, F.avg_pool3d(brain, 3, 1, 1), depth], 1)


@dataclass(frozen=True, eq=False)
class Bend:
    """One head made of the average: how it is bent and what it is made of."""

    turn: Vector  # [3, 3], scale and shear included
    shift: Vector  # [3] mm
    warp: Tensor  # [1, 3, 6, 6, 6] mm
    mix: float  #: of the two brains
    contrast: float
    brain: float  #: mean HU
    csf: float
    edge: float  #: HU of the average from which bone is drawn
    bone: float
    atrophy: float
    sulci: Field


def random_bend(rng: np.random.Generator) -> Bend:
    """Draw a head."""
    pitch, yaw, roll = rng.uniform(-0.4, 0.4), rng.normal(0, 0.06), rng.normal(0, 0.1)
    size = rng.normal(1, 0.05) * rng.uniform(0.93, 1.07, 3)
    tip = np.array([[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]])
    lean = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    spin = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
    warp = torch.from_numpy(rng.normal(0, rng.uniform(1, 5), (1, 3, 6, 6, 6)).astype(np.float32))
    return Bend(
        turn=np.diag(1 / size) @ tip @ lean @ spin, shift=rng.normal(0, 4, 3), warp=warp, mix=rng.uniform(0, 1),
        contrast=rng.uniform(0.6, 1.8), brain=rng.uniform(22, 36), csf=rng.uniform(2, 14),
        edge=rng.uniform(80, 300), bone=rng.uniform(800, 1700), atrophy=rng.beta(1.2, 1.6),
        sulci=random_field(rng, rng.uniform(14, 24)),
    )  # fmt: skip


def bent_slice(average: Tensor, bend: Bend, height: float, thickness: float) -> tuple[Array, Array]:
    """HU [256, 256] of the bent head, averaged over the thickness, without noise; and the share of cavity."""
    steps = (np.arange(MATRIX) + 0.5) * PIXEL_MM - MATRIX * PIXEL_MM / 2
    parts = max(1, round(thickness / VOXEL_MM))
    sheets = []
    for part in range(parts):
        up = height + ((part + 0.5) / parts - 0.5) * thickness
        origin = bend.turn @ np.array([0, 0, up]) + bend.shift
        sheets.append(Plane(origin, bend.turn @ np.array([0, -1, 0]), bend.turn @ np.array([1, 0, 0]), steps, steps))
    points = torch.from_numpy(np.stack([np.stack([sheet.axis(i) for i in range(3)], -1) for sheet in sheets]))[None]
    half = torch.tensor(average.shape[:1:-1]) * (VOXEL_MM / 2)
    moved = F.grid_sample(bend.warp, (points / half).float(), padding_mode="border", align_corners=False)
    places = (points + moved.permute(0, 2, 3, 4, 1)) / half
    seen = F.grid_sample(average - _outside(average), places.float(), align_corners=False) + _outside(average)
    sulci = bend.sulci.on(sheets[parts // 2])
    stack = seen[0].permute(1, 0, 2, 3).numpy()
    hu = np.mean([_painted(layers, bend, sulci) for layers in stack], axis=0)
    return hu, np.clip(stack[:, 4].mean(axis=0) / VOXEL_MM, 0, 1) * (hu < 100)


def _outside(average: Tensor) -> Tensor:
    return torch.tensor([-1000.0, 0, 0, 0, 0])[None, :, None, None, None].to(average)


def _painted(layers: NDArray[np.float32], bend: Bend, sulci: Array) -> Array:
    """Give the blurred average a sharper skull, sulci, and the contrast drawn."""
    outer, first, second, share, depth = layers
    hard = np.clip((outer - bend.edge) / 250, 0, 1)
    cavity = np.clip(depth / VOXEL_MM, 0, 1)
    soft = np.minimum(outer, 60)
    soft = soft + cavity * (bend.csf + 4 - soft)
    inside = np.maximum(first + bend.mix * (second - first), 0)
    tissue = bend.brain + (inside - 28) * bend.contrast
    near = np.clip(1 - depth / (18 + 8 * bend.atrophy), 0, 1)
    width = (0.2 + 1.6 * bend.atrophy) * (0.15 + near)
    fluid = np.clip(0.5 - (np.abs(sulci) * 3 - width) / 1.3, 0, 1) * (near > 0)
    tissue = tissue + fluid * (bend.csf - tissue)
    soft = soft + np.clip(2 * share - 0.4, 0, 1) * (np.maximum(tissue, bend.csf) - soft)
    return np.asarray(soft * (1 - hard) + bend.bone * hard, np.float32)


def bent_series(average: Tensor, rng: np.random.Generator, thickness: float) -> tuple[list[SliceInput], Vector]:
    """A whole bent head, bottom to top, and where its slices lie in mm."""
    bend = random_bend(rng)
    positions = np.arange(LOW_MM, HIGH_MM, thickness) + rng.uniform(0, thickness)
    slices = [bent_slice(average, bend, float(at), thickness)[0] for at in positions]
    return [SliceInput(np.asarray(hu, np.float32), PIXEL_MM, PIXEL_MM) for hu in slices], positions


def draw_bent(average: Tensor, seed: int, slices: int = 8) -> SliceSet:
    """Some slices of one head bent out of the average one, all without blood; `blood` says where some may be set."""
    rng = np.random.default_rng([seed, 78])
    bend, rows, rooms = random_bend(rng), [], []
    for height in rng.uniform(LOW_MM, HIGH_MM, slices):
        hu, cavity = bent_slice(average, bend, float(height), float(rng.uniform(1, 10)))
        region = region_of(hu, PIXEL_MM)
        rows.append(np.rint(np.clip(crop(hu, region, SPEC.size), -1024, 3071)).astype(np.int16))
        rooms.append(shares(cavity, region))
    return SliceSet(
        np.stack(rows), np.zeros((slices, len(LABELS)), np.float32), np.ones(slices, np.float32),
        np.full(slices, seed, np.int32), np.stack(rooms),
    )  # fmt: skip
