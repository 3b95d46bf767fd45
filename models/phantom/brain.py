"""Inside the inner table: cortex, white matter, deep nuclei, ventricles, cisterns, dura, vessels, calcifications."""

from dataclasses import dataclass

import numpy as np

from models.phantom.grid import Array
from models.phantom.head import Head, Place
from models.phantom.shapes import Triple, bump, ellipsoid, paint, soft

#: (centre, radii) on the patient's left; mirrored to the right
VENTRICLES: tuple[tuple[Triple, Triple], ...] = (
    ((7, 28, 7), (4.2, 11, 8)), ((9, 14, 14), (5, 13, 6.5)), ((12, -8, 20), (5.5, 20, 6)), ((19, -30, 13), (6, 11, 10)),
    ((23, -48, 8), (3.6, 14, 4.5)), ((30, -14, -14), (2.4, 14, 3)),
)  # fmt: skip
MIDLINE: tuple[tuple[Triple, Triple], ...] = (((0, -2, 0), (2.2, 14, 9)), ((0, -42, -38), (7, 5, 9)))
CISTERNS: tuple[tuple[Triple, Triple], ...] = (
    ((0, 11, -22), (9, 10, 5)), ((0, 5, -21), (17, 3.5, 5)), ((0, 18, -20), (14, 3, 4)),
    ((0, -31, -7), (10, 4, 7)), ((0, 6, -40), (11, 4, 12)), ((0, -62, -60), (14, 6, 8)),
)  # fmt: skip
NUCLEI: tuple[tuple[Triple, Triple], ...] = (
    ((14, 22, 9), (5, 10, 9)), ((24, 6, 3), (6, 15, 10)), ((11, -12, 6), (8, 13, 9)),
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Spaces:
    """What a bleed may fill: shares of voxels and distances in mm."""

    ventricle: Array  #: share
    csf: Array  #: share of sulci, fissures and cisterns (no ventricles)
    brain: Array  #: share
    depth: Array  #: from the inner table
    tent: Array  #: height above the tentorium


def paint_brain(hu: Array, head: Head, place: Place) -> Spaces:
    """Fill the cavity; returns the spaces for the bleeds."""
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
    _dura(hu, head, place, tent)
    _vessels(hu, head, place)
    _calcifications(hu, head, place)
    return Spaces(ventricle, csf, brain * (1 - ventricle), place.depth, tent)


def _gap(head: Head, place: Place) -> Array:
    front = bump(place.y, 60, 50) * head.atrophy * 1.5
    return np.maximum(0.7 + 1.6 * head.atrophy + 0.6 * head.fields["gap"].on(place.plane) + front, 0.4)


def _ventricles(head: Head, place: Place) -> Array:
    wobble = 0.7 * head.fields["wobble"].on(place.plane)
    mirrored = (np.abs(place.x + 0.6 * wobble), place.y + wobble, place.z + wobble)
    scale = head.ventricles
    lateral = [ellipsoid(mirrored, at, (r[0] * scale, r[1], r[2] * scale)) for at, r in VENTRICLES]
    central = [ellipsoid(place.point, at, (r[0] * scale, r[1], r[2])) for at, r in MIDLINE]
    septum = soft(0.7 - np.abs(place.x), 0.8)
    shares = soft(np.minimum.reduce(lateral), 1.4) * septum
    return np.maximum(shares, soft(np.minimum.reduce(central), 1.4))


def _fissures(head: Head, place: Place, tent: Array) -> Array:
    """Signed distance to CSF sheets and pools: negative inside the fluid."""
    below = np.clip(-tent / 6, 0, 1)
    deep = np.clip(1 - place.depth / (20 + 6 * head.atrophy), 0, 1)
    half = (0.35 + 1.5 * head.atrophy) * (0.3 + deep) * (1 - below)
    sulci = np.abs(head.fields["sulci"].on(place.plane)) * 3.0 - half + 9 * (1 - np.minimum(deep * 4, 1)) + 3 * below
    fissure = np.minimum(sulci, _midline_fissure(head, place, tent))
    fissure = np.minimum(fissure, _sylvian(head, place))
    pools = [ellipsoid(place.point, at, radii) for at, radii in CISTERNS]
    stem = ellipsoid((np.abs(place.x), place.y - 0.35 * np.abs(place.x), place.z), (0, -18, -20), (17, 13, 18))
    ambient = np.abs(stem - 1.5) - 0.6 - 0.9 * head.atrophy + 8 * np.clip(np.abs(place.z + 15) / 8 - 1, 0, 1)
    return np.asarray(np.minimum(np.minimum.reduce(pools), np.minimum(fissure, ambient)), np.float32)


def _midline_fissure(head: Head, place: Place, tent: Array) -> Array:
    sheet = np.abs(place.x + 0.7 * head.fields["wobble"].on(place.plane)) - 0.5 - 0.9 * head.atrophy
    core = ellipsoid(place.point, (0, -6, 4), (60, 44, 26))
    return np.asarray(np.maximum(sheet, np.maximum(-core * 0.5, -tent * 0.5)), np.float32)


def _sylvian(head: Head, place: Place) -> Array:
    side = np.abs(place.x)
    wave = head.fields["gyri"].on(place.plane)
    insula = np.abs(side - 39 + 0.004 * (place.y - 8) ** 2 + 1.6 * wave) - 0.4 - 1.1 * head.atrophy
    insula = insula + 5 * np.clip(np.abs(place.y - 8) / 24 - 1, 0, 1) + 5 * np.clip(np.abs(place.z - 2) / 13 - 1, 0, 1)
    opening = np.abs(place.z + 2 - 0.22 * (place.y - 8) + 2 * wave) - 0.5 - 1.2 * head.atrophy
    opening = opening + 5 * np.clip((39 - side) / 3, 0, 1) + 5 * np.clip(np.abs(place.y - 4) / 28 - 1, 0, 1)
    return np.asarray(np.minimum(insula, opening), np.float32)


def _tissue(head: Head, place: Place, tent: Array, fissure: Array) -> Array:
    ribbon = np.minimum(place.depth - 1.5, fissure) - 3.4 - 0.5 * head.fields["gyri"].on(place.plane)
    grey = soft(ribbon, 2.2)
    mirrored = (np.abs(place.x), place.y, place.z)
    for centre, radii in NUCLEI:
        grey = np.maximum(grey, soft(ellipsoid(mirrored, centre, radii), 2.5))
    folia = 0.55 + 0.45 * np.tanh(1.2 * head.fields["folia"].on(place.plane))
    below = np.clip(-tent / 3, 0, 1) * np.clip((-20 - place.y) / 6, 0, 1)
    core = soft(ellipsoid(mirrored, (13, -48, -38), (13, 12, 8)), 8)
    grey = grey + below * (0.75 * folia + 0.25 - 0.8 * core - grey)
    texture = 0.7 * head.fields["patch"].on(place.plane) + 0.6 * head.fields["grain"].on(place.plane)
    return np.asarray(head.white + (head.grey - head.white) * grey + texture, np.float32)


def _tentorium_height(head: Head, place: Place) -> Array:
    side = np.abs(place.x)
    sheet = 6 - 0.52 * side + 0.0025 * side * side - 0.18 * np.clip(-30 - place.y, 0, 80)
    behind = np.clip((-12 - place.y - 0.15 * side) / 8, 0, 1)
    return place.z - sheet + 40 * (1 - behind) + head.fields["wobble"].on(place.plane)


def _dura(hu: Array, head: Head, place: Place, tent: Array) -> None:
    inside = soft(1 - place.depth, 1.5)
    falx_x = np.abs(place.x + 0.7 * head.fields["wobble"].on(place.plane))
    core = ellipsoid(place.point, (0, -2, 0), (60, 58, 34))
    falx = soft(falx_x - 0.6, 1.2) * soft(-core, 6) * soft(-tent, 3) * inside
    paint(hu, head.dura, 0.75 * falx)
    leaf = soft(np.abs(tent) - 0.7, 1.6) * inside * soft(place.y + 24, 4)
    paint(hu, head.dura, 0.6 * leaf)
    sagittal = np.hypot(place.x * 0.9, place.depth - 2.5) - 3.4
    paint(hu, head.dura + 2, soft(sagittal, 1.5) * soft(place.y - 5, 12) * soft(-8 - place.z, 4) * inside)
    transverse = np.hypot(tent, place.depth - 3) - 3.4
    paint(hu, head.dura + 2, soft(transverse, 1.5) * soft(place.y + 38, 6) * inside)
    straight = np.hypot(place.x, tent - 1) - 2.0
    paint(hu, head.dura, soft(straight, 1.5) * soft(place.y + 36, 4) * inside)


def _vessels(hu: Array, head: Head, place: Place) -> None:
    mirrored = (np.abs(place.x), place.y, place.z)
    for centre, radii in (((0, 5, -40), (1.9, 1.9, 14)), ((16, 12, -20), (13, 1.4, 1.6)), ((9, 11, -26), (2.2, 2.2, 5)),
                          ((0, 24, -10), (1.2, 8, 8))):  # fmt: skip
        paint(hu, head.grey + 6, soft(ellipsoid(mirrored, centre, radii), 1.4))


def _calcifications(hu: Array, head: Head, place: Place) -> None:
    mirrored = (np.abs(place.x), place.y, place.z)
    speckle = np.clip(1 + 0.5 * head.fields["diploe"].on(place.plane), 0.2, 2)
    for radius, centre in ((head.pineal, (0, -25, 3)), (head.choroid, (18, -31, 12)), (head.ganglia, (19, 6, 1))):
        if radius:
            spot = soft(ellipsoid(mirrored, centre, (radius, radius * 1.5, radius * 1.3)), 1.5)
            paint(hu, 170 * speckle, spot)
