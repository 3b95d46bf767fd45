"""The picture of one key slice: the original beside the overlay, with everything needed to find it in the stack."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from service.domain.verdict import SeriesConclusion
from service.outputs.canvas import (
    ALARM,
    CALM,
    FAINT,
    INK,
    LINE,
    MARGIN,
    WIDTH,
    Box,
    Canvas,
    Style,
    scaled,
    scaled_overlay,
)
from service.outputs.heat import FLOOR, Grey, Heat, Picture, body_box, brain_window, colours, heat_of
from service.outputs.placement import Sides, side_letters
from service.outputs.rules import fit, pack_words, plain, probability_words, slice_words
from service.outputs.source import KeySlice

PANEL = 512
PANEL_TOP = 84
SCALE_BAR_MM = 50
BAR_BOX: Box = (WIDTH - 76, PANEL_TOP + 40, WIDTH - 52, PANEL_TOP + PANEL - 40)


@dataclass(frozen=True, eq=False)
class Prepared:
    """A key slice turned into grey and heat once, for its own picture and for the thumbnail."""

    key: KeySlice
    grey: Grey
    heat: Heat
    sides: Sides

    @property
    def pixel_mm(self) -> tuple[float, float]:
        """Return the distance between rows and between columns, 1 where it is unknown."""
        return self.key.row_mm or 1.0, self.key.column_mm or 1.0

    def size(self, side: int) -> tuple[int, int]:
        """Return (width, height) when drawn into a square."""
        rows, columns = self.grey.shape
        return fit((rows, columns), self.pixel_mm, (side, side))

    def overlay(self, side: int) -> Picture:
        """Return slice and heat blended, drawn into a square."""
        return scaled_overlay(self.grey, self.heat, self.size(side))

    def thumbnail(self, room: tuple[int, int]) -> Picture:
        """Return the overlay cut to the head, drawn into ``room`` (width, height)."""
        box = body_box(self.grey)
        grey, heat = self.grey[box], self.heat[box]
        rows, columns = grey.shape
        return scaled_overlay(grey, heat, fit((rows, columns), self.pixel_mm, room))

    def original(self, side: int) -> Picture:
        """Return the slice alone, drawn into a square."""
        return np.repeat(scaled(self.grey, self.size(side))[..., None], 3, axis=2)


def prepare(key: KeySlice, labels: tuple[str, ...]) -> Prepared:
    """Window the slice and spread its activation."""
    rows, columns = key.hu.shape
    heat = heat_of(key.activation, labels, key.score.probability, (rows, columns))
    return Prepared(key, brain_window(key.hu), heat, side_letters(key.header, key.score.frame))


def draw_key_slice(prepared: Prepared, conclusion: SeriesConclusion, place: tuple[int, int]) -> Canvas:
    """Draw key slice ``place[0]`` of ``place[1]``."""
    canvas = Canvas()
    _head(canvas, prepared, conclusion, place)
    left = MARGIN
    _panel(canvas, prepared, left, prepared.original(PANEL))
    _scale(canvas, prepared, left)
    _panel(canvas, prepared, left + PANEL + 14, prepared.overlay(PANEL))
    _colour_bar(canvas, prepared)
    _foot(canvas, prepared, conclusion)
    return canvas


def _head(canvas: Canvas, prepared: Prepared, conclusion: SeriesConclusion, place: tuple[int, int]) -> None:
    score = prepared.key.score
    canvas.write((MARGIN, 14), f"Key slice {place[0]} of {place[1]}", Style(28))
    canvas.write((MARGIN, 52), slice_words(score, conclusion), Style(17, FAINT))
    colour = ALARM if score.positive else CALM
    words = f"probability {probability_words(score.probability)}"
    canvas.write((WIDTH - MARGIN, 14), words, Style(28, colour, "ra"))
    if conclusion.decision:
        above = "above" if score.positive else "not above"
        words = f"{above} the slice threshold {conclusion.decision.threshold:.2f}"
        canvas.write((WIDTH - MARGIN, 52), words, Style(17, FAINT, "ra"))


def _panel(canvas: Canvas, prepared: Prepared, left: int, picture: Picture) -> None:
    height, width = picture.shape[:2]
    canvas.fill((left, PANEL_TOP, left + PANEL, PANEL_TOP + PANEL), (0, 0, 0))
    canvas.paste((left + (PANEL - width) // 2, PANEL_TOP + (PANEL - height) // 2), picture)
    middle, centre = left + PANEL // 2, PANEL_TOP + PANEL // 2
    spots = (
        (left + 10, centre, "lm"),
        (left + PANEL - 10, centre, "rm"),
        (middle, PANEL_TOP + 8, "ma"),
        (middle, PANEL_TOP + PANEL - 8, "md"),
    )
    for (x, y, anchor), letter in zip(spots, prepared.sides, strict=True):
        canvas.outlined((x, y), letter, Style(24, INK, anchor))


def _scale(canvas: Canvas, prepared: Prepared, left: int) -> None:
    rows = prepared.grey.shape[0]
    length = round(SCALE_BAR_MM * prepared.size(PANEL)[1] / (rows * prepared.pixel_mm[0]))
    if not 20 <= length <= PANEL // 2 or not prepared.key.row_mm:
        return
    y = PANEL_TOP + PANEL - 14
    canvas.fill((left + 14, y - 4, left + 14 + length, y), INK)
    canvas.outlined((left + 14, y - 10), f"{SCALE_BAR_MM} mm", Style(15, INK, "ld"))


def _colour_bar(canvas: Canvas, prepared: Prepared) -> None:
    left, top, right, bottom = BAR_BOX
    ramp = np.repeat(np.linspace(1, 0, bottom - top, dtype=np.float32)[:, None], right - left, axis=1)
    canvas.paste((left, top), colours(ramp))
    canvas.fill((left, bottom - round(FLOOR * (bottom - top)), right, bottom), LINE)
    for value in (0.0, 0.25, 0.5, 0.75, 1.0):
        y = bottom - round(value * (bottom - top))
        canvas.write((right + 6, y), f"{value:.2f}", Style(14, FAINT, "lm"))
    canvas.write((left - 6, top - 30), "heat", Style(15, INK))
    _peak_mark(canvas, float(prepared.heat.max(initial=0.0)))


def _peak_mark(canvas: Canvas, peak: float) -> None:
    left, top, right, bottom = BAR_BOX
    y = bottom - round(min(peak, 1.0) * (bottom - top))
    canvas.fill((left - 4, y - 1, right + 4, y + 2), INK)


def _foot(canvas: Canvas, prepared: Prepared, conclusion: SeriesConclusion) -> None:
    top = PANEL_TOP + PANEL + 8
    canvas.write((MARGIN, top), "Original, brain window 40 / 80 HU", Style(16))
    canvas.write((MARGIN + PANEL + 14, top), "The same slice with heat = activation x probability", Style(16))
    note = "" if float(prepared.heat.max(initial=0.0)) > FLOOR else "No activation worth showing on this slice. "
    words = f"{note}Heat shows what moved the network, not the outline of a bleed; white mark: peak of this slice."
    canvas.paragraph((MARGIN, top + 28, WIDTH - MARGIN, top + 50), words, Style(15, FAINT))
    series = f"series {plain(conclusion.description, 60)}; " if conclusion.description else ""
    canvas.paragraph(
        (MARGIN, top + 52, WIDTH - MARGIN, top + 74), f"{series}{pack_words(conclusion)}", Style(15, FAINT)
    )
