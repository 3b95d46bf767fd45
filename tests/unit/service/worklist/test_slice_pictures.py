"""Grey and heat as the browser gets them: together they are what the result pictures show."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from service.domain.reading import ActivationMap
from service.outputs.heat import blend, brain_window, heat_of, palette, windowed
from service.worklist.slice_pictures import grey_png, heat_png
from service.worklist.windows import WINDOWS, window_named

LABELS = ("any", "epidural")
SHAPE = (96, 128)


def opened(png: bytes) -> Image.Image:
    return Image.open(io.BytesIO(png))


def spot(row: int, column: int, region: tuple[float, float, float, float]) -> ActivationMap:
    planes = np.zeros((2, 8, 8), np.float16)
    planes[0, row, column] = 3
    return ActivationMap(labels=2, rows=8, columns=8, region=region, data=planes.tobytes())


def laid_over(grey: NDArray[np.uint8], heat: NDArray[np.float32]) -> NDArray[Any]:
    """What a browser makes of the two pictures."""
    ground = opened(grey_png(grey)).convert("RGBA")
    return np.asarray(Image.alpha_composite(ground, opened(heat_png(heat, palette())).convert("RGBA")))[..., :3]


def test_grey_is_lossless() -> None:
    grey = np.random.default_rng(1).integers(0, 256, SHAPE, np.uint8)
    picture = opened(grey_png(grey))
    assert (picture.mode, picture.format) == ("L", "PNG")
    assert np.array_equal(np.asarray(picture), grey)


@pytest.mark.parametrize("probability", [0.2, 0.6, 0.97, 1.0])
@pytest.mark.parametrize(
    ("row", "column", "region"),
    [
        (0, 0, (0.0, 0.0, 96.0, 128.0)),
        (3, 5, (8.0, 16.0, 72.0, 80.0)),
        (5, 4, (-32.0, -32.0, 128.0, 160.0)),
    ],
)
def test_slice_and_overlay_together_are_the_picture_that_goes_to_the_pacs(
    row: int, column: int, region: tuple[float, float, float, float], probability: float
) -> None:
    grey = np.random.default_rng(2).integers(0, 256, SHAPE, np.uint8)
    heat = heat_of(spot(row, column, region), LABELS, probability, SHAPE)
    wanted = blend(grey, heat).astype(int)
    assert heat.any()
    assert abs(laid_over(grey, heat).astype(int) - wanted).max() <= 3


def test_no_heat_leaves_the_slice_as_it_is() -> None:
    grey = np.random.default_rng(3).integers(0, 256, SHAPE, np.uint8)
    shown = laid_over(grey, np.full(SHAPE, 0.098, np.float32))
    assert np.array_equal(shown, np.repeat(grey[..., None], 3, axis=2))


def test_heat_is_one_byte_a_pixel() -> None:
    assert opened(heat_png(np.zeros(SHAPE, np.float32), palette())).mode == "P"


def test_the_brain_window_is_the_one_of_the_result_pictures() -> None:
    hu = np.linspace(-1100, 3100, 5001, dtype=np.float32)[None]
    brain = window_named("brain")
    assert brain
    assert np.array_equal(windowed(hu, brain.centre, brain.width), brain_window(hu))


@pytest.mark.parametrize("window", WINDOWS, ids=lambda one: one.name)
def test_a_window_runs_from_black_to_white_over_its_width(window: Any) -> None:
    low, high = window.centre - window.width / 2, window.centre + window.width / 2
    hu = np.array([[-1024, low, window.centre, high, 3071, np.nan]], np.float32)
    assert windowed(hu, window.centre, window.width).tolist() == [[0, 0, 128, 255, 255, 0]]
    ramp = windowed(np.linspace(low, high, 256, dtype=np.float32)[None], window.centre, window.width)
    assert np.array_equal(ramp[0], np.arange(256))


def test_four_windows_by_name() -> None:
    assert [one.title for one in WINDOWS] == ["Brain 40 / 80", "Subdural 80 / 200", "Bone 600 / 2800", "Stroke 35 / 30"]
    assert window_named("lung") is None
