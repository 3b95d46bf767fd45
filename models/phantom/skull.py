"""Everything around the brain: skin, fat, vault with diploe, skull base with its air cells, face and orbits."""

import numpy as np

from models.phantom.grid import Array
from models.phantom.head import Head, Place
from models.phantom.shapes import bump, ellipsoid, paint, soft

AIR_HU, SKIN_HU, MUSCLE_HU, FAT_HU = -1000.0, 35.0, 55.0, -85.0


def paint_outside(hu: Array, head: Head, place: Place) -> None:
    """From the skin inward to the inner table; the cavity is left for the brain."""
    thick = _thickness(head, place)
    outer = place.vault - thick
    skin = _skin(head, place, outer)
    paint(hu, SKIN_HU, soft(skin, 1.6))
    _soft_tissue(hu, head, place, outer, skin)
    _vault_bone(hu, head, place, thick)
    _base(hu, head, place, skin)
    _orbits(hu, place)
    _air_spaces(hu, head, place, skin)


def _thickness(head: Head, place: Place) -> Array:
    wave = head.fields["skull"].on(place.plane)
    occiput = 4 * bump(place.y, -85, 25) * bump(place.z, -8, 18) * bump(place.x, 0, 22)
    forehead = 2 * bump(place.y, 80, 25) * bump(place.x, 0, 25)
    temple = 2 * bump(np.abs(place.x), 62, 8) * bump(place.y, 15, 25) * bump(place.z, -10, 20)
    return np.maximum(np.float32(head.skull) + 0.8 * wave + occiput + forehead - temple, 2.2)


def _skin(head: Head, place: Place, outer: Array) -> Array:
    scalp = np.float32(head.scalp) + 0.8 * head.fields["scalp"].on(place.plane)
    scalp = scalp + 7 * bump(np.abs(place.x), 62, 12) * bump(place.y, 25, 25) * bump(place.z, -22, 26)
    face = ellipsoid(place.point, (0, 32, -62), (66, 66, 62))
    nose = ellipsoid(place.point, (0, 98, -58), (9, 16, 20))
    neck = ellipsoid(place.point, (0, -28, -85), (62, 58, 46))
    ears = ellipsoid((np.abs(place.x), place.y, place.z), (head.half_width + 17, -16, -34), (6, 15, 24))
    return np.minimum(np.minimum(outer - scalp, np.minimum(face, neck)), np.minimum(nose, ears))


def _soft_tissue(hu: Array, head: Head, place: Place, outer: Array, skin: Array) -> None:
    layer = soft(skin + 2.6, 1.4)
    paint(hu, np.float32(FAT_HU) + 12 * head.fields["grain"].on(place.plane), layer)
    fat = head.fields["fat"].on(place.plane)
    deep = soft(skin + 9 - 4 * fat, 2.5) * np.clip((-18 - place.z) / 12, 0, 1)
    paint(hu, MUSCLE_HU, deep * layer)
    paint(
        hu,
        np.float32(FAT_HU),
        deep * layer * soft(1.1 - np.abs(fat) * 2.2 + 0.8 * head.fields["grain"].on(place.plane), 0.8) * 0.9,
    )
    temporal = soft(outer - 9, 2) * bump(place.y, 22, 26) * bump(place.z, -14, 26) * layer
    paint(hu, MUSCLE_HU, np.clip(temporal * 2, 0, 1))
    paint(hu, MUSCLE_HU - 10, soft(outer - 1.6, 1.2) * layer)  # galea


def _vault_bone(hu: Array, head: Head, place: Place, thick: Array) -> None:
    wall = soft(-place.vault, 1.2) * soft(place.vault - thick, 1.2) * soft(-54 - place.z, 10)
    table = np.clip(1.5 + 0.12 * (thick - 5), 1.0, 2.6)
    inner = soft(table - place.vault, 1.2) * soft(place.vault - thick + table, 1.2)
    marrow = np.float32(head.diploe) + 130 * head.fields["diploe"].on(place.plane)
    paint(hu, np.float32(head.table), wall)
    paint(hu, marrow, wall * inner)


def _base(hu: Array, head: Head, place: Place, skin: Array) -> None:
    side = np.abs(place.x)
    petrous = bump(place.y + 16 + 0.45 * (side - 25), 0, 9) * np.clip((side - 10) / 8, 0, 1)
    clivus = bump(place.x, 0, 14) * bump(place.y, -2, 16)
    thick = 2.2 + 16 * petrous + 12 * clivus + 2.5 * bump(place.y, -30, 60)
    hole = ellipsoid((place.x, place.y, place.z * 0), (0, -36, 0), (15, 17, 9))
    bone = soft(-place.floor, 1.5) * soft(place.floor - thick, 2) * soft(place.vault - 4, 2) * soft(skin + 6, 2)
    bone = bone * (1 - soft(hole, 3) * soft(place.z + 58, 6))
    cells = head.fields["cells"].on(place.plane)
    spongy = np.float32(head.table) * (0.62 + 0.18 * head.fields["diploe"].on(place.plane))
    paint(hu, spongy + 350 * petrous, bone)
    mastoid = bump(side, 52, 12) * bump(place.y, -26, 14) * bump(place.z, -46, 18) * soft(skin + 10, 4)
    paint(hu, np.float32(head.table * 0.6), np.clip(mastoid * 1.6, 0, 1))
    paint(hu, -850.0, np.clip(mastoid * 2, 0, 1) * soft(0.1 - cells, 0.6))
    _below(hu, head, place)


def _below(hu: Array, head: Head, place: Place) -> None:
    """Cheek bones, jaw joints, upper spine and cord under the base."""
    mirrored = (np.abs(place.x), place.y, place.z)
    for centre, radii in (((54, 36, -52), (5, 20, 6)), ((46, 52, -46), (6, 7, 16)), ((50, -2, -58), (6, 5, 12)),
                          ((28, -36, -74), (11, 12, 9))):  # fmt: skip
        paint(hu, np.float32(head.table * 0.62), soft(ellipsoid(mirrored, centre, radii), 2))
    canal = ellipsoid(place.point, (0, -38, -78), (13, 14, 26))
    paint(hu, 8.0, soft(canal, 2) * soft(-place.floor, 3))
    paint(hu, 33.0, soft(canal + 5, 2) * soft(-place.floor, 3))


def _orbits(hu: Array, place: Place) -> None:
    mirrored = (np.abs(place.x), place.y, place.z)
    cone = ellipsoid(mirrored, (31, 54, -38), (19, 30, 17)) + 0.15 * np.clip(40 - place.y, 0, 40)
    paint(hu, 950.0, soft(cone - 2.2, 2) * soft(-place.floor - 1, 3) * soft(place.y - 66, 6))
    paint(hu, -75.0, soft(cone, 2))
    paint(hu, 45.0, soft(ellipsoid(mirrored, (21, 52, -38), (3, 18, 5)), 1.5))
    paint(hu, 45.0, soft(ellipsoid(mirrored, (42, 54, -38), (3, 16, 5)), 1.5))
    paint(hu, 38.0, soft(ellipsoid(mirrored, (30, 46, -38), (2.6, 20, 2.6)), 1.2))
    globe = ellipsoid(mirrored, (33, 72, -38), (12.2, 12.2, 12.2))
    paint(hu, 45.0, soft(globe, 1.2))
    paint(hu, 10.0, soft(globe + 1.5, 1.2))
    paint(hu, 75.0, soft(ellipsoid(mirrored, (33, 80, -38), (4.5, 2.2, 4.5)), 1.2))


def _air_spaces(hu: Array, head: Head, place: Place, skin: Array) -> None:
    mirrored = (np.abs(place.x), place.y, place.z)
    cells = head.fields["cells"].on(place.plane)
    below = soft(-place.floor + 2, 1.5)
    frontal = ellipsoid(mirrored, (12, head.half_length + 4, -10), (11, 4, 13))
    for space, wall in (
        (ellipsoid(mirrored, (6, 52, -42), (8, 26, 13)) + 1.2 * np.abs(cells), 500.0),  # ethmoid cells
        (ellipsoid(mirrored, (7, 14, -42), (9, 11, 9)), 600.0),  # sphenoid sinus
        (ellipsoid(mirrored, (30, 44, -72), (14, 17, 15)), 500.0),  # maxillary sinus
        (ellipsoid(mirrored, (5, 60, -74), (6, 30, 18)) + 2 * np.clip(cells, 0, 2), 100.0),  # nose
        (ellipsoid(mirrored, (56, -18, -48), (14, 3, 3)), 900.0),  # ear canal
    ):
        paint(hu, wall, soft(space - 1.6, 1.2) * below * soft(skin + 3, 2))
        paint(hu, -980.0, soft(space, 1.2) * below)
    paint(hu, -980.0, soft(frontal, 1.2) * soft(-place.vault + 2.2, 1.0) * soft(skin + 5, 2))
