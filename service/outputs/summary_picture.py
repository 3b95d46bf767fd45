"""The first picture: the answer, what decided it, where to look, and how complete the scan was."""

from __future__ import annotations

from collections.abc import Sequence

from service.domain.verdict import SeriesConclusion, StudyVerdict, Verdict
from service.outputs.canvas import ALARM, CALM, FAINT, INK, LINE, MARGIN, WARNING, WIDTH, Canvas, Style
from service.outputs.key_picture import Prepared
from service.outputs.rules import (
    HEADLINES,
    MOST_THUMBNAILS,
    evidence_words,
    finding_rows,
    grid,
    pack_words,
    plain,
    probability_words,
    rule_words,
    sentence,
    suitability_words,
)

LEFT_WIDTH = 430
#: what fits into the right card
MOST_CHECKS = 11
#: width for the one slice of a clear study
CLEAR_CELL = 270
BODY_TOP, BODY_BOTTOM = 92, 432
STRIP_TOP, STRIP_BOTTOM = 470, 556
RIGHT = MARGIN + LEFT_WIDTH + 16


def draw_summary(verdict: StudyVerdict, conclusion: SeriesConclusion, prepared: Sequence[Prepared]) -> Canvas:
    """Draw the summary picture of a positive or negative study."""
    canvas = Canvas()
    _head(canvas, verdict)
    _probabilities(canvas, verdict, conclusion)
    _thumbnails(canvas, conclusion, prepared[:MOST_THUMBNAILS])
    _strip(canvas, conclusion)
    _foot(canvas, verdict, conclusion)
    return canvas


def _tone(verdict: StudyVerdict) -> tuple[int, int, int]:
    return ALARM if verdict.verdict is Verdict.POSITIVE else CALM


def _head(canvas: Canvas, verdict: StudyVerdict) -> None:
    word, meaning = HEADLINES[verdict.verdict]
    canvas.fill((0, 0, 10, 76), _tone(verdict))
    length = canvas.write((MARGIN + 8, 40), word, Style(38, _tone(verdict), "lm"))
    canvas.write((MARGIN + 8 + length + 18, 43), meaning, Style(23, INK, "lm"))
    canvas.write((WIDTH - MARGIN, 28), "Ichor head CT triage", Style(19, INK, "rm"))
    canvas.write((WIDTH - MARGIN, 54), f"worklist priority {verdict.priority.value}", Style(16, FAINT, "rm"))
    canvas.rule((0, 76), (WIDTH, 76))


def _probabilities(canvas: Canvas, verdict: StudyVerdict, conclusion: SeriesConclusion) -> None:
    left, right = MARGIN, MARGIN + LEFT_WIDTH
    canvas.card((left, BODY_TOP, right, BODY_BOTTOM))
    share = verdict.probability or 0.0
    canvas.write((left + 18, BODY_TOP + 16), "Probability of any intracranial bleed", Style(16, FAINT))
    canvas.write((right - 18, BODY_TOP + 40), probability_words(verdict.probability), Style(34, INK, "ra"))
    canvas.gauge((left + 18, BODY_TOP + 52, right - 130, BODY_TOP + 68), share, _tone(verdict))
    y = BODY_TOP + 92
    for label, value in finding_rows(conclusion)[:6]:
        canvas.write((left + 18, y + 8), plain(label, 20), Style(16, INK, "lm"))
        canvas.gauge((left + 170, y + 3, right - 80, y + 13), value, _tone(verdict) if value >= 0.5 else FAINT)
        canvas.write((right - 18, y + 8), probability_words(value), Style(16, INK, "rm"))
        y += 25
    canvas.rule((left + 18, y + 6), (right - 18, y + 6))
    canvas.write((left + 18, y + 16), "Deciding rule", Style(14, FAINT))
    canvas.paragraph((left + 18, y + 36, right - 18, BODY_BOTTOM - 6), rule_words(conclusion), Style(16))


def _thumbnails(canvas: Canvas, conclusion: SeriesConclusion, prepared: Sequence[Prepared]) -> None:
    width, height = WIDTH - MARGIN - RIGHT, BODY_BOTTOM - BODY_TOP
    canvas.card((RIGHT, BODY_TOP, WIDTH - MARGIN, BODY_BOTTOM))
    if conclusion.verdict is not Verdict.POSITIVE or not prepared:
        _checks(canvas, conclusion, prepared[:1])
        return
    columns, rows = grid(len(prepared))
    cell_width, cell_height = width // columns, height // rows
    for at, one in enumerate(prepared):
        corner = (RIGHT + at % columns * cell_width, BODY_TOP + at // columns * cell_height)
        _thumbnail(canvas, one, corner, (cell_width, cell_height))


def _thumbnail(canvas: Canvas, one: Prepared, corner: tuple[int, int], cell: tuple[int, int]) -> None:
    picture = one.thumbnail((cell[0] - 16, cell[1] - 36))
    left, top = corner[0] + (cell[0] - picture.shape[1]) // 2, corner[1] + (cell[1] - 28 - picture.shape[0]) // 2
    canvas.paste((left, top), picture)
    canvas.outlined((left + 6, top + picture.shape[0] // 2), one.sides[0], Style(16, INK, "lm"))
    score = one.key.score
    named = "slice" if score.instance_number is None else f"instance {score.instance_number}"
    words = f"{named}: {probability_words(score.probability)}"
    canvas.write((corner[0] + cell[0] // 2, top + picture.shape[0] + 5), words, Style(16, INK, "ma"))


def _checks(canvas: Canvas, conclusion: SeriesConclusion, prepared: Sequence[Prepared]) -> None:
    """On a clear study show the most probable slice and on what checks the answer stands."""
    left = RIGHT + 18
    for one in prepared:
        _thumbnail(canvas, one, (RIGHT, BODY_TOP + 34), (CLEAR_CELL, BODY_BOTTOM - BODY_TOP - 34))
        canvas.write((left, BODY_TOP + 16), "Most probable slice", Style(16, FAINT))
        left += CLEAR_CELL
    canvas.write((left, BODY_TOP + 16), "Checked before reading", Style(16, FAINT))
    y = BODY_TOP + 48
    for check in conclusion.suitability[:MOST_CHECKS]:
        mark, colour = ("passed", CALM) if check.passed else ("look", WARNING)
        canvas.write((left, y), mark, Style(15, colour))
        words = check.found if check.passed else check.reason or check.found
        canvas.paragraph((left + 62, y, WIDTH - MARGIN - 14, y + 22), f"{plain(check.name)}: {plain(words)}", Style(15))
        y += 26


def _strip(canvas: Canvas, conclusion: SeriesConclusion) -> None:
    left, right = MARGIN + 34, WIDTH - MARGIN
    canvas.write((MARGIN, STRIP_TOP - 24), "Probability slice by slice, in anatomical order", Style(15, FAINT))
    height, count = STRIP_BOTTOM - STRIP_TOP, len(conclusion.slices)
    for value, y in ((1, STRIP_TOP), (0, STRIP_BOTTOM)):
        canvas.rule((left, y), (right, y))
        canvas.write((left - 8, y), f"{value}", Style(14, FAINT, "rm"))
    for at, score in enumerate(conclusion.slices):
        start, end = (left + round((right - left) * step / count) for step in (at, at + 1))
        top = STRIP_BOTTOM - max(2, round(height * min(max(score.probability, 0.0), 1.0)))
        gap = 2 if end - start > 5 else 0
        canvas.fill((start + gap, top, max(end, start + gap + 1), STRIP_BOTTOM), ALARM if score.positive else CALM)
    _threshold(canvas, conclusion, (left, right))
    _ends(canvas, conclusion, (left, right))


def _threshold(canvas: Canvas, conclusion: SeriesConclusion, span: tuple[int, int]) -> None:
    if conclusion.decision is None:
        return
    y = STRIP_BOTTOM - round((STRIP_BOTTOM - STRIP_TOP) * min(max(conclusion.decision.threshold, 0.0), 1.0))
    canvas.dashed((span[0], y), span[1] - span[0], WARNING)
    words = f"slice threshold {conclusion.decision.threshold:.2f}"
    canvas.write((span[1], STRIP_TOP - 24), words, Style(15, WARNING, "ra"))


def _ends(canvas: Canvas, conclusion: SeriesConclusion, span: tuple[int, int]) -> None:
    if not conclusion.slices:
        return
    first, last = conclusion.slices[0], conclusion.slices[-1]
    for score, x, anchor in ((first, span[0], "la"), (last, span[1], "ra")):
        number = "" if score.instance_number is None else f"instance {score.instance_number}, "
        canvas.write((x, STRIP_BOTTOM + 6), f"{number}{score.place_mm:.0f} mm", Style(14, FAINT, anchor))


def _foot(canvas: Canvas, verdict: StudyVerdict, conclusion: SeriesConclusion) -> None:
    y = STRIP_BOTTOM + 30
    canvas.rule((MARGIN, y), (WIDTH - MARGIN, y), LINE)
    y = canvas.paragraph(
        (MARGIN, y + 8, WIDTH - MARGIN, y + 70), f"Completeness: {evidence_words(conclusion)}", Style(15)
    )
    facts = [suitability_words(conclusion), pack_words(conclusion)]
    if conclusion.description:
        facts.insert(0, f"series {plain(conclusion.description, 64)}")
    if len(verdict.conclusions) > 1:
        facts.append(f"{len(verdict.conclusions) - 1} other series of this study: see the report")
    canvas.paragraph((MARGIN, y + 2, WIDTH - MARGIN, y + 44), sentence("; ".join(facts)), Style(15, FAINT))
