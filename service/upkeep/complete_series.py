"""Open series are judged again whenever the answer can have changed; a complete one wakes its job."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from service.assembly.rules import SeriesFacts, Visits, ask_at, facts_of, judge, next_check_at
from service.ledger import scans
from service.ledger.book import Ledger
from service.ledger.scans import SeriesGlance
from service.settings import CompletionSettings

log = logging.getLogger(__name__)
#: asks a query peer how many instances a series has: (study UID, series UID) -> count or None
AskPeer = Callable[[str, str], int | None]


@dataclass(frozen=True)
class _Seen:
    glance: SeriesGlance
    facts: SeriesFacts
    look_again_at: float


class CompleteSeries:
    """Remembers what it saw, so that a waiting series costs one row and no arithmetic."""

    def __init__(self, ledger: Ledger, settings: CompletionSettings, ask_peer: AskPeer | None = None) -> None:
        self._ledger = ledger
        self._settings = settings
        self._ask_peer = ask_peer
        self._seen: dict[str, _Seen] = {}
        self._asking: set[str] = set()
        #: the version of a series that the peers were asked about, answer or not
        self._asked: dict[str, int] = {}

    def sweep(self, now: float) -> int:
        """Judge what is due; return how many series became complete."""
        glances = scans.open_series(self._ledger)
        kept = {one.series_uid for one in glances}
        self._seen = {uid: seen for uid, seen in self._seen.items() if uid in kept}
        self._asked = {uid: version for uid, version in self._asked.items() if uid in kept}
        return sum(self._try(glance, now) for glance in glances)

    def _try(self, glance: SeriesGlance, now: float) -> bool:
        """Look; a series that cannot be judged must not hold up the others."""
        try:
            return self._look(glance, now)
        except Exception:
            log.exception("series %s cannot be judged", glance.series_uid)
            return False

    def _look(self, glance: SeriesGlance, now: float) -> bool:
        seen = self._seen.get(glance.series_uid)
        if seen is None or seen.glance != glance:
            seen = self._remember(glance)
        self._ask(seen, now)
        if glance.series_uid in self._asking:
            return False  # a count is on its way; asking takes seconds at most
        # a clock set back must not let a series wait for ever
        if glance.last_arrival_at <= now < seen.look_again_at:
            return False
        evidence = judge(seen.facts, self._settings, now)
        if evidence is None or not scans.complete(self._ledger, glance, evidence, now):
            return False
        log.info("series %s complete: %s", glance.series_uid, evidence.sentence)
        return True

    def _remember(self, glance: SeriesGlance) -> _Seen:
        visits = Visits(
            ends=glance.association_ends,
            last_arrival_at=glance.last_arrival_at,
            last_closed_at=glance.last_association_closed_at,
        )
        facts = facts_of(scans.view(self._ledger, glance.series_uid).instances, visits, glance.queried)
        seen = _Seen(glance, facts, next_check_at(facts, self._settings))
        self._seen[glance.series_uid] = seen
        return seen

    def _ask(self, seen: _Seen, now: float) -> None:
        """Ask the query peers once per standstill, beside the sweep: a slow peer delays nobody."""
        glance, due = seen.glance, ask_at(seen.facts, self._settings)
        answered = glance.queried_at is not None and glance.queried_at >= glance.last_arrival_at
        asked = self._asked.get(glance.series_uid) == glance.version
        if self._ask_peer is None or answered or asked or due is None or now < due:
            return
        self._asked[glance.series_uid] = glance.version
        self._asking.add(glance.series_uid)
        threading.Thread(target=self._keep_answer, args=(self._ask_peer, glance), name="ask-peer", daemon=True).start()

    def _keep_answer(self, ask_peer: AskPeer, glance: SeriesGlance) -> None:
        try:
            count = ask_peer(glance.study_uid, glance.series_uid)
            scans.answer_of_peer(self._ledger, glance.series_uid, count, time.time())
        except Exception:
            log.exception("the query peers could not be asked about series %s", glance.series_uid)
        finally:
            self._asking.discard(glance.series_uid)
