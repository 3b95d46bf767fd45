"""A presentation state as a viewer would show it: drawn from the object itself, so that a look at it proves it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from highdicom.color import CIELabColor
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from pydicom.dataset import Dataset

from service.outputs.canvas import font
from service.outputs.source import KeySlice

#: the longer side of the picture
SIDE = 768
#: of the height of a line of text, the part that its letters take
LETTERS = 0.6
Colour = tuple[int, int, int]


def draw_state(state: Dataset, keys: Sequence[KeySlice]) -> Iterator[Image.Image]:
    """Draw each key slice that the state refers to, in the order it names them."""
    colours = {str(one.GraphicLayer): _colour(one) for one in state.GraphicLayerSequence}
    by_image = {(str(key.score.sop_uid), key.score.frame): key for key in keys}
    drawn: dict[tuple[str, int], Image.Image] = {}
    for annotation in state.GraphicAnnotationSequence:
        image = annotation.ReferencedImageSequence[0]
        name = (str(image.ReferencedSOPInstanceUID), int(image.get("ReferencedFrameNumber", 1)) - 1)
        picture = drawn.setdefault(name, _windowed(state, by_image[name]))
        _draw(picture, annotation, by_image[name].hu.shape, colours[str(annotation.GraphicLayer)])
    yield from drawn.values()


def _colour(layer: Dataset) -> Colour:
    lightness, a, b = layer.GraphicLayerRecommendedDisplayCIELabValue
    scaled = CIELabColor(lightness * 100 / 65535, a * 255 / 65535 - 128, b * 255 / 65535 - 128)
    red, green, blue = scaled.to_rgb()
    return red, green, blue


def _windowed(state: Dataset, key: KeySlice) -> Image.Image:
    window = state.SoftcopyVOILUTSequence[0]
    low = float(window.WindowCenter) - float(window.WindowWidth) / 2
    share = (np.nan_to_num(key.hu, nan=low) - low) / float(window.WindowWidth)
    grey: NDArray[np.uint8] = np.rint(np.clip(share, 0.0, 1.0) * 255).astype(np.uint8)
    rows, columns = grey.shape
    height_mm, width_mm = rows * (key.row_mm or 1.0), columns * (key.column_mm or 1.0)
    scale = SIDE / max(height_mm, width_mm)
    size = (round(width_mm * scale), round(height_mm * scale))
    return Image.fromarray(grey).resize(size, Image.Resampling.BICUBIC).convert("RGB")


def _draw(picture: Image.Image, annotation: Dataset, shape: tuple[int, ...], colour: Colour) -> None:
    pen = ImageDraw.Draw(picture)
    across, down = picture.width / shape[1], picture.height / shape[0]
    for graphic in annotation.get("GraphicObjectSequence", []):
        points = np.array(graphic.GraphicData, float).reshape(-1, 2) * (across, down)
        pen.line([(float(x), float(y)) for x, y in points], fill=colour, width=2, joint="curve")
    for text in annotation.get("TextObjectSequence", []):
        left, top = text.BoundingBoxTopLeftHandCorner
        right, bottom = text.BoundingBoxBottomRightHandCorner
        middle = ((left + right) / 2 * picture.width, (top + bottom) / 2 * picture.height)
        size = max(8, round((bottom - top) * picture.height * LETTERS))
        pen.text(middle, str(text.UnformattedTextValue), fill=colour, font=font(size), anchor="mm")
