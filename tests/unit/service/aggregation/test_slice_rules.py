"""The share rule as published, the run rule in mm, and which of them a site applies."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.aggregation.rules import Mark, decide, required_count, run_rule, share_rule
from service.domain.ids import PackHash
from service.domain.pack import PackFacts
from service.settings import PolicySettings

PACK = PackFacts(
    name="default",
    version="1",
    pack_hash=PackHash("p" * 64),
    labels=("any",),
    slice_threshold=0.5,
    rule="run",
    rule_numbers=(("run_mm", 10.0),),
)


def marks(pattern: str, step: float = 5.0, thickness: float | None = 5.0) -> list[Mark]:
    """Read '+' as positive, '-' as negative, '|' as a gap after the slice before it."""
    found: list[Mark] = []
    for sign in pattern:
        if sign == "|":
            found[-1] = replace(found[-1], gap_after=True)
            continue
        found.append(Mark(place_mm=len(found) * step, thickness=thickness, positive=sign == "+"))
    return found


#: required counts at 5, 7.5 and 10 percent as the published evaluation computes them
PUBLISHED = {
    25: (1, 2, 2), 28: (1, 2, 3), 30: (2, 2, 3), 32: (2, 2, 3), 35: (2, 3, 4), 36: (2, 3, 4), 40: (2, 3, 4),
    45: (2, 3, 4), 50: (2, 4, 5), 60: (3, 4, 6),
}  # fmt: skip


@pytest.mark.parametrize(("number", "counts"), PUBLISHED.items())
def test_half_even_is_the_published_code(number: int, counts: tuple[int, int, int]) -> None:
    assert tuple(required_count(number, percent, "half_even") for percent in (5, 7.5, 10)) == counts


@pytest.mark.parametrize("rounding", ["half_even", "ceil"])
@pytest.mark.parametrize("number", PUBLISHED)
@pytest.mark.parametrize("percent", [5.0, 7.5, 10.0])
def test_a_pack_with_the_share_rule_is_judged_by_its_table(number: int, percent: float, rounding: str) -> None:
    pack = replace(PACK, rule="share", rule_numbers=(("share_percent", percent),), rounding=rounding)
    needed = required_count(number, percent, rounding)
    if rounding == "half_even":
        assert needed == PUBLISHED[number][(5.0, 7.5, 10.0).index(percent)]
    enough = decide(marks("+" * needed + "-" * (number - needed)), pack, PolicySettings())
    short = decide(marks("-" * (number - needed + 1) + "+" * (needed - 1)), pack, PolicySettings())
    assert (enough.positive, short.positive) == (True, False)
    assert f"({percent:g} %, {rounding})" in short.sentence


@pytest.mark.parametrize(("number", "percent", "count"), [
    (30, 10, 3), (40, 10, 4), (24, 10, 3), (25, 10, 3), (32, 10, 4), (45, 10, 5), *[(n, 5, 2) for n in range(24, 29)],
    (45, 5, 3), (50, 5, 3), (100, 7, 7), (1, 5, 1), (200, 0.5, 1),
])  # fmt: skip
def test_ceil_is_the_papers_words(number: int, percent: float, count: int) -> None:
    assert required_count(number, percent, "ceil") == count


@given(st.integers(1, 2000), st.sampled_from([0.1, 1, 5, 7.5, 10, 33.3, 100]))
def test_the_two_roundings_differ_by_one_at_most(number: int, percent: float) -> None:
    down, up = required_count(number, percent, "half_even"), required_count(number, percent, "ceil")
    assert 1 <= down <= up <= down + 1


def test_the_share_rule_tells_its_numbers() -> None:
    found = share_rule(marks("+-" * 2 + "-" * 36), 0.8, 5, "half_even")
    assert (found.positive, found.rule, found.positive_slices, found.read_slices) == (True, "share", 2, 40)
    assert found.sentence == "2 of 40 slices above 0.80; 2 are needed (5 %, half_even)"
    assert not share_rule(marks("+" + "-" * 39), 0.8, 5, "half_even").positive


@pytest.mark.parametrize(("pattern", "positive", "words"), [
    ("---+++++---", True, "5 neighbouring slices over 25 mm above 0.50; 10 mm are needed"),
    ("--++--", True, "2 neighbouring slices over 10 mm above 0.50; 10 mm are needed"),
    ("--+-+-+-+--", False, "1 slice over 5 mm above 0.50; 10 mm are needed"),
    ("-----", False, "no slice above 0.50; 10 mm are needed"),
    ("--+|+--", False, "1 slice over 5 mm above 0.50; 10 mm are needed"),
    ("+|++", True, "2 neighbouring slices over 10 mm above 0.50; 10 mm are needed"),
    ("++", True, "2 neighbouring slices over 10 mm above 0.50; 10 mm are needed"),
    ("", False, "no slice above 0.50; 10 mm are needed"),
])  # fmt: skip
def test_the_run_rule_measures_neighbours_in_mm(pattern: str, positive: bool, words: str) -> None:
    found = run_rule(marks(pattern), 0.5, 10)
    assert (found.positive, found.sentence) == (positive, words)


@pytest.mark.parametrize(("step", "thickness", "needed"), [
    (0.625, 0.625, 16), (1.25, 1.25, 8), (2.5, 2.5, 4), (5, 5, 2), (2.5, 5, 3), (7.5, 7.5, 2), (10, 10, 1),
    (5, None, 2),
])  # fmt: skip
def test_a_run_is_as_long_in_thin_slices_as_in_thick_ones(step: float, thickness: float | None, needed: int) -> None:
    assert run_rule(marks("-" + "+" * needed + "--", step, thickness), 0.5, 10).positive
    if needed > 1:
        assert not run_rule(marks("-" + "+" * (needed - 1) + "--", step, thickness), 0.5, 10).positive


def test_rounded_positions_do_not_shorten_a_run() -> None:
    tilted = [Mark(place_mm=at * 7.38 * 0.9483237, thickness=7.0, positive=True) for at in range(2)]
    assert run_rule(tilted, 0.5, 14).positive


def test_a_run_of_no_length_still_needs_a_positive_slice() -> None:
    assert not run_rule(marks("---"), 0.5, 0).positive
    assert run_rule(marks("-+-"), 0.5, 0).positive


@pytest.mark.parametrize(("policy", "pack", "rule", "numbers"), [
    (PolicySettings(), PACK, "run", "10 mm"),
    (PolicySettings(), replace(PACK, rule="share", rule_numbers=(("share_percent", 20.0),)), "share", "20 %"),
    (PolicySettings(rule="share", share_percent=7.5, rounding="ceil"), PACK, "share", "7.5 %, ceil"),
    (PolicySettings(), replace(PACK, rule="share", rounding="ceil"), "share", "5 %, ceil"),
    (PolicySettings(rounding="half_even"), replace(PACK, rule="share", rounding="ceil"), "share", "5 %, half_even"),
    (PolicySettings(rule="share"), replace(PACK, rounding="ceil"), "share", "5 %, ceil"),
    (PolicySettings(), replace(PACK, rule="share", rule_numbers=(("share_percent", 0.0),)), "share", "any slice"),
    (PolicySettings(slice_threshold=0.9825), PACK, "run", "above 0.983"),
    (PolicySettings(rule="run", run_mm=22), PACK, "run", "22 mm"),
    (PolicySettings(slice_threshold=0.8), PACK, "run", "above 0.80"),
    (PolicySettings(run_mm=7), replace(PACK, rule_numbers=()), "run", "7 mm"),
])  # fmt: skip
def test_the_site_chooses_or_leaves_it_to_the_pack(
    policy: PolicySettings, pack: PackFacts, rule: str, numbers: str
) -> None:
    found = decide(marks("--++--"), pack, policy)
    assert found.rule == rule
    assert numbers in found.sentence


patterns = st.text("+-", min_size=1, max_size=60)


@given(patterns, st.integers(0, 59), st.sampled_from([0.0, 10.0, 25.0]))
def test_one_more_positive_slice_never_clears_a_run(pattern: str, at: int, run_mm: float) -> None:
    more = pattern[: at % len(pattern)] + "+" + pattern[at % len(pattern) + 1 :]
    assert run_rule(marks(more), 0.5, run_mm).positive >= run_rule(marks(pattern), 0.5, run_mm).positive


@given(patterns, st.integers(0, 59), st.sampled_from([5, 7.5, 10]), st.sampled_from(["half_even", "ceil"]))
def test_one_more_positive_slice_never_clears_a_share(pattern: str, at: int, percent: float, rounding: str) -> None:
    more = pattern[: at % len(pattern)] + "+" + pattern[at % len(pattern) + 1 :]
    before, after = (share_rule(marks(one), 0.5, percent, rounding).positive for one in (pattern, more))
    assert after >= before


@given(patterns)
def test_a_stack_read_upside_down_gives_the_same_answer(pattern: str) -> None:
    assert run_rule(marks(pattern), 0.5, 10) == run_rule(marks(pattern[::-1]), 0.5, 10)


@given(patterns, st.integers(0, 59))
def test_a_gap_never_makes_a_run_longer(pattern: str, at: int) -> None:
    cut = at % len(pattern) + 1
    assert (
        run_rule(marks(pattern[:cut] + "|" + pattern[cut:]), 0.5, 10).positive
        <= run_rule(marks(pattern), 0.5, 10).positive
    )
