"""The strip's bars stand where the slices lie."""

from __future__ import annotations

from service.domain.ids import ContentHash, PackHash, SeriesUid, SopUid
from service.domain.verdict import Decision, SeriesConclusion, SliceScore, Verdict
from service.worklist.strip import HEIGHT, WIDTH, strip_of


def concluded(*chances: float) -> SeriesConclusion:
    slices = tuple(
        SliceScore(
            sop_uid=SopUid(f"2.25.{at}"),
            frame=0,
            content_hash=ContentHash("0" * 64),
            instance_number=None if at == 0 else at + 1,
            place_mm=5.0 * at,
            probability=chance,
            positive=chance > 0.4,
        )
        for at, chance in enumerate(chances)
    )
    decision = Decision(
        rule="run", positive=True, sentence="", threshold=0.4, positive_slices=1, read_slices=len(slices)
    )
    return SeriesConclusion(
        series_uid=SeriesUid("2.25.9"),
        verdict=Verdict.POSITIVE,
        probability=0.9,
        why="",
        pack_name="p",
        pack_version="1",
        pack_hash=PackHash("0" * 64),
        evidence=None,
        suitability=(),
        decision=decision,
        slices=slices,
        key_slices=(1,),
    )


def test_nothing_read_nothing_drawn() -> None:
    assert strip_of(concluded()) is None


def test_bars_rise_with_probability_and_mark_key_slices() -> None:
    strip = strip_of(concluded(0.0, 1.0, 0.5))
    assert strip is not None
    assert [bar.height for bar in strip.bars] == [2.0, HEIGHT, HEIGHT / 2]
    assert all(round(bar.y + bar.height, 6) == HEIGHT for bar in strip.bars)
    assert [bar.key for bar in strip.bars] == [False, True, False]
    assert [bar.positive for bar in strip.bars] == [False, True, True]
    assert strip.threshold_y == round(HEIGHT * 0.6, 2)
    assert strip.summary == "2 of 3 slices above the slice threshold"
    assert strip.bars[2].title == "Image 3, 10.0 mm: 50 %"


def test_a_thousand_slices_stay_inside() -> None:
    strip = strip_of(concluded(*[0.1] * 1000))
    assert strip is not None
    assert strip.width == WIDTH
    assert strip.bars[-1].x + strip.bars[-1].width <= WIDTH
