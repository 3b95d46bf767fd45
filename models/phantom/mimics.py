"""What is in a brain besides blood and may be taken for it, or hide it: calcium, old and fresh infarcts, cysts, air."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from models.phantom.brain import Canvas
from models.phantom.damage import random_site
from models.phantom.head import Head
from models.phantom.priors import Dice
from models.phantom.shapes import Solid, Triple, ellipsoid, paint, soft, stamp


@dataclass(frozen=True, eq=False)
class Mimic:
    """One thing in the brain, with its name for the record."""

    name: str
    draw: Callable[[Canvas], None]


def random_mimics(dice: Dice, head: Head) -> tuple[Mimic, ...]:
    """Draw what this head has."""
    found = []
    for name, make in MAKERS.items():
        if dice.happens(name):
            found.append(Mimic(name, make(dice, head)))
    return tuple(found)


Maker = Callable[[Dice, Head], Callable[[Canvas], None]]


def _specks(centre: Triple, size: str, both: bool) -> Maker:
    def make(dice: Dice, head: Head) -> Callable[[Canvas], None]:
        solids = []
        for side in (1, -1) if both else (1,):
            radius = dice.of(size) * dice.rng.uniform(0.6, 1.1)
            at = tuple(float(one) for one in np.array(centre) * (side, 1, 1) + dice.rng.normal(0, 1.2, 3))
            stretch = dice.rng.uniform(0.8, 1.6, 3) * radius
            solids.append((Solid((at[0], at[1], at[2]), (stretch[0], stretch[1], stretch[2])), dice.of("calcium")))

        def draw(canvas: Canvas) -> None:
            for solid, hu in solids:
                window = canvas.place.near(solid)
                if window is None:
                    continue
                part = canvas.place.cut(window)
                speckle = np.clip(1 + 0.5 * canvas.head.fields["diploe"].on(part.plane), 0.2, 2)
                paint(canvas.hu[window], hu * speckle, soft(ellipsoid(part.point, solid.centre, solid.radii), 1.5))

        return draw

    return make


def _falx_calcium(dice: Dice, head: Head) -> Callable[[Canvas], None]:
    hu, cut, high = dice.of("calcium"), dice.rng.uniform(0.4, 1.4), dice.rng.uniform(20, 60)

    def draw(canvas: Canvas) -> None:
        spots = soft(cut - canvas.field("patch"), 0.5) * soft(canvas.spaces.falx - 0.8, 1.2)
        core = soft(-ellipsoid(canvas.place.point, (0, -2, 0), (60, 62, 40)), 4)
        paint(canvas.hu, hu, spots * core * soft(high - canvas.place.z, 4) * soft(1 - canvas.spaces.depth, 2))

    return draw


def _artery_calcium(dice: Dice, head: Head) -> Callable[[Canvas], None]:
    hu = dice.of("calcium") * 1.4
    at = [(9, 10, -27), (-9, 10, -27), (10, 6, -30), (-10, 6, -30), (3, 2, -48), (-3, 1, -52)]
    chosen = [at[one] for one in dice.rng.choice(len(at), int(dice.rng.integers(1, 5)), replace=False)]
    size = dice.rng.uniform(0.8, 1.8)
    solids = tuple(Solid(one, (size, 1.8 * size, size), hu, 1.2) for one in chosen)
    return lambda canvas: stamp(canvas.hu, canvas.place, *solids)


#: arterial territories: middle, anterior, posterior, cerebellar; seats on the left
TERRITORIES: dict[str, tuple[Triple, Triple]] = {
    "middle": ((48, 2, 10), (1.0, 1.7, 1.4)), "parietal": ((46, -34, 26), (0.9, 1.1, 1.2)),
    "anterior": ((10, 48, 26), (0.6, 1.5, 1.3)), "posterior": ((16, -66, 6), (1.0, 1.1, 1.0)),
    "cerebellar": ((26, -54, -42), (1.1, 0.9, 0.6)), "lenticular": ((24, 4, 8), (0.5, 0.8, 0.8)),
}  # fmt: skip


def _infarct(dice: Dice, depth: float, old: bool) -> Callable[[Canvas], None]:
    centre, stretch = TERRITORIES[str(dice.rng.choice(list(TERRITORIES)))]
    side, size = dice.side(), dice.of("infarct_size")
    at = (side * centre[0], centre[1], centre[2])

    def draw(canvas: Canvas) -> None:
        radii = (size * stretch[0], size * stretch[1], size * stretch[2])
        away = ellipsoid(canvas.place.point, at, radii) + 3 * canvas.field("clot") + 2 * canvas.field("gyri")
        share = soft(away, 4 if old else 8) * canvas.spaces.brain
        head = canvas.head
        aim = max(head.csf + 2, head.white - depth) if old else head.white - depth
        paint(canvas.hu, aim, share * (0.95 if old else 0.75))

    return draw


def _old_infarct(dice: Dice, head: Head) -> Callable[[Canvas], None]:
    return _infarct(dice, dice.of("infarct_depth"), True)


def _acute_infarct(dice: Dice, head: Head) -> Callable[[Canvas], None]:
    return _infarct(dice, dice.of("acute_depth"), False)


def _white_matter(dice: Dice, head: Head) -> Callable[[Canvas], None]:
    width, depth, patchy = dice.of("wmd_width"), dice.of("wmd_depth"), dice.rng.uniform(0.2, 1.0)

    def draw(canvas: Canvas) -> None:
        point = (np.abs(canvas.place.x), canvas.place.y, canvas.place.z)
        beside = ellipsoid(point, (15, -6, 20), (10 + width, 44 + width, 10 + width))
        share = soft(beside + 3 * patchy * canvas.field("clot"), 9) * canvas.spaces.brain
        canvas.hu[...] -= depth * share * np.clip((canvas.head.grey - canvas.hu) / 6, 0, 1)

    return draw


def _lacunes(dice: Dice, head: Head) -> Callable[[Canvas], None]:
    solids = []
    for _ in range(int(dice.rng.integers(1, 6))):
        side, size = dice.side(), dice.of("lacune")
        at = (side * dice.rng.uniform(10, 28), dice.rng.uniform(-18, 26), dice.rng.uniform(-2, 22))
        solids.append(Solid(at, (size, 1.3 * size, size), head.csf + 4, 2.0))
    return lambda canvas: stamp(canvas.hu, canvas.place, *solids)


def _dense_artery(dice: Dice, head: Head) -> Callable[[Canvas], None]:
    side, hu = dice.side(), float(dice.rng.uniform(52, 78))
    clot = Solid((side * dice.rng.uniform(14, 22), 12, -20), (dice.rng.uniform(6, 14), 1.5, 1.6), hu, 1.2)
    return lambda canvas: stamp(canvas.hu, canvas.place, clot)


def _tumour(dice: Dice, head: Head) -> Callable[[Canvas], None]:
    """A mass a little denser than brain, on the dura or in the brain with oedema around."""
    x, y, z = random_site(dice, head)
    inward, size, hu = dice.rng.uniform(0.5, 0.97), dice.of("tumour_size"), dice.of("tumour_hu")
    mass = Solid((x * inward, y * inward, z * inward), (size, size * 1.1, size * 0.9), hu, 2.0)
    rim = float(dice.rng.uniform(0, 14))

    def draw(canvas: Canvas) -> None:
        away = ellipsoid(canvas.place.point, mass.centre, mass.radii) + 0.8 * canvas.field("clot")
        paint(canvas.hu, canvas.head.white - 6, 0.8 * soft(away - rim, 6) * canvas.spaces.brain)
        inside = soft(away, 2) * soft(-canvas.spaces.depth, 1.2)
        paint(canvas.hu, mass.hu + 2 * canvas.field("clot"), inside)

    return draw


def _cyst(dice: Dice, head: Head) -> Callable[[Canvas], None]:
    side, size = dice.side(), dice.of("cyst_size")
    seat = [(52, 26, -24), (40, 50, 20), (20, -70, -50), (45, -30, 40)][int(dice.rng.integers(4))]
    room = Solid((side * seat[0], seat[1], seat[2]), (size, size * 1.2, size))

    def draw(canvas: Canvas) -> None:
        share = soft(ellipsoid(canvas.place.point, room.centre, room.radii), 1.5) * soft(-canvas.spaces.depth, 1.2)
        paint(canvas.hu, canvas.head.csf, share)

    return draw


def _mega_cisterna(dice: Dice, head: Head) -> Callable[[Canvas], None]:
    room = Solid((0, -70, -52), (dice.rng.uniform(14, 30), dice.rng.uniform(8, 16), dice.rng.uniform(10, 20)))

    def draw(canvas: Canvas) -> None:
        inside = soft(-canvas.spaces.depth, 1.2) * soft(canvas.spaces.tent + 4, 2)
        paint(canvas.hu, canvas.head.csf, soft(ellipsoid(canvas.place.point, room.centre, room.radii), 1.5) * inside)

    return draw


def _pneumo(dice: Dice, head: Head) -> Callable[[Canvas], None]:
    """Air floats up, to the front of one who lies on the back."""
    bubbles = []
    for _ in range(int(dice.rng.integers(1, 6))):
        size, side = dice.of("pneumo"), dice.side()
        at = (
            side * dice.rng.uniform(2, 35),
            dice.rng.uniform(0.75, 0.98) * head.half_length,
            dice.rng.uniform(-12, 45),
        )
        bubbles.append(Solid(at, (size, 0.5 * size, size), -980, 1.2))

    def draw(canvas: Canvas) -> None:
        for one in bubbles:
            window = canvas.place.near(one)
            if window is not None:
                part = canvas.place.cut(window)
                share = soft(ellipsoid(part.point, one.centre, one.radii), 1.2) * soft(-part.depth, 1.2)
                paint(canvas.hu[window], one.hu, share)

    return draw


def _oedema(dice: Dice, head: Head) -> Callable[[Canvas], None]:
    """Grey and white matter drawn together, a little darker."""
    less, flat = dice.of("oedema_all"), dice.rng.uniform(0.3, 0.8)

    def draw(canvas: Canvas) -> None:
        paint(canvas.hu, canvas.head.white + 3 - less, flat * canvas.spaces.brain)

    return draw


MAKERS: dict[str, Maker] = {
    "oedema_all": _oedema, "white_matter": _white_matter, "old_infarct": _old_infarct, "acute_infarct": _acute_infarct,
    "lacunes": _lacunes, "tumour": _tumour, "cyst": _cyst, "mega_cisterna": _mega_cisterna,
    "dense_artery": _dense_artery, "pineal": _specks((0, -25, 3), "pineal", both=False),
    "choroid": _specks((18, -31, 12), "choroid", both=True), "ganglia": _specks((19, 6, 1), "ganglia", both=True),
    "falx_calcium": _falx_calcium, "artery_calcium": _artery_calcium, "pneumo": _pneumo,
}  # fmt: skip
