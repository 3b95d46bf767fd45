"""Page marks and alarms are pure, hence checked with tables."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.ledger.gauges import Gauges
from service.ledger.listing import Mark
from service.worklist.rules import VITAL_ROLES, Health, alarms, mark_text, read_mark

CALM = Gauges(
    objects=0, studies={}, jobs={}, deliveries={}, oldest_unread_at=None, unsent_positives=0, oldest_unsent_at=None
)
WELL = Health(gauges=CALM, roles_alive=frozenset(VITAL_ROLES), free_mb=9000, min_free_mb=512, destinations=1)


@given(st.integers(0, 2), st.integers(0, 1), st.floats(-3e9, 3e9), st.text("0123456789.", max_size=64))
def test_a_mark_survives_its_word(urgency: int, settled: int, moment: float, uid: str) -> None:
    mark = Mark(urgency=urgency, settled=settled, moment=moment, study_uid=uid)
    assert read_mark(mark_text(mark)) == mark


@pytest.mark.parametrize("text", ["x", "!!!", "WzFd", "bnVsbA", "W10", "eyJhIjoxfQ", "é", "WzEsMiwiYSIsImIiXQ"])
def test_a_foreign_word_is_no_mark(text: str) -> None:
    with pytest.raises(ValueError):
        read_mark(text)


def test_a_well_node_has_no_alarm() -> None:
    assert alarms(WELL, 1000.0) == []


def test_a_positive_on_its_way_is_named_at_once_and_grave_after_a_minute() -> None:
    late = replace(WELL, gauges=replace(CALM, unsent_positives=2, oldest_unsent_at=1000.0))
    assert [(one.grave, one.sentence) for one in alarms(late, 1010.0)] == [
        (False, "2 positive studies not yet delivered.")
    ]
    assert [(one.grave, one.sentence) for one in alarms(late, 1000.0 + 180)] == [
        (True, "2 positive studies not yet delivered, the oldest for 3 min.")
    ]


@pytest.mark.parametrize("role", sorted(VITAL_ROLES))
def test_a_silent_role_is_grave(role: str) -> None:
    found = alarms(replace(WELL, roles_alive=WELL.roles_alive - {role}), 0.0)
    assert [(one.grave, one.sentence) for one in found] == [(True, VITAL_ROLES[role])]


@pytest.mark.parametrize(("free", "grave"), [(511, [True]), (900, [False]), (1025, [])])
def test_the_disk_warns_before_it_is_full(free: float, grave: list[bool]) -> None:
    assert [one.grave for one in alarms(replace(WELL, free_mb=free), 0.0)] == grave


def test_grave_alarms_stand_first() -> None:
    worried = replace(
        WELL, destinations=0, gauges=replace(CALM, jobs={"given_up": 1}, deliveries={("pacs", "dead"): 2})
    )
    assert [one.sentence for one in alarms(worried, 0.0)] == [
        "Reading failed for 1 series: a person must look.",
        "2 deliveries given up.",
        "No destination is configured: results stay on this node.",
    ]
