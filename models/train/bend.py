"""Heads bent out of an average real one, so that the reader meets anatomy that no generator of ours drew.

Training, calibration and evaluation only: nothing of the template reaches a pack but through the weights.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from models.phantom.grid import Array, Field, Plane, Vector, random_field
from models.preprocess import crop
from models.train.data import MAP, SEEN_MM2, SLICES, SPEC, SliceSet, cut_share, region_of
from models.train.template_bleeds import Bleed, Seen, random_bleeds, shares_of
from models.train.templates import VOXEL_MM

MATRIX, PIXEL_MM = 256, 0.9
LOW_MM, HIGH_MM = -62.0, 78.0  #: heights that hold brain, from the template's middle
VENTRICLE_DEPTH = 12.0  #: mm under the surface from which dark means ventricle


@dataclass(frozen=True, eq=False)
class Bend:
    """One head made of the average: how it is bent and what it is made of."""

    turn: Vector  # [3, 3], scale and shear included
    shift: Vector  # [3] mm
    warp: Tensor  # [1, 3, 24, 24, 24] mm
    mix: float  #: of the two brains
    contrast: float
    brain: float  #: mean HU
    csf: float
    edge: float  #: HU of the average from which bone is drawn
    bone: float
    atrophy: float
    full: float  #: share of brain in the gap under the skull
    sulci: Field
    bleeds: tuple[Bleed, ...] = ()


@dataclass(frozen=True, eq=False)
class BentSlice:
    """One slice without noise and without blood, where blood would be, and how much of it is cavity."""

    hu: Array  # [256, 256]
    shares: NDArray[np.float32]  # [5, 256, 256]
    cavity: Array  # [256, 256]


def random_bend(rng: np.random.Generator, average: Tensor | None = None, kind: str = "") -> Bend:
    """Draw a head; with the average at hand also its bleeds, of the kind asked for or any."""
    pitch, yaw, roll = rng.uniform(-0.4, 0.4), rng.normal(0, 0.07), rng.normal(0, 0.12)
    size = rng.normal(0.99, 0.06) * rng.uniform(0.92, 1.08, 3)
    tip = np.array([[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]])
    lean = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    spin = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
    return Bend(
        turn=np.diag(1 / size) @ tip @ lean @ spin, shift=rng.normal(0, 4, 3), warp=_warp(rng), mix=rng.uniform(0, 1),
        contrast=rng.uniform(0.6, 1.9), brain=rng.uniform(22, 37), csf=rng.uniform(2, 14),
        edge=rng.uniform(80, 300), bone=rng.uniform(700, 1800), atrophy=rng.beta(1.0, 1.8),
        full=rng.uniform(0, 1) * (rng.random() < 0.6),
        sulci=random_field(rng, rng.uniform(14, 24)),
        bleeds=() if average is None else random_bleeds(rng, _surface(average), kind),
    )  # fmt: skip


def _warp(rng: np.random.Generator) -> Tensor:
    """A smooth shift of a few millimetres."""
    knots = torch.from_numpy(rng.normal(0, rng.uniform(1.5, 6), (1, 3, 6, 6, 6)).astype(np.float32))
    fine = F.interpolate(knots, (28, 28, 28), mode="trilinear", align_corners=False)
    return F.avg_pool3d(fine, 5, 1)


def _surface(average: Tensor) -> "SurfaceFinder":
    return SurfaceFinder(average[0, 4].numpy())


class SurfaceFinder:
    """Marches from a point outward until the cavity ends."""

    def __init__(self, depth: NDArray[np.float32]) -> None:
        self._depth = depth  # [z, y, x]

    def __call__(self, start: Vector, along: Vector) -> Vector:
        place = start
        for step in np.arange(0.0, 120.0, 1.0):
            at = start + along * step
            if not self._inside(at):
                break
            place = at
        return np.asarray(place)

    def _inside(self, at: Vector) -> bool:
        sizes = np.array(self._depth.shape[::-1])
        index = np.round(at / VOXEL_MM + (sizes - 1) / 2).astype(int)
        if (index < 0).any() or (index >= sizes).any():
            return False
        return bool(self._depth[index[2], index[1], index[0]] > 0)


def bent_slice(average: Tensor, bend: Bend, height: float, thickness: float) -> BentSlice:
    """One slice of the bent head, averaged over the thickness."""
    parts = max(1, round(thickness / VOXEL_MM))
    sheets = [_sheet(bend, height + ((part + 0.5) / parts - 0.5) * thickness) for part in range(parts)]
    points = torch.from_numpy(np.stack([np.stack([sheet.axis(i) for i in range(3)], -1) for sheet in sheets]))[None]
    half = torch.tensor(average.shape[:1:-1]) * (VOXEL_MM / 2)
    moved = F.grid_sample(bend.warp, (points / half).float(), padding_mode="border", align_corners=False)
    places = points + moved.permute(0, 2, 3, 4, 1)
    outside = _outside(average)
    seen = F.grid_sample(average - outside, (places / half).float(), align_corners=False) + outside
    stack, where = seen[0].permute(1, 0, 2, 3).numpy(), places[0].permute(0, 3, 1, 2).numpy()
    painted = [_painted(layers, at, bend, sheet) for layers, at, sheet in zip(stack, where, sheets, strict=True)]
    hu = np.asarray(np.mean([each for each, _ in painted], axis=0), np.float32)
    shares = np.asarray(np.mean([each for _, each in painted], axis=0), np.float32)
    cavity = np.clip(stack[:, 4].mean(axis=0) / VOXEL_MM, 0, 1) * (hu < 100)
    return BentSlice(hu, shares * (hu < 140), np.asarray(cavity, np.float32))


def _sheet(bend: Bend, up: float) -> Plane:
    steps = (np.arange(MATRIX) + 0.5) * PIXEL_MM - MATRIX * PIXEL_MM / 2
    origin = bend.turn @ np.array([0, 0, up]) + bend.shift
    return Plane(origin, bend.turn @ np.array([0, -1, 0]), bend.turn @ np.array([1, 0, 0]), steps, steps)


def _outside(average: Tensor) -> Tensor:
    return torch.tensor([-1000.0, 0, 0, 0, 0])[None, :, None, None, None].to(average)


def _painted(
    layers: NDArray[np.float32], where: NDArray[np.float32], bend: Bend, sheet: Plane
) -> tuple[Array, NDArray[np.float32]]:
    """Give the blurred average a sharper skull, sulci, and the contrast drawn; and say where its bleeds lie."""
    outer, first, second, share, depth = layers
    hard = np.clip((outer - bend.edge) / 250, 0, 1)
    cavity = np.clip(depth / VOXEL_MM, 0, 1)
    soft = np.minimum(outer, 60)
    rim = bend.csf + 4 + bend.full * (bend.brain - bend.csf - 4)
    soft = soft + cavity * (rim - soft)
    inside = np.maximum(first + bend.mix * (second - first), 0)
    tissue = bend.brain + (inside - 28) * bend.contrast
    near = np.clip(1 - depth / (18 + 8 * bend.atrophy), 0, 1)
    width = (0.2 + 1.6 * bend.atrophy) * (0.15 + near)
    fluid = np.clip(0.5 - (np.abs(bend.sulci.on(sheet)) * 3 - width) / 1.3, 0, 1) * (near > 0)
    tissue = tissue + fluid * (bend.csf - tissue)
    brain = np.clip(2 * share - 0.4, 0, 1)
    soft = soft + brain * (np.maximum(tissue, bend.csf) - soft)
    hu = np.asarray(soft * (1 - hard) + bend.bone * hard, np.float32)
    if not bend.bleeds:
        return hu, np.zeros((5, *hu.shape), np.float32)
    dark = np.clip((18 - inside) / 6, 0, 1) * cavity
    deep = np.clip((depth - VENTRICLE_DEPTH) / 3, 0, 1) * np.clip((where[2] + 14) / 5, 0, 1)
    fluid = np.maximum(np.maximum(fluid, 1 - brain) * cavity, dark * (1 - deep))
    seen = Seen(where[0], where[1], where[2], depth, dark * deep, fluid, sheet)
    return hu, shares_of(bend.bleeds, seen) * (1 - hard)


def bent_series(average: Tensor, rng: np.random.Generator, thickness: float, kind: str = "") -> "BentSeries":
    """A whole bent head, bottom to top; with a kind its blood is in it."""
    bend = random_bend(rng, average if kind else None, kind)
    positions = np.arange(LOW_MM, HIGH_MM, thickness) + rng.uniform(0, thickness)
    slices = [bent_slice(average, bend, float(at), thickness) for at in positions]
    density = rng.uniform(45, 80)
    hu = np.stack([each.hu + each.shares.sum(axis=0) * (density - each.hu) for each in slices])
    return BentSeries(hu, np.stack([each.shares for each in slices]), positions)


@dataclass(frozen=True, eq=False)
class BentSeries:
    """Ideal slices of one bent head, the blood in them and where they lie in mm."""

    hu: NDArray[np.float32]  # [T, 256, 256]
    shares: NDArray[np.float32]  # [T, 5, 256, 256]
    positions: Vector


def draw_bent(average: Tensor, seed: int) -> SliceSet:
    """Some slices of one bent head, all without blood; `full` says where it may be set, `shares` of which kind."""
    rng = np.random.default_rng([seed, 78])
    bend = random_bend(rng, average)
    rows = [_cut_bent(bent_slice(average, bend, at, float(rng.uniform(1, 10)))) for at in _heights(average, bend, rng)]
    return SliceSet(
        np.stack([hu for hu, _, _ in rows]), np.stack([shares for _, shares, _ in rows]),
        np.stack([full for _, _, full in rows]), np.full(len(rows), seed, np.int32),
    )  # fmt: skip


def _heights(average: Tensor, bend: Bend, rng: np.random.Generator) -> list[float]:
    """Half of them where this head bleeds, half anywhere."""
    looks = np.arange(LOW_MM, HIGH_MM, 8.0)
    blood = np.array([bent_slice(average, bend, float(at), VOXEL_MM).shares.sum() for at in looks])
    bloody = looks[blood * PIXEL_MM**2 >= SEEN_MM2]
    there = rng.choice(bloody, SLICES // 2) + rng.uniform(-4, 4, SLICES // 2) if len(bloody) else np.zeros(0)
    anywhere = rng.uniform(LOW_MM, HIGH_MM, SLICES - len(there))
    return [float(at) for at in np.concatenate([there, anywhere])]


def _cut_bent(drawn: BentSlice) -> tuple[NDArray[np.int16], NDArray[np.uint8], NDArray[np.uint8]]:
    region = region_of(drawn.hu, PIXEL_MM)
    whole = np.rint(np.clip(crop(drawn.hu, region, SPEC.size), -1024, 3071)).astype(np.int16)
    shares = np.stack([cut_share(each, region, MAP) for each in drawn.shares])
    return whole, shares, cut_share(drawn.shares.sum(axis=0), region, SPEC.size)
