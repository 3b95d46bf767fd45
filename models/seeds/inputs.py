"""HU slices to the input of each published system: one function per variant, [3, size, size] float32, numpy and Pillow.

Window bounds are integer halves: centre - width // 2 to centre + width // 2.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from models.seeds.systems import BRAIN, BURDUJA, EFFCLASS, SARASWATHI, WANG_WINDOWS
from models.volume import repair_wrap, to_hu, wrap_damaged

FloatImage = NDArray[np.float32]
ByteImage = NDArray[np.uint8]
Window = tuple[int, int]

BURDUJA_MEAN, BURDUJA_SD = (0.1738, 0.1433, 0.1970), (0.3161, 0.2850, 0.3111)  #: of [0, 1] channels, RSNA set
WANG_MEAN, WANG_SD = 0.456, 0.224
WANG_FIRST_SIZE = 512  #: slices are brought here before the crop
WANG_CENTRE = 0.8  #: share of each side kept at validation


@dataclass(frozen=True, eq=False)
class Stored:
    """Pixels as the file holds them, with what turns them into HU."""

    pixels: NDArray[np.integer]
    slope: float
    intercept: float
    bits_stored: int
    signed: bool


def stored_to_hu(stored: Stored, mend_wrap: bool) -> FloatImage:
    """HU; the wrap repair of the RSNA set is a switch, since an honest scanner can look as damaged files do."""
    if mend_wrap and wrap_damaged(stored.bits_stored, stored.signed, stored.intercept):
        pixels, intercept = repair_wrap(stored.pixels)
        return to_hu(pixels, stored.slope, intercept)
    return to_hu(stored.pixels, stored.slope, stored.intercept)


def bounds(window: Window) -> tuple[int, int]:
    """Lowest and highest HU that a window tells apart."""
    centre, width = window
    return centre - width // 2, centre + width // 2


def unit(hu: ArrayLike, window: Window) -> FloatImage:
    """HU to [0, 1] through a window."""
    low, high = bounds(window)
    return np.asarray(np.clip((np.asarray(hu, np.float64) - low) / (high - low), 0, 1), np.float32)


def truncated(image: FloatImage) -> ByteImage:
    """[0, 1] to 8 bits, cut and not rounded, as the published picture files were."""
    return (image * np.float32(255)).astype(np.uint8)


def resized(image: FloatImage, size: int) -> FloatImage:
    """Pillow's bilinear filter, which widens when it shrinks and so does not alias."""
    if image.shape == (size, size):
        return image
    return np.asarray(Image.fromarray(image).resize((size, size), Image.Resampling.BILINEAR), np.float32)


def centre_crop(image: FloatImage, share: float) -> FloatImage:
    """Keep the middle share of each side."""
    rows, cols = (round(length * share) for length in image.shape)
    top, left = (image.shape[0] - rows) // 2, (image.shape[1] - cols) // 2
    return image[top : top + rows, left : left + cols]


def effclass_input(hu: FloatImage) -> FloatImage:
    """Three windows through 8 bits, 512 pixels, -1..1."""
    channels = [_picture(truncated(unit(hu, window)), EFFCLASS.size) for window in EFFCLASS.windows]
    return np.stack([(channel / 255 - 0.5) / 0.5 for channel in channels]).astype(np.float32)


def burduja_input(hu: FloatImage, size: int = BURDUJA.size) -> FloatImage:
    """Three windows in full precision, each with the mean and spread of its channel taken out."""
    norms = zip(BURDUJA.windows, BURDUJA_MEAN, BURDUJA_SD, strict=True)
    return np.stack([(resized(unit(hu, window), size) - mean) / sd for window, mean, sd in norms]).astype(np.float32)


def wang_windows_input(hu: FloatImage, size: int = WANG_WINDOWS.size, centre: float = WANG_CENTRE) -> FloatImage:
    """The paper's variant: brain, subdural and bone window of one slice, 8 bits."""
    pictures = [truncated(unit(hu, window)) for window in WANG_WINDOWS.windows]
    return np.stack([_wang(picture, size, centre) for picture in pictures])


def wang_slices_input(
    stack: FloatImage, index: int, window: Window = BRAIN, size: int = 256, centre: float = WANG_CENTRE
) -> FloatImage:
    """The released variant: one window, channels are the slices index + 1, index and index - 1; the ends repeat.

    The window is fixed where the published code read it from the header of each file.
    """
    places = np.clip([index + 1, index, index - 1], 0, len(stack) - 1)
    return np.stack([_wang(_spread(stack[place], window), size, centre) for place in places])


def saraswathi_input(hu: FloatImage) -> FloatImage:
    """Brain window three times in [0, 1]; the source read finished pictures, so the window is our choice."""
    picture = _picture(truncated(unit(hu, BRAIN)), SARASWATHI.size) / 255
    return np.stack([picture] * 3).astype(np.float32)


def _picture(image: ByteImage, size: int) -> FloatImage:
    """Resize as a picture is: the result is rounded to 8 bits again."""
    if image.shape != (size, size):
        image = np.asarray(Image.fromarray(image).resize((size, size), Image.Resampling.BILINEAR))
    return image.astype(np.float32)


def _spread(hu: FloatImage, window: Window) -> ByteImage:
    """Clip to the window, then spread what is there over 0..255; an even image becomes black."""
    low, high = bounds(window)
    clipped = np.clip(np.asarray(hu, np.float64), low, high)
    reach = float(np.ptp(clipped))
    return np.asarray((clipped - clipped.min()) / reach * 255 if reach else clipped * 0, np.float64).astype(np.uint8)


def _wang(picture: ByteImage, size: int, centre: float) -> FloatImage:
    full = _picture(picture, WANG_FIRST_SIZE)
    return np.asarray((resized(centre_crop(full, centre), size) / 255 - WANG_MEAN) / WANG_SD, np.float32)
