"""The outbox of notices: written with the conclusion, leased, told at least once, corrected, given up, retried."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from letters import AT

from service.domain.notice import NoticeKind
from service.domain.verdict import Verdict
from service.errors import DestinationDown, LeaseLost, NoticeRefused
from service.ledger import notices as verbs
from service.ledger import retention
from service.ledger.tables import studies
from service.notify.letter import Letter
from service.targets import NoticeTarget

NOW = AT
HOUR = 3600.0


@dataclass
class Scripted:
    """A messenger that does what a test says; the round and the ledger around it are the real ones."""

    target: NoticeTarget
    script: list[Exception | None] = field(default_factory=lambda: [None])
    told: list[Letter] = field(default_factory=list)
    kind: NoticeKind = NoticeKind.HL7

    def tell(self, letter: Letter) -> str:
        self.told.append(letter)
        behaviour = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if behaviour is not None:
            raise behaviour
        return ""

    def prove(self) -> None:
        """Nothing to prove."""

    def check(self) -> str:
        return "there"


def scripted(*script: Exception | None, name: str = "ris") -> Scripted:
    return Scripted(NoticeTarget(name=name), list(script) or [None])


def test_news_is_told_once_and_leaves_a_line_in_the_timeline(outbox: Any, telling_round: Any) -> None:
    teller = scripted()
    rounds = telling_round(teller)
    assert outbox.conclude("1.2.1", "ris") == 1
    assert rounds.run_once(NOW) == 1
    assert outbox.states("1.2.1") == ["sent"]
    assert outbox.steps("1.2.1") == ["notice sent"]
    assert rounds.run_once(NOW + 1) == 0
    assert [one.study_uid for one in teller.told] == ["1.2.1"]


def test_the_same_answer_makes_no_second_notice(outbox: Any) -> None:
    outbox.conclude("1.2.1", "ris")
    assert outbox.conclude("1.2.1", "ris", at=NOW + 5) == 0
    assert len(outbox.rows("1.2.1")) == 1


def test_positives_go_first(outbox: Any, telling_round: Any) -> None:
    teller = scripted()
    rounds = telling_round(teller)
    outbox.conclude("1.2.1", "ris", verdict=Verdict.NEGATIVE, on=frozenset(Verdict))
    outbox.conclude("1.2.2", "ris", at=NOW + 5)
    rounds.run_once(NOW + 6)
    rounds.run_once(NOW + 6)
    assert [one.study_uid for one in teller.told] == ["1.2.2", "1.2.1"]


def test_a_target_that_is_down_rests_and_gets_everything_when_it_is_back(outbox: Any, telling_round: Any) -> None:
    teller = scripted(*[DestinationDown("nobody listens")] * 3, None)
    rounds = telling_round(teller)
    outbox.conclude("1.2.1", "ris")
    outbox.conclude("1.2.2", "ris", at=NOW + 1)
    assert [rounds.run_once(NOW + at) for at in (1, 2, 3)] == [1, 0, 0], "it rests for five seconds"
    for minute in range(1, 6):
        rounds.run_once(NOW + 60 * minute)
    assert outbox.states("1.2.1") + outbox.states("1.2.2") == ["sent", "sent"]
    assert outbox.steps("1.2.1") == ["notice not sent", "notice sent"]


def test_a_refused_notice_does_not_hold_up_the_others(outbox: Any, telling_round: Any) -> None:
    teller = scripted(NoticeRefused("no such order"), None)
    rounds = telling_round(teller)
    outbox.conclude("1.2.1", "ris")
    outbox.conclude("1.2.2", "ris", at=NOW + 1)
    rounds.run_once(NOW + 1)
    rounds.run_once(NOW + 1)
    assert (outbox.states("1.2.1"), outbox.states("1.2.2")) == (["retrying"], ["sent"])
    assert outbox.error("1.2.1") == "no such order"


def test_an_error_of_ours_is_shown_and_tried_again(outbox: Any, telling_round: Any) -> None:
    rounds = telling_round(scripted(ValueError("DOE^JOHN"), None))
    outbox.conclude("1.2.1", "ris")
    rounds.run_once(NOW)
    assert outbox.error("1.2.1") == "it could not be written (ValueError): look into the node's log"
    rounds.run_once(NOW + 10)
    assert outbox.states("1.2.1") == ["sent"]


def test_given_up_after_hours_dead_and_told_again_by_hand(outbox: Any, telling_round: Any) -> None:
    teller = scripted(DestinationDown("nobody listens"))
    rounds = telling_round(teller)
    outbox.conclude("1.2.1", "ris")
    for hour in range(24):
        assert rounds.run_once(NOW + hour * HOUR) == 1
        assert outbox.states("1.2.1") == ["retrying"]
    assert rounds.run_once(NOW + 24 * HOUR) == 1
    assert outbox.states("1.2.1") == ["dead"]
    assert outbox.steps("1.2.1") == ["notice not sent", "notice dead"]
    assert rounds.run_once(NOW + 26 * HOUR) == 0
    teller.script = [None]
    assert verbs.retry(outbox.ledger, outbox.rows("1.2.1")[0]["id"], NOW + 27 * HOUR)
    rounds.run_once(NOW + 27 * HOUR + 61)
    assert outbox.states("1.2.1") == ["sent"]
    assert len({one.key for one in teller.told}) == 1


def test_a_crash_between_telling_and_writing_down_tells_again_under_the_same_key(
    outbox: Any, telling_round: Any
) -> None:
    outbox.conclude("1.2.1", "ris")
    first = verbs.due(outbox.ledger, "ris", NOW, 25)
    assert first is not None
    teller = scripted()
    rounds = telling_round(teller)
    assert rounds.run_once(NOW + 20) == 0, "somebody else may be telling it now"
    assert rounds.run_once(NOW + 26) == 1
    assert teller.told[0].key == first.key
    with pytest.raises(LeaseLost):
        verbs.accepted(outbox.ledger, first, NOW + 27)
    assert outbox.steps("1.2.1") == ["notice sent"]


def test_a_changed_answer_is_told_as_a_correction(outbox: Any, telling_round: Any) -> None:
    teller = scripted()
    rounds = telling_round(teller)
    outbox.conclude("1.2.1", "ris")
    rounds.run_once(NOW)
    assert outbox.conclude("1.2.1", "ris", verdict=Verdict.NEGATIVE, at=NOW + 60) == 1
    rounds.run_once(NOW + 60)
    first, second = teller.told
    assert (second.number, second.supersedes, second.wanted) == (2, first.key, False)
    assert outbox.states("1.2.1") == ["sent", "sent"]
    assert outbox.conclude("1.2.1", "ris", at=NOW + 120) == 1, "flagged again is news again"
    assert len({row["key"] for row in outbox.rows("1.2.1")}) == 3


@pytest.mark.parametrize("script", [[], [DestinationDown("down")], [NoticeRefused("no")]])
def test_what_was_not_told_yet_is_overtaken(outbox: Any, telling_round: Any, script: list[Exception]) -> None:
    teller = scripted(*script, None)
    rounds = telling_round(teller)
    outbox.conclude("1.2.1", "ris")
    if script:
        rounds.run_once(NOW)
    outbox.conclude("1.2.1", "ris", verdict=Verdict.NEGATIVE, at=NOW + 10)
    rounds.run_once(NOW + 10)
    assert outbox.states("1.2.1") == ["superseded", "sent"]
    assert teller.told[-1].news.verdict is Verdict.NEGATIVE
    assert not verbs.retry(outbox.ledger, outbox.rows("1.2.1")[0]["id"], NOW + 20)


def test_a_correction_waits_while_the_first_word_is_on_its_way(outbox: Any) -> None:
    outbox.conclude("1.2.1", "ris")
    held = verbs.due(outbox.ledger, "ris", NOW, 25)
    assert held is not None
    outbox.conclude("1.2.1", "ris", verdict=Verdict.NEGATIVE, at=NOW + 1)
    assert verbs.due(outbox.ledger, "ris", NOW + 2, 25) is None
    verbs.accepted(outbox.ledger, held, NOW + 3)
    assert outbox.states("1.2.1") == ["sent", "queued"], "it was told, whatever took its place meanwhile"
    after = verbs.due(outbox.ledger, "ris", NOW + 4, 25)
    assert after is not None and after.number == 2


def test_only_the_newest_can_be_told_again(outbox: Any, telling_round: Any) -> None:
    rounds = telling_round(scripted())
    outbox.conclude("1.2.1", "ris")
    rounds.run_once(NOW)
    outbox.conclude("1.2.1", "ris", verdict=Verdict.NEGATIVE, at=NOW + 1)
    rounds.run_once(NOW + 1)
    first, second = (row["id"] for row in outbox.rows("1.2.1"))
    assert not verbs.retry(outbox.ledger, first, NOW + 2)
    assert verbs.retry(outbox.ledger, second, NOW + 2)
    assert not verbs.retry(outbox.ledger, second, NOW + 2), "it waits already"
    assert not verbs.retry(outbox.ledger, 4711, NOW + 2)


def test_each_target_has_notices_of_its_own(outbox: Any, telling_round: Any) -> None:
    one, other = scripted(name="ris"), scripted(DestinationDown("down"), name="chat")
    rounds = telling_round(one, other)
    assert outbox.conclude("1.2.1", "ris", "chat") == 2
    rounds.run_once(NOW)
    assert (outbox.states("1.2.1", "ris"), outbox.states("1.2.1", "chat")) == (["sent"], ["retrying"])
    assert one.told[0].key != other.told[0].key


def test_what_waits_for_a_target_that_is_gone_is_dead_and_says_so(outbox: Any, telling_round: Any) -> None:
    outbox.conclude("1.2.1", "gone")
    outbox.conclude("1.2.2", "gone")
    assert telling_round(scripted()).run_once(NOW) == 2
    assert outbox.states("1.2.1") + outbox.states("1.2.2") == ["dead", "dead"]
    assert "no target of notices is called 'gone'" in outbox.error("1.2.1")


def test_a_study_that_was_purged_meanwhile_is_no_trouble(outbox: Any) -> None:
    outbox.conclude("1.2.1", "ris")
    notice = verbs.due(outbox.ledger, "ris", NOW, 25)
    assert notice is not None
    assert retention.expired(outbox.ledger, NOW + HOUR) == [], "what is not told yet is not thrown away"
    gone = retention.purge(outbox.ledger, "1.2.1", NOW + HOUR, NOW, lambda _: None)
    assert gone is not None
    assert outbox.rows("1.2.1") == []
    with pytest.raises(LeaseLost):
        verbs.refused(outbox.ledger, notice, "late", NOW, NOW)


def test_a_told_study_can_be_purged(outbox: Any, telling_round: Any) -> None:
    outbox.conclude("1.2.1", "ris")
    telling_round(scripted()).run_once(NOW)
    with outbox.ledger.writing() as db:
        db.execute(studies.update().values(state="done"))
    assert retention.expired(outbox.ledger, NOW + HOUR) == ["1.2.1"]


def test_the_clock_set_back_delays_nothing_that_was_never_refused(outbox: Any, telling_round: Any) -> None:
    teller = scripted()
    outbox.conclude("1.2.1", "ris")
    assert verbs.due(outbox.ledger, "ris", NOW, 25) is not None
    assert telling_round(teller).run_once(NOW - HOUR) == 1
    assert replace(teller.told[0]).study_uid == "1.2.1"
