"""The hardest series as a contact sheet: brain window, heat as contour, the true blood outlined where it is known."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models import Reader
from models.card import Card
from models.datasets import LoadedCase
from models.judge.nouns import KINDS, CaseReading
from models.judge.paper import GREEN, GREY, ORANGE, Picture, drawn
from models.judge.plain import outcome
from models.judge.read import read_slices, shown
from models.reading import Region

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST, COLUMNS = 12, 4
WINDOW = (0.0, 80.0)  #: HU, as a head CT is read
LEVELS = (0.4, 0.7)  #: contours, shares of the map's peak


@dataclass(frozen=True, eq=False)
class Tile:
    """One slice to look at."""

    hu: NDArray[np.float32]
    millimetres: tuple[float, float]
    heat: NDArray[np.float32]  #: the coarse map
    region: Region
    blood: NDArray[np.bool_] | None
    caption: str
    wrong: bool


def hardest(cases: Sequence[CaseReading], positive: bool) -> list[CaseReading]:
    """Bleeds with the lowest score, or clear heads with the highest."""
    own = [case for case in cases if case.truth("any") == float(positive)]
    return sorted(own, key=lambda case: case.score("any") * (1 if positive else -1))[:MOST]


def tile(case: CaseReading, loaded: LoadedCase, reader: Reader) -> Tile:
    """The most probable slice; of a missed bleed the slice with most blood, where voxels tell."""
    card, at = reader.card, case.spot.slice
    kind = outcome(case, card)
    if kind == "FN" and loaded.truth is not None and loaded.truth.any():
        at = int((loaded.truth > 0).sum(axis=(1, 2)).argmax())
    near = range(max(0, at - 1), min(len(loaded.slices), at + 2))
    parts = read_slices(reader, shown(reader, loaded, near))[at - near.start]
    source = loaded.slices[at]
    return Tile(
        source.hu, (source.row_mm, source.col_mm),
        np.asarray(parts.cam[card.label_index("any")], np.float32), parts.region,
        None if loaded.truth is None else loaded.truth[at] > 0, caption(case, card, at), kind in ("FN", "FP"),
    )  # fmt: skip


def caption(case: CaseReading, card: Card, at: int) -> str:
    """What it is and what was said of it."""
    found = [kind for kind in KINDS if case.truth(kind) > 0.5]
    blood = f" {case.volume_ml:.1f} ml" if math.isfinite(case.volume_ml) and found else ""
    thickness = f"{case.thickness_mm:g} mm" if case.thickness_mm else "?"
    truth = " + ".join(found) if found else ("bleed" if case.truth("any") else "no bleed")
    return (
        f"{outcome(case, card)} · {truth}{blood}\nseries {case.score('any'):.2f}, slice {case.column('any')[at]:.2f}"
        f" ({at + 1} of {len(case.positions)}) · {thickness}\n{case.vendor} · {case.patient[:24]}"
    )


def contact_sheet(tiles: Sequence[Tile], path: Path, title: str) -> None:
    """Up to twelve tiles; wrong calls have an orange frame."""
    rows = math.ceil(len(tiles) / COLUMNS)
    with drawn(Picture(path, title, (3.1, 3.75)), COLUMNS, rows) as panels:
        for panel, each in zip(panels, tiles, strict=False):
            _show(panel, each)
        for panel in panels[len(tiles) :]:
            panel.set_visible(False)


def _show(panel: "Axes", each: Tile) -> None:
    height, width = each.hu.shape
    row_mm, col_mm = each.millimetres
    panel.imshow(each.hu, cmap="gray", vmin=WINDOW[0], vmax=WINDOW[1], aspect=row_mm / col_mm)
    if each.blood is not None and each.blood.any():
        panel.contour(each.blood, levels=[0.5], colors=[GREEN], linewidths=0.9)
    _heat(panel, each)
    panel.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5), xticks=[], yticks=[])
    panel.grid(False)
    panel.set_title(each.caption, fontsize=7, fontweight="normal", loc="left")
    for spine in panel.spines.values():
        spine.set(visible=True, color=ORANGE if each.wrong else GREY, linewidth=2.2 if each.wrong else 0.8)


def _heat(panel: "Axes", each: Tile) -> None:
    peak = float(each.heat.max(initial=0.0))
    if not math.isfinite(peak) or peak <= 0:
        return
    top, left, bottom, right = each.region
    down, across = each.heat.shape
    rows = top + (np.arange(down) + 0.5) / down * (bottom - top) - 0.5
    cols = left + (np.arange(across) + 0.5) / across * (right - left) - 0.5
    panel.contour(cols, rows, each.heat / peak, levels=list(LEVELS), colors=["#E69F00", "#FF4B00"], linewidths=1.0)


Load = Callable[[CaseReading], LoadedCase]


def write_sheets(cases: Sequence[CaseReading], reader: Reader, load: Load, out: Path) -> dict[str, str]:
    """Both sheets; file name -> what it shows."""
    written = {}
    for positive, word in ((True, "Bleeds with the lowest score"), (False, "Bleed-free series with the highest score")):
        chosen = hardest(cases, positive)
        if not chosen:
            continue
        wrong = sum(outcome(case, reader.card) in ("FN", "FP") for case in chosen)
        name = f"hardest_{'bleeds' if positive else 'clear'}.png"
        tiles = [tile(case, load(case), reader) for case in chosen]
        title = f"{word}: {len(chosen)} shown, {wrong} called wrongly (orange frame)"
        contact_sheet(tiles, out / name, f"{title}\norange: heat at 40 and 70 % of its peak · green: true blood")
        written[name] = title
    return written
