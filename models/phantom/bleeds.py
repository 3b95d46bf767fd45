"""Blood as level sets: a scalar field and a room it may fill; the volume wanted sets the level."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from models.phantom.brain import Canvas
from models.phantom.grid import Array
from models.phantom.priors import Dice
from models.phantom.shapes import FAR, paint, soft

Shape = Callable[[Canvas], tuple[Array, Array]]  #: level field in mm, and the share of the voxel it may fill
EDGE_MM = 1.6
MOST_FILLED = 0.9  #: of the room there is


@dataclass(frozen=True)
class Look:
    """Density of a bleed and what surrounds it."""

    hu: float
    swirl: float  #: HU of unevenness
    sediment: float  #: HU between what has sunk and what stands above it
    level_y: float  #: where that border lies
    edema_width: float  #: mm of darker rim; 0 = none
    edema_depth: float


@dataclass(frozen=True, eq=False)
class Bleed:
    """One haemorrhage, sized once `level` is set."""

    finding: str
    form: str  #: sub-shape
    volume_ml: float  #: wanted, or all there is room for
    side: float  #: -1 or +1
    look: Look
    shape: Shape
    level: float = -float(FAR)

    def share(self, canvas: Canvas, taken: Array | float = 0.0) -> Array:
        """How much of each voxel it fills, beside what others have taken."""
        field, room = self.shape(canvas)
        return np.asarray(soft(field - self.level, EDGE_MM) * room * (1 - taken), np.float32)


def random_look(dice: Dice, finding: str, level_y: float, grey: float) -> Look:
    """Acute, hyperacute, subacute or settled blood; denser than the head's grey matter, or nobody could tell."""
    fluid = finding in ("subarachnoid", "intraventricular")
    name, swirl = "fluid_blood" if fluid else "acute", "swirl"
    if dice.happens("subacute"):
        name = "subacute"
    elif not fluid and dice.happens("hyperacute"):
        name, swirl = "hyperacute", "swirl_mixed"
    elif finding in ("subdural", "epidural", "intraparenchymal") and dice.happens("mixed"):
        swirl = "swirl_mixed"
    rim = finding == "intraparenchymal" and bool(dice.rng.random() < 0.85)
    settles = not fluid and dice.happens("sediment")
    density = max(dice.of(name), grey + dice.of("above_grey"))
    return Look(
        density, dice.of(swirl), dice.of("sediment") if settles else 0.0, level_y,
        dice.of("edema_width") if rim else 0.0, dice.of("edema_depth"),
    )  # fmt: skip


def sized(bleed: Bleed, samples: list[tuple[Array, Array]], voxel_ml: float) -> Bleed:
    """Set the level so that the filled volume is the one wanted, from samples of the whole scan."""
    field = np.concatenate([level.ravel() for level, _ in samples])
    share = np.concatenate([room.ravel() for _, room in samples])
    order = np.argsort(field)
    filled = np.cumsum(share[order], dtype=np.float64) * voxel_ml
    reachable = field[order] < FAR / 4
    most = MOST_FILLED * float(filled[reachable].max(initial=0.0))
    wanted = min(bleed.volume_ml, most)
    reach = min(int(np.searchsorted(filled, wanted)), len(order) - 1)
    level = _softened(field, share * np.float32(voxel_ml), wanted, float(field[order[reach]]))
    return replace(bleed, level=level, volume_ml=wanted)


def _softened(field: Array, room_ml: Array, wanted: float, level: float) -> float:
    """The level for edges that fade, by bisection; thin sheets hold more than hard edges say."""
    usable = field < level + 2 * EDGE_MM
    field, room_ml = field[usable], room_ml[usable]
    low, high = level - EDGE_MM, level + EDGE_MM
    for _ in range(12):
        middle = (low + high) / 2
        if float((soft(field - np.float32(middle), EDGE_MM) * room_ml).sum()) > wanted:
            high = middle
        else:
            low = middle
    return (low + high) / 2


def paint_bleed(canvas: Canvas, bleed: Bleed, taken: Array | float) -> Array:
    """Mix the blood in; returns its share per voxel."""
    field, room = bleed.shape(canvas)
    look, head = bleed.look, canvas.head
    if look.edema_width:
        rim = 0.9 * soft(field - bleed.level - look.edema_width, 2.5) * canvas.spaces.brain
        paint(canvas.hu, head.white - look.edema_depth, rim)
    share = np.asarray(soft(field - bleed.level, EDGE_MM) * room * (1 - taken), np.float32)
    clot = look.hu + 0.8 * canvas.field("grain")
    if look.swirl:
        clot = clot + look.swirl * np.clip(canvas.field("clot"), -1.6, 1.0)
    if look.sediment:
        clot = clot + look.sediment * (soft(canvas.place.y - look.level_y, 4) - 0.6)
    paint(canvas.hu, clot, share)
    return share
