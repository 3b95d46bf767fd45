"""Everything around the brain: skin, fat, vault with diploe, skull base with its air cells, face and orbits."""

import numpy as np

from models.phantom.damage import Damage, broken, lift, sutures
from models.phantom.grid import Array
from models.phantom.head import Head
from models.phantom.shapes import Place, Solid, bump, ellipsoid, hill, paint, pair, soft, stamp

AIR_HU, SKIN_HU, MUSCLE_HU, FAT_HU = -1000.0, 48.0, 56.0, -92.0
SKIN_MM = 2.4


def paint_outside(hu: Array, head: Head, place: Place, damage: Damage) -> None:
    """From the skin inward to the inner table; the cavity is left for the brain."""
    thick = _thickness(head, place)
    outer = place.vault - thick
    skin = _skin(head, place, outer - lift(place, damage))
    paint(hu, SKIN_HU, soft(skin, 1.6))
    _soft_tissue(hu, head, place, outer, skin)
    for one in damage.swellings:
        paint(hu, one.hu, 0.85 * hill(place, one.site, 0.8 * one.width) ** 0.5 * soft(skin + SKIN_MM - 0.4, 1.4))
    _vault_bone(hu, head, place, thick, damage)
    _base(hu, head, place, skin)
    _orbits(hu, place)
    _air_spaces(hu, head, place, skin)


def _thickness(head: Head, place: Place) -> Array:
    wave = head.fields["skull"].on(place.plane)
    occiput = 4 * bump(place.y, -85, 25) * bump(place.z, -8, 18) * bump(place.x, 0, 22)
    forehead = 2 * bump(place.y, 80, 25) * bump(place.x, 0, 25)
    forehead = forehead + (5 + 5 * head.sinus) * bump(place.y, head.half_length + 4, 18) * bump(place.x, 0, 20) * bump(
        place.z, -14, 14
    )
    temple = 2 * bump(np.abs(place.x), 62, 8) * bump(place.y, 15, 25) * bump(place.z, -10, 20)
    extra = head.hyperostosis * bump(place.y, 78, 26) * bump(place.z, 20, 26) * np.clip(np.abs(place.x) / 8, 0, 1)
    least = 0.7 * min(head.skull, 3.2)
    return np.maximum(np.float32(head.skull) * (1 + 0.12 * wave) + occiput + forehead - temple, least) + extra


def _skin(head: Head, place: Place, outer: Array) -> Array:
    scalp = np.float32(head.scalp) + 0.8 * head.fields["scalp"].on(place.plane)
    scalp = scalp + 7 * bump(np.abs(place.x), 62, 12) * bump(place.y, 25, 25) * bump(place.z, -22, 26)
    side = np.abs(place.x)
    face = ellipsoid(place.point, (0, 32, -62), (66, 66, 62))
    nose = ellipsoid((place.x, place.y + 0.45 * (place.z + 50), place.z), (0, 94, -60), (10, 16, 22))
    neck = ellipsoid(place.point, (0, -28, -85), (62, 58, 46))
    fold = head.fields["fat"].on(place.plane)
    ears = ellipsoid(
        (side, place.y + 0.5 * (side - head.half_width - 12), place.z), (head.half_width + 12, -18, -36), (10, 4, 24)
    )
    ears = ears + 0.9 * np.abs(fold)
    return np.minimum(np.minimum(outer - scalp, np.minimum(face, neck)), np.minimum(nose, ears))


def _soft_tissue(hu: Array, head: Head, place: Place, outer: Array, skin: Array) -> None:
    layer = soft(skin + SKIN_MM, 1.4)
    grain = head.fields["grain"].on(place.plane)
    paint(hu, np.float32(FAT_HU) + 12 * grain, layer)
    fat = head.fields["fat"].on(place.plane)
    deep = soft(skin + 9 - 4 * fat, 2.5) * np.clip((-18 - place.z) / 12, 0, 1) * layer
    paint(hu, MUSCLE_HU, deep)
    paint(hu, np.float32(FAT_HU), deep * soft(1.25 - np.abs(fat + 0.25 * grain), 0.4) * 0.85)
    fleshy = bump(place.y, 22, 26) * bump(place.z, -14, 26)
    temporal = soft(outer - 2 - 6 * fleshy, 2) * np.clip(3 * fleshy, 0, 1) * layer
    paint(hu, MUSCLE_HU, temporal * (1 - 0.6 * soft(np.abs(fat + grain) - 0.25, 0.4)))
    paint(hu, MUSCLE_HU - 12, 0.8 * soft(np.abs(outer - 0.8) - 0.9, 1.2) * layer)  # galea


def _vault_bone(hu: Array, head: Head, place: Place, thick: Array, damage: Damage) -> None:
    wall = soft(-place.vault, 1.2) * soft(place.vault - thick, 1.2) * soft(-54 - place.z, 10)
    gone = broken(place, damage)
    if gone is not None:
        paint(hu, 32.0, wall * gone)
        wall = wall * (1 - gone)
    table = np.clip(1.5 + 0.12 * (thick - 5), 0.8, 2.6)
    inner = soft(table - place.vault, 1.2) * soft(place.vault - thick + table, 1.2)
    marrow = np.float32(head.diploe) + 130 * head.fields["diploe"].on(place.plane)
    paint(hu, np.float32(head.table), wall)
    paint(hu, marrow, wall * inner)
    paint(hu, 250.0, wall * sutures(head, place) * np.float32(np.clip(1 - head.age / 140, 0.3, 0.9)))


def _base(hu: Array, head: Head, place: Place, skin: Array) -> None:
    side = np.abs(place.x)
    petrous = bump(place.y + 16 + 0.45 * (side - 25), 0, 9) * np.clip((side - 10) / 8, 0, 1)
    clivus = bump(place.x, 0, 14) * bump(place.y, -2, 16)
    thick = 2.2 - bump(place.y, 52, 24) + 16 * petrous + 12 * clivus + 2.5 * bump(place.y, -30, 60)
    hole = ellipsoid((place.x, place.y, place.z * 0), (0, -36, 0), (15, 17, 9))
    bone = soft(-place.floor, 1.5) * soft(place.floor - thick, 2) * soft(place.vault - 4, 2) * soft(skin + 6, 2)
    bone = bone * (1 - soft(hole, 3) * soft(place.z + 58, 6))
    cells = head.fields["cells"].on(place.plane)
    spongy = np.float32(head.table) * (0.62 + 0.18 * head.fields["diploe"].on(place.plane))
    paint(hu, spongy + 350 * petrous, bone)
    mastoid = bump(side, 52, 12) * bump(place.y, -26, 14) * bump(place.z, -46, 18) * soft(skin + 10, 4)
    paint(hu, np.float32(head.table * 0.6), np.clip(mastoid * 1.6, 0, 1))
    paint(hu, -850.0, np.clip(mastoid * 2, 0, 1) * soft(0.1 - cells, 0.6))
    clinoid = head.table * 0.7
    stamp(hu, place, *pair(Solid((11, 16, -25), (2.5, 5, 2.5), clinoid), Solid((5, 0, -27), (3, 2, 3), clinoid)))
    _below(hu, head, place)


def _below(hu: Array, head: Head, place: Place) -> None:
    """Cheek bones, jaw joints, upper spine and cord under the base."""
    bone = head.table * 0.62
    stamp(hu, place, *pair(
        Solid((54, 36, -52), (5, 20, 6), bone, 2), Solid((46, 52, -46), (6, 7, 16), bone, 2),
        Solid((50, -2, -58), (6, 5, 12), bone, 2), Solid((28, -36, -74), (11, 12, 9), bone, 2),
    ))  # fmt: skip
    canal = Solid((0, -38, -78), (13, 14, 26))
    window = place.near(canal)
    if window is None:
        return
    part = place.cut(window)
    distance, below = ellipsoid(part.point, canal.centre, canal.radii), soft(-part.floor, 3)
    paint(hu[window], 8.0, soft(distance, 2) * below)
    paint(hu[window], 33.0, soft(distance + 5, 2) * below)


def _orbits(hu: Array, place: Place) -> None:
    for side in (-1.0, 1.0):
        cone = Solid((side * 31, 54, -38), (19, 30, 17))
        window = place.near(cone, 3)
        if window is None:
            continue
        part, view = place.cut(window), hu[window]
        fat = ellipsoid(part.point, cone.centre, cone.radii) + 0.15 * np.clip(40 - part.y, 0, 40)
        paint(view, 950.0, soft(fat - 2.2, 2) * soft(-part.floor - 1, 3) * soft(part.y - 66, 6))
        paint(view, -75.0, soft(fat, 2))
    stamp(hu, place, *pair(
        Solid((21, 52, -38), (3, 18, 5), 45), Solid((42, 54, -38), (3, 16, 5), 45),
        Solid((30, 46, -38), (2.6, 20, 2.6), 38, 1.2), Solid((33, 72, -38), (12.2, 12.2, 12.2), 45, 1.2),
        Solid((33, 72, -38), (10.7, 10.7, 10.7), 10, 1.2), Solid((33, 80, -38), (4.5, 2.2, 4.5), 75, 1.2),
    ))  # fmt: skip


#: ethmoid cells, sphenoid, maxillary sinus, nose, ear canal: with the density of the wall and how rough they are
AIR_SPACES = (
    (Solid((6, 52, -42), (8, 26, 13), 500), 1.2), (Solid((7, 14, -42), (9, 11, 9), 600), 0.0),
    (Solid((30, 44, -72), (14, 17, 15), 500), 0.0), (Solid((5, 60, -74), (6, 30, 18), 100), 2.0),
    (Solid((56, -18, -48), (14, 3, 3), 900), 0.0),
)  # fmt: skip


def _air_spaces(hu: Array, head: Head, place: Place, skin: Array) -> None:
    for solid, rough in AIR_SPACES:
        for one in pair(solid):
            window = place.near(one, 4)
            if window is not None:
                _hollow(hu[window], head, place.cut(window), skin[window], (one, rough))
    for one in pair(
        Solid(
            (10, head.half_length + 6 + 2 * head.sinus, -14),
            (5 + 9 * head.sinus, 2 + 4 * head.sinus, 5 + 12 * head.sinus),
        )
    ):
        window = place.near(one, 4)
        if window is not None:
            part = place.cut(window)
            room = soft(ellipsoid(part.point, one.centre, one.radii), 1.2) * soft(-part.vault + 2.6, 1.0)
            paint(hu[window], _filling(head, part), room * soft(skin[window] + head.scalp + 2.6, 1.5))


def _hollow(hu: Array, head: Head, place: Place, skin: Array, space: tuple[Solid, float]) -> None:
    solid, rough = space
    distance = ellipsoid(place.point, solid.centre, solid.radii)
    if rough:
        distance = distance + rough * np.abs(head.fields["cells"].on(place.plane))
    below = soft(-place.floor + 2, 1.5)
    paint(hu, solid.hu, soft(distance - 1.6, 1.2) * below * soft(skin + 3, 2))
    paint(hu, _filling(head, place) if solid.hu in (500, 600) else AIR_HU, soft(distance, 1.2) * below)


def _filling(head: Head, place: Place) -> Array | float:
    """Air, or what stands in an inflamed or bleeding sinus, with a level where it is not full."""
    if head.opaque < 0:
        return AIR_HU
    level = place.y + 12 * head.fields["warp_x"].on(place.plane) - 45
    return np.asarray(head.opaque + (AIR_HU - head.opaque) * soft(-level, 2), np.float32)
