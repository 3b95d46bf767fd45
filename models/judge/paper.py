"""The look of every plot: one size of type, colours that all eyes tell apart, research use under each."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.errors import ExtraMissing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BLUE, ORANGE, GREEN, GREY, INK = "#0072B2", "#D55E00", "#2EC27E", "#8A8F98", "#22262B"  # after Okabe and Ito
NOTE = "Research use only, not for diagnosis"
STYLE: Any = {
    "font.size": 9.5, "axes.titlesize": 10.5, "axes.titleweight": "bold", "axes.edgecolor": GREY,
    "axes.labelcolor": INK, "text.color": INK, "xtick.color": INK, "ytick.color": INK, "axes.grid": True,
    "grid.color": "#E4E7EB", "grid.linewidth": 0.8, "axes.axisbelow": True, "axes.spines.top": False,
    "axes.spines.right": False, "legend.frameon": False, "legend.fontsize": 8.5, "font.family": "DejaVu Sans",
}  # fmt: skip


@contextmanager
def drawn(picture: "Picture", columns: int = 1, rows: int = 1) -> "Iterator[list[Axes]]":
    """Panels to draw on, from left to right and top to bottom; written as PNG when the block ends."""
    try:
        import matplotlib as mpl
    except ImportError as missing:
        raise ExtraMissing("matplotlib") from missing
    from matplotlib.figure import Figure

    with mpl.rc_context(STYLE):
        size = (columns * picture.size[0], rows * picture.size[1])
        figure = Figure(figsize=size, layout="constrained")
        yield list(figure.subplots(rows, columns, squeeze=False).ravel())
        figure.suptitle(picture.title, fontsize=11.5, fontweight="bold", color=INK)
        figure.supxlabel(NOTE, fontsize=7.5, color=GREY)
        figure.savefig(picture.path, dpi=120, facecolor="white", metadata={"Software": None})


@dataclass(frozen=True)
class Picture:
    """Where a plot goes and what it says on top; `size` is that of one panel in inches."""

    path: Path
    title: str
    size: tuple[float, float] = (5.2, 4.9)
