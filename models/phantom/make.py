"""Anatomy, bleed and scanner joined into one series."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.phantom.bleeds import Bleed, paint_bleed, random_bleed, sized
from models.phantom.brain import Spaces, paint_brain
from models.phantom.grid import Array, Plane, Vector
from models.phantom.head import Head, Place, locate, random_head
from models.phantom.nouns import FINDINGS, VENDORS, Phantom
from models.phantom.scanner import Scanner, enlarge, expose, harden, make_detector, paint_headrest, random_scanner
from models.phantom.skull import AIR_HU, paint_outside

PHANTOM_VERSION = "1"
MATRIX = 512
COARSE_MM = 4.0
PRESSES = ("epidural", "subdural", "intraparenchymal")  #: kinds that push the midline


@dataclass(frozen=True, eq=False)
class Scene:
    """A whole scan before any pixel is drawn."""

    head: Head
    bleed: Bleed | None
    scanner: Scanner
    turn: Vector  # [3, 3] patient to head
    shift: Vector  # [3] mm
    tilt: float  #: radians
    table: Vector  # [T] table positions in mm
    fov: float  #: mm
    thickness: float


def make_phantom(
    finding: str, seed: int, slices: int = 32, thickness: float = 5.0, vendor: str = "GE MEDICAL SYSTEMS"
) -> Phantom:
    """A 512 x 512 head CT with the finding asked for; the same arguments give the same voxels."""
    rng = np.random.default_rng([seed, FINDINGS.index(finding), slices])
    scene = draw_scene(finding, rng, slices, (thickness, vendor))
    hu, truth = render(scene, MATRIX, rng)
    pixel = scene.fov / MATRIX
    spacing = float(thickness * np.cos(scene.tilt))
    return Phantom(
        hu=hu, row_mm=pixel, col_mm=pixel, thickness=thickness, spacing=spacing,
        positions=scene.table * np.cos(scene.tilt), tilt_degrees=float(np.degrees(scene.tilt)), truth=truth,
        finding=finding, kernel=scene.scanner.kernel, kvp=scene.scanner.kvp, seed=seed,
        volume_ml=float((truth > 0).sum() * pixel * pixel * spacing / 1000), vendor=vendor,
    )  # fmt: skip


def draw_scene(finding: str, rng: np.random.Generator, slices: int, protocol: tuple[float, str]) -> Scene:
    """Draw head, scanner, pose and bleed; the bleed is sized on a coarse grid."""
    thickness, vendor = protocol[0], VENDORS[protocol[1]]
    head, scanner = random_head(rng), random_scanner(vendor, rng)
    tilt = float(np.radians(rng.uniform(5, 20))) if vendor.tilts and rng.random() < 0.5 else 0.0
    turn = _rotation(-tilt + rng.normal(0, 0.05), rng.normal(0, 0.07), rng.normal(0, 0.06))
    middle = head.height + 14 - slices * thickness / 2
    table = (np.arange(slices) - (slices - 1) / 2) * thickness
    shift = np.array([rng.normal(0, 4), rng.normal(0, 5), middle if slices * thickness > 150 else 8.0])
    scene = Scene(head, None, scanner, turn, shift, tilt, table, rng.uniform(222, 250), thickness)
    if finding == "none":
        return scene
    half = slices * thickness / 2 * 0.8
    bleed = random_bleed(finding, head, (shift[2] - half, shift[2] + half), rng)
    push = min(9.0, bleed.volume_ml / 9) if finding in PRESSES else 0.0
    scene = replace(scene, head=replace(head, shift=-bleed.side * push))
    return replace(scene, bleed=_sized(scene, bleed))


def _rotation(pitch: float, yaw: float, roll: float) -> Vector:
    """Head axes from patient axes; patient y already points to the front here."""
    cp, sp, cy, sy, cr, sr = np.cos(pitch), np.sin(pitch), np.cos(yaw), np.sin(yaw), np.cos(roll), np.sin(roll)
    around_x = np.array([[1, 0, 0], [0, cp, sp], [0, -sp, cp]])
    around_z = np.array([[cy, -sy, 0], [sy, cy, 0], [0, 0, 1]])
    around_y = np.array([[cr, 0, sr], [0, 1, 0], [-sr, 0, cr]])
    return np.asarray(around_x @ around_z @ around_y)


def plane_at(scene: Scene, table: float, matrix: int, slip: float = 0.0) -> Plane:
    """Image plane at a table position, moved by `slip` mm along its normal; rows go to the back."""
    step = (np.arange(matrix) + 0.5) * (scene.fov / matrix) - scene.fov / 2
    normal = np.array([0.0, np.sin(scene.tilt), np.cos(scene.tilt)])
    down = np.array([0.0, -np.cos(scene.tilt), np.sin(scene.tilt)])
    start = np.array([0.0, 0.0, table]) + normal * slip
    origin = scene.turn @ start + scene.shift
    return Plane(origin, scene.turn @ down, scene.turn @ np.array([1.0, 0.0, 0.0]), step, step)


def draw(scene: Scene, plane: Plane) -> tuple[Array, Place, Spaces]:
    """The ideal slice without blood."""
    place = locate(scene.head, plane)
    hu = np.full(place.x.shape, AIR_HU, np.float32)
    paint_outside(hu, scene.head, place)
    return hu, place, paint_brain(hu, scene.head, place)


def _sized(scene: Scene, bleed: Bleed) -> Bleed:
    matrix = round(scene.fov / COARSE_MM)
    samples = []
    for table in scene.table:
        _, place, spaces = draw(scene, plane_at(scene, float(table), matrix))
        samples.append(bleed.shape(place, spaces))
    voxel_ml = (scene.fov / matrix) ** 2 * scene.thickness * np.cos(scene.tilt) / 1000
    return sized(bleed, samples, float(voxel_ml))


def ideal_slice(scene: Scene, table: float, matrix: int, parts: int = 2) -> tuple[Array, Array]:
    """HU and blood share, averaged over `parts` sheets across the slice thickness."""
    total = np.zeros((matrix, matrix), np.float32)
    blood = np.zeros_like(total)
    for part in range(parts):
        plane = plane_at(scene, table, matrix, ((part + 0.5) / parts - 0.5) * scene.thickness)
        hu, place, spaces = draw(scene, plane)
        if scene.bleed:
            blood += paint_bleed(hu, scene.bleed, scene.head, place, spaces)
        total += hu
    mean = total / np.float32(parts)
    rows = np.asarray(plane.rows, np.float32)
    paint_headrest(mean, scene.scanner, rows, rows)
    harden(mean, scene.scanner, scene.fov / matrix)
    return mean, blood / np.float32(parts)


def render(scene: Scene, matrix: int, rng: np.random.Generator) -> tuple[NDArray[np.int16], NDArray[np.uint8]]:
    """All slices as the scanner gives them, and the truth."""
    half = matrix // 2
    detector = make_detector(scene.scanner, matrix, scene.fov / matrix)
    label = FINDINGS.index(scene.bleed.finding) if scene.bleed else 0
    hu = np.empty((len(scene.table), matrix, matrix), np.int16)
    truth = np.zeros(hu.shape, np.uint8)
    for place, table in enumerate(scene.table):
        ideal, blood = ideal_slice(scene, float(table), half)
        seen = expose(enlarge(ideal, matrix), scene.scanner, detector, rng)
        hu[place] = np.clip(np.rint(seen), -1024, 3071)
        if label:
            truth[place][enlarge(blood, matrix) > 0.5] = label
    return hu, truth
