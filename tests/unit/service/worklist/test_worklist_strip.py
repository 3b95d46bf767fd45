"""The strip's bars stand where the slices are scrolled."""

from __future__ import annotations

from dataclasses import replace

from stacks import SERIES, even, instance, place, stack

from service.domain.ids import PackHash
from service.domain.scan import StoredInstance
from service.domain.verdict import Decision, SeriesConclusion, SliceScore, Verdict
from service.ledger.stacks import SeriesPile
from service.worklist.stack import stack_of
from service.worklist.strip import HEIGHT, LEAST, UNREAD, WIDTH, Strip, strip_of


def strip(
    *chances: float | None, threshold: float | None = 0.4, instances: list[StoredInstance] | None = None
) -> Strip:
    """The strip of a stack; None stands for a slice that nobody read."""
    images = instances or stack(even(len(chances)))
    slices = tuple(
        SliceScore(
            sop_uid=one.sop_uid, frame=1, content_hash=one.content_hash,
            instance_number=one.header.instance_number, place_mm=5.0 * at, probability=chance, positive=chance > 0.4,
        )
        for at, (one, chance) in enumerate(zip(images, chances, strict=True)) if chance is not None
    )  # fmt: skip
    rule = {"rule": "run", "positive": True, "sentence": "", "positive_slices": 1, "read_slices": len(slices)}
    conclusion = SeriesConclusion(
        series_uid=SERIES, verdict=Verdict.POSITIVE, probability=0.9, why="", pack_name="p", pack_version="1",
        pack_hash=PackHash("0" * 64), evidence=None, suitability=(), slices=slices, key_slices=(1,) if slices else (),
        decision=Decision(**rule, threshold=threshold) if threshold is not None else None,
    )  # fmt: skip
    pile = SeriesPile(
        series_uid=SERIES, study_uid="1.2.3", modality="CT", description="", state="complete",
        instances=tuple(images), conclusion=conclusion if slices else None,
    )  # fmt: skip
    return strip_of(stack_of(pile, 0.1))


def test_bars_rise_with_probability_and_mark_key_slices() -> None:
    found = strip(0.0, 1.0, 0.5)
    assert [bar.height for bar in found.bars] == [LEAST, HEIGHT, HEIGHT / 2]
    assert all(round(bar.y + bar.height, 6) == HEIGHT for bar in found.bars)
    assert [bar.key for bar in found.bars] == [False, True, False]
    assert [bar.tone for bar in found.bars] == ["under", "over", "over"]
    assert (found.threshold_y, found.threshold) == (round(HEIGHT * 0.6, 2), "40 %")
    assert found.summary == "2 of 3 slices above the slice threshold"
    assert found.bars[2].title == "Image 3, 10.0 mm: 50 %"


def test_a_slice_that_was_not_read_says_so() -> None:
    found = strip(0.9, 0.1, None)
    assert [bar.tone for bar in found.bars] == ["over", "under", "none"]
    assert found.bars[2].height == UNREAD
    assert found.bars[2].title == "Image 3, 10.0 mm: not read"
    assert found.summary == "1 of 2 slices above the slice threshold, 1 not read"


def test_a_series_that_nobody_read_has_bars_without_a_threshold() -> None:
    found = strip(None, None)
    assert (found.threshold_y, found.threshold, found.summary) == (None, "", "2 slices, none read")
    assert [bar.tone for bar in found.bars] == ["none", "none"]
    assert strip(0.3, 0.2, threshold=None).threshold_y is None


def test_a_slice_without_number_or_place_is_named_as_such() -> None:
    nameless = instance(2, place(5.0), instance_number=None)
    lost = instance(3, replace(place(0.0), position=None))
    found = strip(None, None, None, instances=[instance(1, place(0.0)), nameless, lost])
    assert [bar.title for bar in found.bars][1:] == ["Image ?, 5.0 mm: not read", "Image 3, no place: not read"]


def test_bars_lie_where_a_click_on_them_leads() -> None:
    for count in (1, 7, 300, 1500):
        found = strip(*[0.1, 0.2, *[0.1] * count][:count] if count > 1 else [None])
        wanted = list(range(count))
        assert [int((bar.x + bar.width / 2) / WIDTH * count) for bar in found.bars] == wanted
        assert found.bars[-1].x + found.bars[-1].width <= WIDTH
