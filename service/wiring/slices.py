"""Lays out how the page sees slices: decoded as the reader decodes them, coloured as the result pictures are."""

from __future__ import annotations

from service import __version__
from service.domain.reading import SliceReading
from service.inference.hounsfield import Hounsfield
from service.outputs.heat import FLOOR, Heat, heat_of, palette, windowed
from service.settings import Settings
from service.store.files import FileStore
from service.worklist.ports import SlicePorts


def build_slices(settings: Settings, store: FileStore) -> SlicePorts:
    """Connect pixels and heat to the page; no model is loaded."""
    repair = settings.model.repair_wrap
    return SlicePorts(
        hounsfield=Hounsfield(store, repair).picture,
        windowed=windowed,
        heat=_heat,
        palette=palette(),
        heat_floor=FLOOR,
        edition=f"{__version__}{' mended' if repair else ''}",
    )


def _heat(reading: SliceReading, probability: float, shape: tuple[int, int]) -> Heat:
    labels = tuple(label for label, _ in reading.probabilities)
    return heat_of(reading.activation, labels, probability, shape)
