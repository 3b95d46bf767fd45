"""The drawing table: one size of sheet, one family of type, a few strokes; sizes in picture pixels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from service.outputs.heat import Grey, Heat, Picture, blend
from service.outputs.rules import BANNER

Colour = tuple[int, int, int]
#: left, top, right, bottom
Box = tuple[int, int, int, int]

WIDTH, HEIGHT = 1152, 736
MARGIN = 20
BANNER_HEIGHT = 36

INK = (236, 239, 244)
FAINT = (150, 158, 172)
GROUND = (14, 17, 23)
SHEET = (24, 29, 38)
LINE = (58, 66, 80)
ALARM = (240, 84, 60)
CALM = (96, 190, 160)
WARNING = (250, 196, 64)


@dataclass(frozen=True)
class Style:
    """How a piece of text looks; ``anchor`` in Pillow's two letters."""

    size: int = 16
    colour: Colour = INK
    anchor: str = "la"


@cache
def font(size: int) -> ImageFont.FreeTypeFont:
    """Return Pillow's own scalable face, so that no font file travels with the node."""
    face = ImageFont.load_default(size)
    assert isinstance(face, ImageFont.FreeTypeFont)
    return face


class Canvas:
    """A dark sheet with the research notice burned in at the foot."""

    def __init__(self) -> None:
        self.image = Image.new("RGB", (WIDTH, HEIGHT), GROUND)
        self._draw = ImageDraw.Draw(self.image)
        top = HEIGHT - BANNER_HEIGHT
        self.fill((0, top, WIDTH, HEIGHT), WARNING)
        self.write((WIDTH // 2, top + BANNER_HEIGHT // 2), BANNER, Style(19, GROUND, "mm"))

    def pixels(self) -> NDArray[np.uint8]:
        """Return the sheet as [HEIGHT, WIDTH, 3]."""
        return np.asarray(self.image, dtype=np.uint8)

    def fill(self, box: Box, colour: Colour) -> None:
        """Fill a box; its right and lower edges are left out."""
        left, top, right, bottom = box
        if right > left and bottom > top:
            self._draw.rectangle((left, top, right - 1, bottom - 1), fill=colour)

    def card(self, box: Box) -> None:
        """Lay a lighter card with round corners."""
        self._draw.rounded_rectangle(box, radius=8, fill=SHEET)

    def rule(self, start: tuple[int, int], end: tuple[int, int], colour: Colour = LINE) -> None:
        """Draw a thin line."""
        self._draw.line((start, end), fill=colour, width=1)

    def dashed(self, start: tuple[int, int], length: int, colour: Colour) -> None:
        """Draw a dashed horizontal line."""
        left, y = start
        for x in range(left, left + length, 10):
            self._draw.line(((x, y), (min(x + 5, left + length), y)), fill=colour, width=2)

    def write(self, at: tuple[int, int], text: str, style: Style) -> int:
        """Write one line and return its length."""
        self._draw.text(at, text, font=font(style.size), fill=style.colour, anchor=style.anchor)
        return round(font(style.size).getlength(text))

    def outlined(self, at: tuple[int, int], text: str, style: Style) -> None:
        """Write over a slice so that it reads on bone and on air."""
        face = font(style.size)
        self._draw.text(
            at, text, font=face, fill=style.colour, anchor=style.anchor, stroke_width=2, stroke_fill=(0, 0, 0)
        )

    def paragraph(self, box: Box, text: str, style: Style) -> int:
        """Wrap text into a box, end it with dots where it does not fit, and return the y below it."""
        left, top, right, bottom = box
        step = round(style.size * 1.35)
        lines = wrap(text, style.size, right - left, max(1, (bottom - top) // step))
        for at, line in enumerate(lines):
            self.write((left, top + at * step), line, style)
        return top + len(lines) * step

    def gauge(self, box: Box, share: float, colour: Colour) -> None:
        """Draw a bar filled to ``share``."""
        left, top, right, bottom = box
        self._draw.rounded_rectangle((left, top, right, bottom), radius=(bottom - top) // 2, fill=LINE)
        filled = round((right - left) * min(max(share, 0.0), 1.0))
        if filled >= bottom - top:
            self._draw.rounded_rectangle((left, top, left + filled, bottom), radius=(bottom - top) // 2, fill=colour)
        elif filled > 0:
            self._draw.ellipse((left, top, left + bottom - top, bottom), fill=colour)

    def paste(self, at: tuple[int, int], picture: Picture) -> None:
        """Put pixels on the sheet."""
        self.image.paste(Image.fromarray(picture), at)


def wrap(text: str, size: int, width: int, most: int) -> list[str]:
    """Break text into at most ``most`` lines of ``width`` pixels."""
    face, lines, words = font(size), [""], text.split()
    for word in words:
        longer = f"{lines[-1]} {word}".strip()
        if face.getlength(longer) <= width or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    if len(lines) > most:
        lines = lines[:most]
        lines[-1] = f"{lines[-1]} ..."
    return [_shorten(line, size, width) for line in lines]


def _shorten(line: str, size: int, width: int) -> str:
    while font(size).getlength(line) > width and len(line) > 4:
        line = line.removesuffix("...").rstrip()[:-1] + "..."
    return line


def scaled(grey: Grey, size: tuple[int, int]) -> Grey:
    """Resample a slice to (width, height)."""
    return np.asarray(Image.fromarray(grey).resize(size, Image.Resampling.BICUBIC), dtype=np.uint8)


def scaled_overlay(grey: Grey, heat: Heat, size: tuple[int, int]) -> Picture:
    """Resample slice and heat to (width, height) and blend them there, so that the colours stay exact."""
    spread = np.asarray(Image.fromarray(heat).resize(size, Image.Resampling.BILINEAR), dtype=np.float32)
    return blend(scaled(grey, size), np.clip(spread, 0.0, 1.0))
