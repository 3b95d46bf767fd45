"""The judge's rule and the node's own give the same answer, whatever the series."""

from types import MappingProxyType

from hypothesis import given, settings
from hypothesis import strategies as st
from stacks import stack as files

from models.judge.rule import Stack, gap_after, longest_run, positive, required_count
from models.sections import Rule
from service.aggregation.slice_rules import Mark, decide
from service.aggregation.slice_rules import required_count as nodes_count
from service.domain.geometry import geometry_of
from service.domain.ids import PackHash
from service.domain.pack import PackFacts
from service.settings import PolicySettings

STEPS = st.lists(st.sampled_from([0.0, 0.6, 1.25, 2.5, 5.0, 5.0, 5.0, 7.5, 10.0, 22.5]), min_size=0, max_size=40)
RULES = st.one_of(
    st.builds(lambda mm: Rule("run", MappingProxyType({"run_mm": mm})), st.sampled_from([0.0, 5.0, 10.0, 12.5, 30.0])),
    st.builds(
        lambda percent, rounding: Rule("share", MappingProxyType({"share_percent": percent}), rounding),
        st.sampled_from([5.0, 7.5, 10.0]),
        st.sampled_from(["half_even", "ceil"]),
    ),
)


def node_says(geometry, marks, rule):
    gaps = set(geometry.gap_after)
    walked = [
        Mark(place_mm=one.place_mm, thickness=one.thickness, positive=mark, gap_after=at in gaps)
        for at, (one, mark) in enumerate(zip(geometry.slices, marks, strict=True))
    ]
    facts = PackFacts(
        name="p", version="1", pack_hash=PackHash("h"), labels=("any",), slice_threshold=0.5, rule=rule.kind,
        rule_numbers=tuple(rule.numbers.items()), rounding=rule.rounding,
    )  # fmt: skip
    return decide(walked, facts, PolicySettings()).positive


@settings(max_examples=400, deadline=None)
@given(steps=STEPS, thickness=st.sampled_from([None, 1.0, 2.5, 5.0]), rule=RULES, data=st.data())
def test_both_rules_agree(steps, thickness, rule, data):
    heights = [sum(steps[:at]) for at in range(len(steps) + 1)]
    marks = data.draw(st.lists(st.booleans(), min_size=len(heights), max_size=len(heights)))
    geometry = geometry_of(files(heights, thickness))
    own = Stack(tuple(one.place_mm for one in geometry.slices), thickness)
    assert gap_after(own) == set(geometry.gap_after)
    assert positive(own, marks, rule) == node_says(geometry, marks, rule)


@given(
    number=st.integers(1, 500), percent=st.sampled_from([5, 7.5, 10]), rounding=st.sampled_from(["half_even", "ceil"])
)
def test_both_count_alike(number, percent, rounding):
    assert required_count(number, percent, rounding) == nodes_count(number, percent, rounding)


def test_a_run_is_as_long_as_the_node_says():
    assert longest_run(Stack((0.0, 5.0, 10.0), 5.0), [True, True, False]) == 10.0
