"""Slices as PNG: grey in a window, and the heat as a transparent overlay; drawn once, kept while there is room."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

from service.domain.scan import StoredInstance
from service.ledger import stacks
from service.worklist.ports import SlicePorts, WorklistPorts
from service.worklist.shelf import Shelf
from service.worklist.stack import heat_name
from service.worklist.windows import Window

BYTES_PER_MB = 1024 * 1024
#: lossless whatever the level; the lowest is the fastest
LEVEL = 1


@dataclass(frozen=True, kw_only=True)
class Frame:
    """One frame of one image, as the address of its picture names it."""

    study_uid: str
    series_uid: str
    content_hash: str
    number: int


class Missing(Exception):
    """The node has no such slice, or not any more."""


class SlicePictures:
    """Draws slices; what it raises is Missing or UndecodablePixels."""

    def __init__(self, ports: WorklistPorts) -> None:
        self._ports = ports
        self._shelf = Shelf(ports.settings.web.picture_cache_mb * BYTES_PER_MB)

    def grey(self, frame: Frame, window: Window) -> bytes:
        """Return a slice in a window."""
        self._require(frame)
        return self._shelf.get((frame, window), lambda: self._draw_grey(frame, window))

    def heat(self, frame: Frame, name: str) -> bytes:
        """Return the heat of this name, to be laid over the slice; Missing when it is not what stands today."""
        self._require(frame)
        return self._shelf.get((frame, name), lambda: self._draw_heat(frame, name))

    def _require(self, frame: Frame) -> None:
        """Show nothing that was purged, even when it is still in memory."""
        if not self._ports.store.has(frame.content_hash):
            raise Missing

    def _draw_grey(self, frame: Frame, window: Window) -> bytes:
        slices = self._ports.slices
        hu = slices.hounsfield(self._image(frame), frame.number)
        return grey_png(slices.windowed(hu, window.centre, window.width))

    def _draw_heat(self, frame: Frame, name: str) -> bytes:
        image, slices = self._image(frame), self._ports.slices
        found = stacks.read_slice(self._ports.ledger, image, frame.study_uid, frame.number)
        if found is None or heat_name(found.score, found.reading.pack_hash) != name:
            raise Missing
        shape = (image.header.rows or 0, image.header.columns or 0)
        if not all(shape):
            shape = slices.hounsfield(image, frame.number).shape
        return heat_png(slices.heat(found.reading, found.score.probability, shape), slices.palette)

    def _image(self, frame: Frame) -> StoredInstance:
        image = stacks.image(self._ports.ledger, frame.study_uid, frame.series_uid, frame.content_hash)
        if image is None or frame.number not in {one.frame for one in image.header.slices}:
            raise Missing
        return image


def grey_png(grey: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> bytes:
    """Write 8 bits of grey."""
    return _png(Image.fromarray(grey))


def heat_png(
    heat: np.ndarray[tuple[int, ...], np.dtype[np.float32]],
    palette: np.ndarray[tuple[int, ...], np.dtype[np.uint8]],
) -> bytes:
    """Write heat as 256 colours with their opacities, a byte a pixel."""
    picture = Image.fromarray(np.rint(np.clip(heat, 0.0, 1.0) * 255).astype(np.uint8), "L")
    picture.putpalette(palette[:, :3].tobytes())
    picture.info["transparency"] = palette[:, 3].tobytes()
    return _png(picture)


def _png(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "PNG", compress_level=LEVEL)
    return out.getvalue()


def edition_of(slices: SlicePorts, window: Window) -> str:
    """Name how slices look in this window; it goes into the address, so that a browser keeps no old look."""
    return hashlib.sha256(f"{slices.edition}|{window.centre}|{window.width}".encode()).hexdigest()[:12]
