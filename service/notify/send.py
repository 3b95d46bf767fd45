"""Telling: one notice at a time to each target, and what became of it in the ledger before the next one leaves."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from service.domain.notice import Notice
from service.errors import DestinationDown, LeaseLost, NoticeRefused
from service.ledger import notices
from service.ledger.book import Ledger
from service.notify import rules
from service.notify.letter import letter_of
from service.notify.ports import Messenger
from service.targets import NotifySettings

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Rest:
    """A target that did not answer is left alone until then."""

    until: float
    failures: int


class NoticeRound:
    """What is due, to whom it belongs; give each target its own thread, or all of them one call."""

    def __init__(
        self, messengers: Iterable[Messenger], ledger: Ledger, settings: NotifySettings, public_url: str = ""
    ) -> None:
        self.messengers = {one.target.name: one for one in messengers}
        self.ledger = ledger
        self._settings = settings
        self._public_url = public_url
        self._rests: dict[str, Rest] = {}
        self.jitter: Callable[[], float] = random.random

    def run_once(self, now: float) -> int:
        """Tell each target one thing, where something is due; returns how many notices were handled."""
        return self.bury_orphans(now) + sum(self.tell(name, now) for name in self.messengers)

    def tell(self, name: str, now: float) -> bool:
        """Tell one target the most urgent thing, unless it rests; False when nothing was due."""
        rest = self._rests.get(name)
        if rest is not None and now < rest.until:
            return False
        # looking costs a reader, leasing takes the write lock from the door
        if name not in notices.waiting_targets(self.ledger):
            return False
        messenger = self.messengers[name]
        notice = notices.due(self.ledger, name, now, messenger.target.timeout_seconds + rules.LEASE_MARGIN_SECONDS)
        if notice is not None:
            self._tell(messenger, notice, now)
        return notice is not None

    def bury_orphans(self, now: float) -> int:
        """Declare dead what waits for a target that the settings do not know (any more)."""
        unknown = notices.waiting_targets(self.ledger) - self.messengers.keys()
        return sum(self._bury(name, now) for name in unknown)

    def _bury(self, name: str, now: float) -> int:
        error = f"no target of notices is called {name!r}: put it back and retry, or leave it"
        count = 0
        while (notice := notices.due(self.ledger, name, now, rules.LEASE_MARGIN_SECONDS)) is not None:
            self._record(notices.exhausted, notice, error, now)
            count += 1
        if count:
            log.error("%d notices are dead: %s", count, error)
        return count

    def _tell(self, messenger: Messenger, notice: Notice, began: float) -> None:
        offset = began - time.monotonic()
        try:
            subject = notices.subject_of(self.ledger, notice.study_uid)
            said = messenger.tell(letter_of(notice, subject, messenger.target, self._public_url))
        except NoticeRefused as problem:
            self._rests.pop(notice.target, None)
            self._fail(notice, str(problem), self._pause(notice), offset + time.monotonic())
        except DestinationDown as problem:
            now = offset + time.monotonic()
            self._fail(notice, str(problem), self._rest(notice.target, str(problem), now), now)
        except Exception as problem:
            log.exception("notice %d to %s could not be written", notice.notice_id, notice.target)
            error = f"it could not be written ({type(problem).__name__}): look into the node's log"
            self._fail(notice, error, self._pause(notice), offset + time.monotonic())
        else:
            self._rests.pop(notice.target, None)
            log.info("told %s about study %s %s", notice.target, notice.study_uid, said)
            self._record(notices.accepted, notice, offset + time.monotonic(), said)

    def _pause(self, notice: Notice) -> float:
        return rules.next_pause(notice.attempt, self._settings, self.jitter())

    def _rest(self, name: str, error: str, now: float) -> float:
        before = self._rests.get(name)
        failures = before.failures if before else 0
        pause = rules.rest_of(failures, self._settings, self.jitter())
        log.warning("%s rests for %.0f s: %s", name, pause, error)
        self._rests[name] = Rest(until=now + pause, failures=failures + 1)
        return pause

    def _fail(self, notice: Notice, error: str, pause: float, now: float) -> None:
        log.warning("could not tell %s about study %s: %s", notice.target, notice.study_uid, error)
        if rules.is_exhausted(notice.queued_at, now, self._settings):
            log.error("gave up telling %s about study %s: %s", notice.target, notice.study_uid, error)
            return self._record(notices.exhausted, notice, error, now)
        return self._record(notices.refused, notice, error, now + pause, now)

    def _record(self, verb: Callable[..., None], notice: Notice, *facts: object) -> None:
        try:
            verb(self.ledger, notice, *facts)
        except LeaseLost as problem:
            log.warning("%s", problem)
