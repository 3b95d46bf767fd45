"""Where each kind of blood lies and what form it takes there."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from models.phantom.bleeds import Bleed, Shape, random_look
from models.phantom.brain import MIDLINE, Canvas
from models.phantom.damage import on_vault
from models.phantom.grid import Array
from models.phantom.head import Head
from models.phantom.priors import RANGES, SHAPES, VOLUME_OF, Dice
from models.phantom.shapes import FAR, Triple, ellipsoid, soft, union

Band = tuple[float, float]  #: scanned heights in mm
Seats = dict[str, tuple[Triple, ...]]
SEATS: Seats = {
    "deep": ((26, 4, 3), (12, -13, 6), (22, 14, 8)),
    "lobar": ((34, 35, 18), (40, -20, 28), (28, -58, 12), (45, 5, -24), (22, 45, 28), (26, -30, 42), (46, -25, -8)),
    "cerebellar": ((25, -48, -36), (16, -50, -30), (30, -45, -44)),
    "stem": ((1, -14, -26), (2, -16, -36)),
    "contusion": ((24, 62, -8), (14, 58, -12), (40, 48, -8), (46, 18, -30), (50, 2, -34), (54, -8, -20)),
    "several": ((34, 35, 18), (40, -20, 28), (28, -58, 12), (45, 5, -24), (26, 4, 3), (25, -48, -36)),
}
SMALL_ML = 3.0  #: an epidural below it is a bead, not a plaque
#: forms that hold only so much (ml)
MOST_ML = {
    "stem": 7, "cerebellar": 35, "thin": 20, "falx": 22, "tentorial": 18, "around_stem": 12, "layer": 10, "lone": 20,
    "central": 8, "convexity": 14, "sylvian": 22, "posterior": 40, "vertex": 50, "contusion": 45, "several": 45,
}  # fmt: skip


def random_bleed(finding: str, dice: Dice, head: Head, band: Band, second: bool = False) -> Bleed:
    """Draw a bleed whose middle lies within the scanned heights."""
    weights = SHAPES[finding]
    first = next(iter(weights))
    form = dice.pick({name: share * (1 if name == first else dice.variety) for name, share in weights.items()})
    side = dice.side()
    volume = _volume(dice, finding, form, second)
    shape, level_y = DRAWN[finding](form, Draw(dice, head, volume), side, band)
    return Bleed(finding, form, volume, side, random_look(dice, finding, level_y, head.grey), shape)


def _volume(dice: Dice, finding: str, form: str, second: bool) -> float:
    name = "second_volume" if second else VOLUME_OF.get(finding, "volume")
    wanted, most = dice.of(name), MOST_ML.get(form, 200)
    if wanted <= most:
        return wanted
    low = RANGES[name].low
    return float(np.exp(dice.rng.uniform(np.log(low), np.log(most))))


@dataclass(frozen=True)
class Draw:
    """What a form is drawn with."""

    dice: Dice
    head: Head
    volume_ml: float


Drawn = tuple[Shape, float]  #: the shape and where a fluid level would stand


def _epidural(form: str, draw: Draw, side: float, band: Band) -> Drawn:
    dice, head = draw.dice, draw.head
    angle = dice.rng.uniform(-1.0, 0.9) if form == "lens" else dice.rng.uniform(-1.5, 1.5)
    height = float(np.clip(dice.rng.uniform(-12, 40), *band))
    if form == "posterior":
        angle, height = dice.rng.uniform(-1.45, -0.9), max(band[0], dice.rng.uniform(-48, -25))
    if form == "vertex":
        height = min(band[1], 0.85 * head.height)
    x, y, z = on_vault(head, angle, height)
    away = dice.rng.uniform(1.1, 1.9) if draw.volume_ml >= SMALL_ML else dice.rng.uniform(1.05, 1.3)
    centre = (side * x * away, y * away, z * (away if form == "vertex" else 1.0))
    rough = dice.rng.uniform(0.2, 1.0)

    def shape(canvas: Canvas) -> tuple[Array, Array]:
        field = ellipsoid(canvas.place.point, centre, (1, 1, 1.25)) + rough * canvas.field("clot")
        return field, soft(-canvas.spaces.depth, 1.2)

    return shape, y


def _subdural(form: str, draw: Draw, side: float, band: Band) -> Drawn:
    dice = draw.dice
    rng = dice.rng
    front, height = rng.uniform(-30, 30), float(np.clip(rng.uniform(5, 40), *band))
    long, wide = rng.uniform(40, 90), rng.uniform(24, 50)
    slope = dice.of("thin_slope" if form != "crescent" else "slope")
    least = dice.of("film")
    if (middle := np.sqrt(2000 * slope * draw.volume_ml / (np.pi * long * wide))) < least:
        long, wide = long * middle / least, wide * middle / least
    sheet = SHEETS[form]
    if form == "tentorial":
        front, height = rng.uniform(-60, -35), side * rng.uniform(12, 32)

    def shape(canvas: Canvas) -> tuple[Array, Array]:
        place = canvas.place
        across = place.x if form == "tentorial" else place.z
        spread = ((place.y - front) / long) ** 2 + ((across - height) / wide) ** 2
        field = sheet(canvas, side) + slope * spread + 0.5 * canvas.field("gap")
        return np.asarray(field, np.float32), soft(-canvas.spaces.depth, 1.2)

    return shape, front + rng.uniform(-25, 5)


def _along_vault(canvas: Canvas, side: float) -> Array:
    other_side = np.clip(3 - side * canvas.place.x, 0, 40) * 3
    below = np.clip(2 - canvas.spaces.tent, 0, 40) * 4
    return np.asarray(canvas.spaces.depth + other_side + below, np.float32)


def _along_falx(canvas: Canvas, side: float) -> Array:
    place = canvas.place
    from_sheet = side * place.x
    core = ellipsoid(place.point, (0, -2, 0), (60, 58, 34))
    beyond = np.clip(-from_sheet, 0, 40) * 8 + np.clip(-core, 0, 40) * 3
    return np.asarray(np.maximum(from_sheet, 0) + beyond + np.clip(3 - canvas.spaces.tent, 0, 40) * 3, np.float32)


def _along_tentorium(canvas: Canvas, side: float) -> Array:
    place, tent = canvas.place, canvas.spaces.tent
    return np.asarray(
        np.maximum(tent, 0) + np.clip(-tent, 0, 40) * 8 + np.clip(2 - side * place.x, 0, 40) * 3
        + np.clip(place.y + 12, 0, 80) * 3, np.float32,
    )  # fmt: skip


SHEETS: dict[str, Callable[[Canvas, float], Array]] = {
    "crescent": _along_vault, "thin": _along_vault, "falx": _along_falx, "tentorial": _along_tentorium,
}  # fmt: skip


def _intraparenchymal(form: str, draw: Draw, side: float, band: Band) -> Drawn:
    dice, head = draw.dice, draw.head
    rng, seats = dice.rng, SEATS[form]
    count = {"contusion": int(rng.integers(1, 6)), "several": int(rng.integers(2, 5))}.get(form, 1)
    blobs = []
    for place in rng.choice(len(seats), min(count, len(seats)), replace=False):
        x, y, z = seats[place]
        here = side if count == 1 or rng.random() < 0.7 else -side
        scale = head.half_width / 66
        centre = (
            here * x * scale + rng.normal(0, 3),
            y * scale + rng.normal(0, 4),
            float(np.clip(z + rng.normal(0, 4), *band)),
        )
        blobs.append((centre, tuple(float(one) for one in rng.uniform(0.75, 1.35, 3) * rng.uniform(0.55, 1))))
    ragged = dice.of("ragged")

    def shape(canvas: Canvas) -> tuple[Array, Array]:
        field = np.full(canvas.hu.shape, FAR, np.float32)
        for centre, stretch in blobs:
            sizes = (stretch[0], stretch[1], stretch[2])
            field = np.minimum(field, _ball(canvas, centre, sizes))
        spaces = canvas.spaces  # a clot pushes fluid away; what little stays is mixed in
        room = np.clip(1.1 * spaces.brain + spaces.ventricle + 0.8 * spaces.csf, 0, 1) * soft(0.5 - spaces.depth, 1.5)
        return field + ragged * canvas.field("clot"), room

    return shape, blobs[0][0][1]


def _ball(canvas: Canvas, centre: Triple, stretch: Triple) -> Array:
    offsets = [(canvas.place.point[i] - np.float32(centre[i])) / np.float32(stretch[i]) for i in range(3)]
    return np.asarray(np.sqrt(offsets[0] ** 2 + offsets[1] ** 2 + offsets[2] ** 2), np.float32)


def _intraventricular(form: str, draw: Draw, side: float, band: Band) -> Drawn:
    dice = draw.dice
    low, steep = band[0], {"cast": 0.2, "central": 0.5}.get(form, 1.0)
    uneven = dice.rng.uniform(0.3, 2.5)

    def shape(canvas: Canvas) -> tuple[Array, Array]:
        place = canvas.place
        field = steep * place.y + 0.12 * (place.z - low) + uneven * canvas.field("clot")
        if form == "lone":
            field = field + np.clip(4 - side * place.x, 0, 8) * 12
        if form == "central":
            field = field + 6 * np.maximum(union(place, MIDLINE, 40), 0)
        return np.asarray(field, np.float32), canvas.spaces.ventricle

    return shape, -30.0


SPREADS: dict[str, Triple] = {
    "star": (1.4, 1.2, 0.8), "sylvian": (0.7, 1.6, 1.0), "convexity": (1.0, 1.4, 1.0), "around_stem": (1.0, 0.8, 1.0),
    "diffuse": (3.2, 3.0, 2.6),
}  # fmt: skip


def _subarachnoid(form: str, draw: Draw, side: float, band: Band) -> Drawn:
    dice, head = draw.dice, draw.head
    rng = dice.rng
    x, y, z = on_vault(head, rng.uniform(-1.4, 1.4), rng.uniform(0, 0.8 * head.height))
    seat = {
        "star": (0.0, 9.0, -20.0), "sylvian": (side * 40, 8.0, 0.0), "convexity": (side * x, y, z),
        "around_stem": (0.0, -4.0, -26.0), "diffuse": (side * 5, 5.0, -8.0),
    }[form]  # fmt: skip
    centre = (seat[0], seat[1], float(np.clip(seat[2], *band)))
    patchy = rng.uniform(2, 7)

    def shape(canvas: Canvas) -> tuple[Array, Array]:
        field = ellipsoid(canvas.place.point, centre, SPREADS[form]) + patchy * canvas.field("patch")
        return field, np.clip(canvas.spaces.csf * 1.25, 0, 1) * soft(-canvas.spaces.depth, 1.2)

    return shape, centre[1]


DRAWN: dict[str, Callable[[str, Draw, float, Band], Drawn]] = {
    "epidural": _epidural, "subdural": _subdural, "intraparenchymal": _intraparenchymal,
    "intraventricular": _intraventricular, "subarachnoid": _subarachnoid,
}  # fmt: skip
