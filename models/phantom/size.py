"""Planes through a scene, and bleeds brought to the volume wanted before anything is drawn for good."""

from dataclasses import dataclass, replace

import numpy as np

from models.phantom.bleeds import Bleed, sized
from models.phantom.brain import Canvas, cavity_window, paint_brain
from models.phantom.damage import Damage
from models.phantom.grid import Array, Plane, Vector, Window
from models.phantom.hardware import Hardware
from models.phantom.head import Head, locate
from models.phantom.mimics import Mimic
from models.phantom.pose import Pose
from models.phantom.scanner import Scanner

COARSE_MM = 4.0
FINE_MM = (1.0, 1.8)  #: by volume
THIN_MM = 3.5
LEAST_ML = 0.05
PLANES = 32
FINE_ML = 15.0  #: smaller bleeds are measured once more, on a finer grid


@dataclass(frozen=True, eq=False)
class Scene:
    """A whole scan before any pixel is drawn."""

    head: Head
    damage: Damage
    mimics: tuple[Mimic, ...]
    hardware: Hardware
    bleeds: tuple[Bleed, ...]  #: the main one first
    scanner: Scanner
    pose: Pose
    salt: int  #: seed of what differs from slice to slice

    @property
    def table(self) -> Vector:
        """[T] table positions in mm, ascending."""
        return self.pose.table

    @property
    def fov(self) -> float:
        """Width of the image in mm."""
        return self.pose.fov

    @property
    def content(self) -> tuple[str, ...]:
        """Names of everything that was drawn beside a plain head."""
        return content_of(self)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The findings present, the main one first."""
        return tuple(dict.fromkeys(bleed.finding for bleed in self.bleeds))


def content_of(scene: Scene) -> tuple[str, ...]:
    """Mimics, damage and hardware by name, then each bleed's kind and form."""
    damage = scene.damage
    names = [mimic.name for mimic in scene.mimics]
    names += ["swelling"] * bool(damage.swellings) + ["fracture"] * bool(damage.cracks)
    names += ["surgery"] * bool(damage.openings) + ["shunt"] * bool(scene.hardware.tubes)
    names += list(dict.fromkeys(one.name for one in scene.hardware.metal))
    return (*names, *(f"{bleed.finding}: {bleed.form}" for bleed in scene.bleeds))


def plane_at(scene: Scene, table: float, matrix: int, slip: float = 0.0) -> Plane:
    """Image plane at a table position, moved by `slip` mm along its normal; rows go to the back."""
    pose = scene.pose
    step = (np.arange(matrix) + 0.5) * (scene.fov / matrix) - scene.fov / 2
    normal = np.array([0.0, np.sin(pose.tilt), np.cos(pose.tilt)])
    down = np.array([0.0, -np.cos(pose.tilt), np.sin(pose.tilt)])
    start = np.array([0.0, 0.0, table]) + normal * slip
    origin = pose.turn @ start + pose.shift
    return Plane(origin, pose.turn @ down, pose.turn @ np.array([1.0, 0.0, 0.0]), step, step)


def size_bleeds(scene: Scene, bleeds: tuple[Bleed, ...]) -> Scene:
    """The scene with its bleeds set to their volumes, each in what room the earlier ones left."""
    every = max(1, -(-len(scene.table) // PLANES))
    chosen = scene.table[every // 2 :: every]
    matrix = round(scene.fov / COARSE_MM)
    canvases = [_canvas(scene, plane_at(scene, float(table), matrix)) for table in chosen]
    seen = [(table, canvas) for table, canvas in zip(chosen, canvases, strict=True) if canvas]
    layer_ml = scene.pose.thickness * np.cos(scene.pose.tilt) / 1000 * len(scene.table) / len(chosen)
    done: tuple[Bleed, ...] = ()
    for bleed in bleeds if seen else ():
        samples = [_sample(bleed, canvas, done) for _, canvas in seen]
        fitted = sized(bleed, samples, float((scene.fov / matrix) ** 2 * layer_ml))
        if fitted.volume_ml < FINE_ML:
            windows = [_window(one, canvas, fitted.level) for one, (_, canvas) in zip(samples, seen, strict=True)]
            near = [(table, window) for (table, _), window in zip(seen, windows, strict=True) if window]
            fitted = _refined(scene, bleed, done, (near, float(layer_ml)))
        done = (*done, fitted)
    return replace(scene, bleeds=tuple(bleed for bleed in done if bleed.volume_ml > LEAST_ML))


Box = tuple[float, float, float, float]  #: rows and columns in mm


def _refined(
    scene: Scene, bleed: Bleed, done: tuple[Bleed, ...], where: tuple[list[tuple[float, Box]], float]
) -> Bleed:
    """Measure once more, closely, where the coarse level says that the blood may be."""
    near, layer_ml = where
    thickness = scene.pose.thickness
    slips = (0.0,) if thickness <= THIN_MM else (-0.25, 0.25)
    step = float(np.clip(bleed.volume_ml ** (1 / 3), *FINE_MM))
    samples = []
    for table, box in near:
        for slip in slips:
            plane = plane_at(scene, float(table), 2, slip * thickness)
            canvas = _canvas(scene, _denser(plane, box, step))
            if canvas:
                samples.append(_sample(bleed, canvas, done))
    return sized(bleed, samples, step**2 * layer_ml / len(slips)) if samples else replace(bleed, volume_ml=0.0)


def _window(sample: tuple[Array, Array], canvas: Canvas, level: float) -> Box | None:
    """Where the bleed may reach."""
    field, room = sample
    inside = (field < level + 6) & (room > 0)
    if not inside.any():
        return None
    rows, cols = canvas.place.plane.rows[inside.any(axis=1)], canvas.place.plane.cols[inside.any(axis=0)]
    return float(rows[0]) - 5, float(rows[-1]) + 5, float(cols[0]) - 5, float(cols[-1]) + 5


def _denser(plane: Plane, box: Box, step: float) -> Plane:
    top, bottom, left, right = box
    rows, cols = np.arange(top, bottom, step), np.arange(left, right, step)
    return Plane(plane.origin, plane.down, plane.across, rows, cols)


def _sample(bleed: Bleed, canvas: Canvas, done: tuple[Bleed, ...]) -> tuple[Array, Array]:
    field, room = bleed.shape(canvas)
    for earlier in done:
        room = room * (1 - earlier.share(canvas))
    return field, room


def _canvas(scene: Scene, plane: Plane) -> Canvas | None:
    """The cavity alone, without the skull around it."""
    place = locate(scene.head, plane)
    window: Window | None = cavity_window(place)
    if window is None:
        return None
    part = place.cut(window)
    return paint_brain(np.zeros(part.x.shape, np.float32), scene.head, part)
