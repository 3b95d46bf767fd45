"""Inside the inner table: cortex, white matter, deep nuclei, ventricles, cisterns, dura, vessels."""

from dataclasses import dataclass, replace

import numpy as np

from models.phantom.folds import sulci
from models.phantom.grid import Array, Window
from models.phantom.head import Head
from models.phantom.shapes import Place, Solid, bump, ellipsoid, paint, pair, soft, stamp, union

#: lateral ventricles on the patient's left: frontal horns, body, trigone, occipital and temporal horn
VENTRICLES = (
    Solid((7, 28, 7), (4.2, 11, 8)), Solid((9, 14, 14), (5, 13, 6.5)), Solid((12, -8, 20), (5.5, 20, 6)),
    Solid((19, -30, 13), (6, 11, 10)), Solid((23, -48, 8), (3.6, 14, 4.5)), Solid((30, -14, -14), (2.4, 14, 3)),
)  # fmt: skip
MIDLINE = (Solid((0, -2, 0), (2.2, 14, 9)), Solid((0, -42, -38), (7, 5, 9)))
CISTERNS = (
    Solid((0, 13, -23), (9, 8, 5)), Solid((0, 3, -22), (5, 5, 6)), Solid((0, 25, -17), (1.5, 9, 6)),
    Solid((0, -31, -7), (9, 3.5, 6)), Solid((0, 6, -40), (11, 3.5, 12)), Solid((0, -62, -60), (14, 6, 8)),
)  # fmt: skip
#: from the star outward, in a frame sheared to the front by 0.35
ARMS = (Solid((18, 9, -19), (13, 1.8, 3.5)), Solid((19, -14, -19), (3, 9, 4)))
#: caudate head, lentiform nucleus, thalamus
NUCLEI = (Solid((13, 22, 9), (5, 10, 10)), Solid((25, 5, 3), (7, 16, 11)), Solid((11, -13, 6), (9, 14, 10)))
VESSELS = (
    Solid((0, 5, -40), (1.9, 1.9, 14)), Solid((0, 24, -10), (1.2, 8, 8)),
    *pair(Solid((16, 12, -20), (13, 1.4, 1.6)), Solid((9, 11, -26), (2.2, 2.2, 5))),
)  # fmt: skip
CAVITY_MARGIN = 3.0


@dataclass(frozen=True, eq=False)
class Spaces:
    """What a bleed may fill: shares of voxels and distances in mm."""

    ventricle: Array  #: share
    csf: Array  #: share of sulci, fissures and cisterns (no ventricles)
    brain: Array  #: share
    depth: Array  #: from the inner table
    tent: Array  #: height above the tentorium
    falx: Array  #: distance from the midline sheet


@dataclass(frozen=True, eq=False)
class Canvas:
    """The cavity's part of a slice, ready to be painted on; `hu` is a view into the slice."""

    hu: Array
    head: Head
    place: Place
    spaces: Spaces

    def field(self, name: str) -> Array:
        """One of the head's random fields here."""
        return self.head.fields[name].on(self.place.plane)


def cavity_window(place: Place) -> Window | None:
    """The pixels that hold the cavity."""
    inside = place.depth > -CAVITY_MARGIN
    rows, cols = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    if not len(rows):
        return None
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(cols[0]), int(cols[-1]) + 1)


def paint_brain(hu: Array, head: Head, place: Place) -> Canvas:
    """Fill the cavity."""
    cavity = soft(-place.depth, 1.3)
    tent = _tentorium_height(head, place)
    ventricle = _ventricles(head, place) * cavity
    fissure = _fissures(head, place, tent)
    tissue = _tissue(head, place, tent, fissure)
    surface = place.depth - _gap(head, place)
    brain = soft(np.maximum(-surface, -fissure), 1.3)
    paint(hu, head.csf + 3, cavity)
    paint(hu, tissue, brain)
    csf = cavity * (1 - brain) * (1 - ventricle)
    paint(hu, head.csf, ventricle)
    falx = np.abs(place.x + 0.7 * head.fields["wobble"].on(place.plane))
    spaces = Spaces(ventricle, csf, brain * (1 - ventricle), place.depth, tent, falx)
    canvas = Canvas(hu, head, place, spaces)
    _dura(canvas)
    stamp(hu, place, *(replace(vessel, hu=head.blood_pool) for vessel in VESSELS))
    return canvas


def _age_at(head: Head, place: Place) -> Array | float:
    """Atrophy, less where a mass presses."""
    if not head.efface:
        return head.atrophy
    pressed = abs(head.efface) * np.clip(0.5 + np.sign(head.efface) * place.x / 20, 0, 1)
    return np.asarray(head.atrophy * (1 - pressed) - 0.2 * pressed, np.float32)


def _gap(head: Head, place: Place) -> Array:
    age = _age_at(head, place)
    front = bump(place.y, 60, 50) * age * 1.5
    return np.maximum(0.7 + 1.6 * age + 0.6 * head.fields["gap"].on(place.plane) + front, 0.4)


def _ventricles(head: Head, place: Place) -> Array:
    wobble = 0.7 * head.fields["wobble"].on(place.plane)
    moved = replace(place, x=place.x + 0.6 * wobble * np.sign(place.x), y=place.y + wobble, z=place.z + wobble)
    lateral = tuple(_grown(one, head.ventricles * (1 + head.asymmetry)) for one in VENTRICLES)
    lateral += tuple(_grown(one, head.ventricles * (1 - head.asymmetry)).mirrored() for one in VENTRICLES)
    central = tuple(replace(one, radii=(one.radii[0] * head.ventricles, *one.radii[1:])) for one in MIDLINE)
    septum = soft(0.7 - np.abs(place.x), 0.8)
    return np.maximum(soft(union(moved, lateral), 1.4) * septum, soft(union(place, central), 1.4))


def _grown(solid: Solid, scale: float) -> Solid:
    return replace(solid, radii=(solid.radii[0] * scale, solid.radii[1] * scale**0.3, solid.radii[2] * scale))


def _fissures(head: Head, place: Place, tent: Array) -> Array:
    """Signed distance to CSF sheets and pools: negative inside the fluid."""
    age = _age_at(head, place)
    fissure = np.minimum(sulci(head, place, age, tent), _midline_fissure(head, place, tent))
    fissure = np.minimum(fissure, _sylvian(head, place))
    behind = np.clip(-tent / 4, 0, 1) * np.clip((-24 - place.y) / 5, 0, 1)
    leaves = np.abs(head.fields["folia"].on(place.plane)) * 1.4 - 0.7 * age + 9 * (1 - behind)
    fissure = np.minimum(fissure, leaves)
    return np.asarray(np.minimum(fissure, _cisterns(head, place)), np.float32)


def _cisterns(head: Head, place: Place) -> Array:
    """The star above the sella with its arms, the clefts around the brain stem, the pools behind it."""
    wide = 0.7 + 0.6 * head.atrophy
    solids = tuple(replace(one, radii=(one.radii[0], one.radii[1] * wide, one.radii[2] * wide)) for one in CISTERNS)
    bent = replace(place, y=place.y - 0.35 * np.abs(place.x))
    arms = tuple(replace(one, radii=(one.radii[0], one.radii[1] * wide, one.radii[2])) for one in pair(*ARMS))
    rough = 1.0 * head.fields["clot"].on(place.plane)
    stem = ellipsoid((np.abs(place.x), bent.y, place.z), (0, -20, -18), (17, 13, 18))
    cleft = np.abs(stem - 1.5) - 0.35 - 1.1 * head.atrophy + 8 * np.clip(np.abs(place.z + 14) / 6 - 1, 0, 1)
    cleft = cleft + 1.2 * np.clip(head.fields["fat"].on(place.plane), -0.4, 2) + np.clip((place.y + 8) / 8, 0, 4)
    return np.asarray(np.minimum(np.minimum(union(place, solids), union(bent, arms)) + rough, cleft), np.float32)


def _midline_fissure(head: Head, place: Place, tent: Array) -> Array:
    sheet = np.abs(place.x + 0.7 * head.fields["wobble"].on(place.plane)) - 0.5 - 0.9 * head.atrophy
    core = ellipsoid(place.point, (0, -6, 4), (60, 44, 26))
    return np.asarray(np.maximum(sheet, np.maximum(-core * 0.5, -tent * 0.5)), np.float32)


def _sylvian(head: Head, place: Place) -> Array:
    age = _age_at(head, place)
    side = np.abs(place.x)
    wave = head.fields["gyri"].on(place.plane)
    insula = np.abs(side - 40 + 0.008 * (place.y - 4) ** 2 + 1.6 * wave) - 0.4 - 1.1 * age
    insula = insula + 1.2 * np.clip(head.fields["patch"].on(place.plane), -0.3, 2)
    insula = insula + 5 * np.clip(np.abs(place.y - 6) / 17 - 1, 0, 1) + 5 * np.clip(np.abs(place.z - 2) / 13 - 1, 0, 1)
    opening = np.abs(place.z + 2 - 0.22 * (place.y - 8) + 2 * wave) - 0.5 - 1.2 * age
    opening = opening + 5 * np.clip((39 - side) / 3, 0, 1) + 5 * np.clip(np.abs(place.y - 4) / 28 - 1, 0, 1)
    return np.asarray(np.minimum(insula, opening), np.float32)


def _tissue(head: Head, place: Place, tent: Array, fissure: Array) -> Array:
    ribbon = np.minimum(place.depth - 1.5, fissure) - head.cortex - 0.5 * head.fields["gyri"].on(place.plane)
    outer = np.clip(1.25 + place.vault / head.zone_mm + 0.25 * head.fields["patch"].on(place.plane), 0, 1)
    inner = np.clip(1.2 - np.abs(place.x) / 14, 0, 1) * np.clip(
        ellipsoid(place.point, (0, -4, 2), (60, 50, 30)) / 5, 0, 1
    )
    grey = np.maximum(soft(ribbon, 2.2), head.zone * np.maximum(outer, inner))
    grey = np.maximum(grey, 0.9 * soft(union(place, pair(*NUCLEI)) + 1.1 * head.fields["clot"].on(place.plane), 4.5))
    folia = 0.55 + 0.45 * np.tanh(1.2 * head.fields["folia"].on(place.plane))
    below = np.clip(-tent / 3, 0, 1) * np.clip((-20 - place.y) / 6, 0, 1)
    core = soft(union(place, pair(Solid((13, -48, -38), (13, 12, 8)))), 8)
    grey = grey + below * (0.75 * folia + 0.25 - 0.8 * core - grey)
    texture = head.texture * (head.fields["patch"].on(place.plane) + 0.8 * head.fields["grain"].on(place.plane))
    return np.asarray(head.white + (head.grey - head.white) * grey + texture, np.float32)


def _tentorium_height(head: Head, place: Place) -> Array:
    side = np.abs(place.x)
    sheet = 6 - 0.52 * side + 0.0025 * side * side - 0.18 * np.clip(-30 - place.y, 0, 80)
    behind = np.clip((-12 - place.y - 0.15 * side) / 8, 0, 1)
    return np.asarray(place.z - sheet + 40 * (1 - behind) + head.fields["wobble"].on(place.plane), np.float32)


def _dura(canvas: Canvas) -> None:
    hu, head, place, tent = canvas.hu, canvas.head, canvas.place, canvas.spaces.tent
    inside = soft(1 - place.depth, 1.5)
    core = ellipsoid(place.point, (0, -2, 0), (60, 58, 34))
    falx = soft(canvas.spaces.falx - head.falx, 1.0) * soft(-core, 6) * soft(-tent, 3) * inside
    paint(hu, head.dura, 0.75 * falx)
    leaf = soft(np.abs(tent) - 0.7, 1.6) * inside * soft(place.y + 24, 4)
    paint(hu, head.dura, 0.6 * leaf)
    sagittal = np.hypot(place.x * 0.9, place.depth - 2.5) - 3.4
    paint(hu, head.blood_pool, soft(sagittal, 1.5) * soft(place.y - 5, 12) * soft(-8 - place.z, 4) * inside)
    transverse = np.hypot(tent, place.depth - 3) - 3.4
    paint(hu, head.blood_pool, soft(transverse, 1.5) * soft(place.y + 38, 6) * inside)
    straight = np.hypot(place.x, tent - 1) - 2.0
    paint(hu, head.blood_pool, soft(straight, 1.5) * soft(place.y + 36, 4) * inside)
