"""Anatomy, bleeds and scanner joined into one series."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from models.phantom.bleeds import Bleed, paint_bleed
from models.phantom.brain import Canvas, cavity_window, paint_brain
from models.phantom.damage import random_damage
from models.phantom.forms import random_bleed
from models.phantom.grid import Array, Plane
from models.phantom.hardware import add_streaks, paint_hardware, random_hardware
from models.phantom.head import Head, locate, random_head
from models.phantom.mimics import random_mimics
from models.phantom.nouns import FINDINGS, VENDORS, Phantom, kinds_of
from models.phantom.pose import random_pose
from models.phantom.priors import COMPANIONS, Dice
from models.phantom.scanner import enlarge, expose, harden, make_detector, paint_headrest, random_scanner, shake
from models.phantom.shapes import Place
from models.phantom.size import Scene, plane_at, size_bleeds
from models.phantom.skull import AIR_HU, paint_outside

PHANTOM_VERSION = "3"
MATRIX = 512
PRESSES = ("epidural", "subdural", "intraparenchymal")  #: kinds that push the midline
MOST_SHIFT = 14.0
KINDS = FINDINGS[1:]
LEAST_LEVEL = 26  #: of 255; a tenth of a voxel is no bleed


def make_phantom(  # noqa: PLR0913 - what a user names
    finding: str,
    seed: int,
    slices: int = 32,
    thickness: float = 5.0,
    vendor: str = "GE MEDICAL SYSTEMS",
    *,
    variety: float = 0.0,
) -> Phantom:
    """A 512 x 512 head CT with the finding asked for, or several joined by `+`; the same arguments, the same voxels.

    `variety` 0 draws a clear case for demonstration, 1 the full spread that readers are trained and judged on.
    """
    kinds = kinds_of(finding)
    rng = np.random.default_rng([seed, slices, round(1000 * variety), *(FINDINGS.index(kind) for kind in kinds)])
    scene = draw_scene(finding, rng, slices, (thickness, vendor), variety)
    hu, truth = render(scene, MATRIX, rng)
    pixel = scene.fov / MATRIX
    return Phantom(
        hu=hu, row_mm=pixel, col_mm=pixel, thickness=thickness, spacing=float(thickness * np.cos(scene.pose.tilt)),
        positions=scene.table * np.cos(scene.pose.tilt), tilt_degrees=float(np.degrees(scene.pose.tilt)), truth=truth,
        finding=kinds[0] if kinds else "none", kernel=scene.scanner.kernel, kvp=scene.scanner.kvp, seed=seed,
        volume_ml=float((truth > 0).sum() * pixel * pixel * thickness * np.cos(scene.pose.tilt) / 1000), vendor=vendor,
        age=round(scene.head.age), content=scene.content,
    )  # fmt: skip


def draw_scene(
    finding: str, rng: np.random.Generator, slices: int, protocol: tuple[float, str], variety: float = 1.0
) -> Scene:
    """Draw head, scanner, pose and bleeds; `finding` is the main kind, or kinds joined by `+`."""
    dice, kinds, vendor = Dice(rng, variety), kinds_of(finding), VENDORS[protocol[1]]
    head = random_head(dice)
    if "intraventricular" in kinds:
        head = replace(head, ventricles=max(0.9, head.ventricles) * float(rng.uniform(1.0, 1.35)))
    damage = random_damage(dice, head, bool(kinds))
    scene = Scene(
        head=head, damage=damage, mimics=random_mimics(dice, head), hardware=random_hardware(dice, head, damage),
        bleeds=(), scanner=random_scanner(vendor, rng, variety, protocol[0]),
        pose=random_pose(dice, head, vendor, (slices, protocol[0])), salt=int(rng.integers(2**31)),
    )  # fmt: skip
    if not kinds:
        return scene
    bleeds = _random_bleeds(dice, kinds, scene)
    return size_bleeds(replace(scene, head=_pressed(dice, head, bleeds)), bleeds)


def _random_bleeds(dice: Dice, kinds: tuple[str, ...], scene: Scene) -> tuple[Bleed, ...]:
    """The kinds asked for; a single one often brings what it is seen with, or a second of its own kind."""
    half = len(scene.table) * scene.pose.thickness / 2 * 0.8
    band = (float(scene.pose.shift[2]) - half, float(scene.pose.shift[2]) + half)
    wanted = list(kinds)
    if len(kinds) == 1 and dice.happens("second_kind"):
        wanted.append(dice.pick(COMPANIONS[kinds[0]]))
    if dice.happens("second_same"):
        wanted.append(kinds[0])
    return tuple(
        random_bleed(kind, dice, scene.head, band, second=bool(place)) for place, kind in enumerate(wanted[:3])
    )


def _pressed(dice: Dice, head: Head, bleeds: tuple[Bleed, ...]) -> Head:
    """The head with its midline pushed and its sulci closed by what takes room."""
    per_ml = dice.of("shift_per_ml")
    push = sum(-bleed.side * min(bleed.volume_ml * per_ml, MOST_SHIFT) for bleed in bleeds if bleed.finding in PRESSES)
    volume = sum(bleed.side * bleed.volume_ml for bleed in bleeds if bleed.finding in PRESSES)
    return replace(head, shift=float(np.clip(push, -MOST_SHIFT, MOST_SHIFT)), efface=float(np.clip(volume / 40, -1, 1)))


def draw(scene: Scene, plane: Plane) -> tuple[Array, Place, Canvas | None]:
    """The ideal slice without blood, and the part of it that holds the cavity."""
    place = locate(scene.head, plane)
    hu = np.full(place.x.shape, AIR_HU, np.float32)
    paint_outside(hu, scene.head, place, scene.damage)
    window = cavity_window(place)
    if window is None:
        return hu, place, None
    canvas = paint_brain(hu[window], scene.head, place.cut(window))
    for mimic in scene.mimics:
        mimic.draw(canvas)
    return hu, place, canvas


def ideal_slice(scene: Scene, table: float, matrix: int, parts: int = 2) -> tuple[Array, Array]:
    """HU [n, n] and the share of blood [5, n, n] by kind, averaged over `parts` sheets across the slice thickness."""
    total = np.zeros((matrix, matrix), np.float32)
    shares = np.zeros((len(KINDS), matrix, matrix), np.float32)
    for part in range(parts):
        plane = plane_at(scene, table, matrix, ((part + 0.5) / parts - 0.5) * scene.pose.thickness)
        hu, place, canvas = draw(scene, plane)
        if canvas and scene.bleeds:
            window = cavity_window(place)
            assert window
            _bleed(canvas, scene.bleeds, shares[:, *window])
        paint_hardware(hu, place, scene.hardware)
        if scene.hardware.metal:
            add_streaks(hu, place, scene.hardware)
        total += hu
    mean, shares = total / np.float32(parts), shares / np.float32(parts)
    rows = np.asarray(plane.rows, np.float32)
    paint_headrest(mean, scene.scanner, rows, rows)
    harden(mean, scene.scanner, scene.fov / matrix)
    own = np.random.default_rng([scene.salt, round(table * 100) + 10**6])
    return shake(mean, shares, scene.scanner, (scene.fov / matrix, own))


def _bleed(canvas: Canvas, bleeds: tuple[Bleed, ...], shares: Array) -> None:
    """Paint each bleed where the ones before it have left room; adds to the shares."""
    taken = np.zeros(canvas.hu.shape, np.float32)
    for bleed in bleeds:
        share = paint_bleed(canvas, bleed, taken)
        shares[KINDS.index(bleed.finding)] += share
        taken = np.minimum(taken + share, 1)


def render(scene: Scene, matrix: int, rng: np.random.Generator) -> tuple[NDArray[np.int16], NDArray[np.uint8]]:
    """All slices as the scanner gives them, and the truth."""
    half = matrix // 2
    detector = make_detector(scene.scanner, matrix, scene.fov / matrix)
    hu = np.empty((len(scene.table), matrix, matrix), np.int16)
    blood = [np.zeros((len(scene.table), half, half), np.uint8) for _ in KINDS]
    for place, table in enumerate(scene.table):
        ideal, shares = ideal_slice(scene, float(table), half)
        seen = expose(enlarge(ideal, matrix), scene.scanner, detector, rng)
        hu[place] = np.clip(np.rint(seen), -1024, 3071)
        for kept, share in zip(blood, shares, strict=True):
            kept[place] = np.rint(255 * np.minimum(share, 1))
    levels = [_level(shares, matrix) for shares in blood]
    truth = [_labelled([kept[place] for kept in blood], levels, matrix) for place in range(len(scene.table))]
    return hu, np.stack(truth)


def _level(blood: NDArray[np.uint8], matrix: int) -> float:
    """The share from which a voxel counts, so that the counted voxels make up the volume of all shares."""
    counts = np.zeros(256)
    for one in blood[blood.any(axis=(1, 2))]:
        counts += np.bincount(np.rint(enlarge(one.astype(np.float32), matrix)).astype(np.intp).ravel(), minlength=256)
    above = np.cumsum(counts[::-1])[::-1]
    return float(np.clip(np.argmin(np.abs(above - counts @ np.arange(256) / 255)), LEAST_LEVEL, 240) - 0.5) / 255


def _labelled(blood: list[NDArray[np.uint8]], levels: list[float], matrix: int) -> NDArray[np.uint8]:
    """The kind that fills most of each voxel, where it fills enough."""
    truth = np.zeros((matrix, matrix), np.uint8)
    most = np.zeros((matrix, matrix), np.float32)
    for label, (part, level) in enumerate(zip(blood, levels, strict=True), start=1):
        if part.any():
            share = enlarge(part.astype(np.float32) / 255, matrix)
            share = share * (share >= level)
            truth[share > most] = label
            most = np.maximum(most, share)
    return truth
