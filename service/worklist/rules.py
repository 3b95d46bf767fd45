"""What the list decides by itself: the page mark as text, and what deserves an alarm. Pure."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable
from dataclasses import dataclass

from service.domain.job import JobState
from service.ledger.gauges import Gauges
from service.ledger.listing import Mark
from service.ledger.undelivered import Undelivered
from service.worklist.words import counted, span

#: a positive answer not taken by a destination for this long is an alarm, in seconds
PATIENCE_SECONDS = 60.0
#: what must be alive somewhere for a scan to walk through, and what it means when nothing does
VITAL_ROLES = {
    "receive": "No receiver is alive: scanners cannot send.",
    "read": "No reader is alive: scans arrive but are not read.",
    "deliver": "No deliverer is alive: results do not leave the node.",
    "tend": "No caretaker is alive: retries and completion stand still.",
}


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """One sentence for the strip on top; ``grave`` ones concern a patient now."""

    sentence: str
    grave: bool
    link: str = ""


@dataclass(frozen=True, kw_only=True)
class Health:
    """What the alarm strip and /readyz judge."""

    gauges: Gauges
    roles_alive: frozenset[str]
    free_mb: float
    min_free_mb: float
    destinations: int
    #: flagged studies not yet proven delivered, and for how long that is borne, in seconds
    undelivered: tuple[Undelivered, ...] = ()
    undelivered_patience: float = 600.0


def alarms(health: Health, now: float) -> list[Alarm]:
    """Return what a person must know before trusting the list, gravest first."""
    found = [
        *_positives(health.gauges, now),
        *_unproven(health, now),
        *_roles(health.roles_alive),
        *_room(health),
        *_stuck(health.gauges),
    ]
    if not health.destinations:
        found.append(Alarm(sentence="No destination is configured: results stay on this node.", grave=False))
    return sorted(found, key=lambda one: not one.grave)


def _positives(gauges: Gauges, now: float) -> Iterable[Alarm]:
    if not gauges.unsent_positives:
        return
    waits = now - (gauges.oldest_unsent_at or now)
    sentence = f"{counted(gauges.unsent_positives, 'positive study', 'positive studies')} not yet delivered"
    if waits >= PATIENCE_SECONDS:
        sentence += f", the oldest for {span(waits)}"
    yield Alarm(sentence=sentence + ".", grave=waits >= PATIENCE_SECONDS, link="/?priority=HIGH&period=all")


def overdue(health: Health, now: float) -> list[Undelivered]:
    """Return what somebody has taken, but not everybody, or not proven, for too long; nobody's are the positives'."""
    before = now - health.undelivered_patience
    return [one for one in health.undelivered if one.notified and not one.unprovable and one.queued_at <= before]


def _unproven(health: Health, now: float) -> Iterable[Alarm]:
    late = overdue(health, now)
    if late:
        studies = len({one.study_uid for one in late})
        sentence = f"{counted(studies, 'positive study', 'positive studies')} not proven delivered"
        sentence += f", the oldest for {span(now - late[0].queued_at)}: {late[0].destination}"
        why = f", {late[0].error}" if late[0].error else ""
        yield Alarm(sentence=f"{sentence}{why}.", grave=True, link="/?priority=HIGH&period=all")
    for name in sorted({one.destination for one in health.undelivered if one.unprovable}):
        sentence = f"{name} knows no Storage Commitment: what it takes is sent, not proven; commit = false ends this."
        yield Alarm(sentence=sentence, grave=False)


def _roles(alive: frozenset[str]) -> Iterable[Alarm]:
    return [Alarm(sentence=sentence, grave=True) for role, sentence in VITAL_ROLES.items() if role not in alive]


def _room(health: Health) -> Iterable[Alarm]:
    if health.free_mb < health.min_free_mb:
        sentence = f"The disk is nearly full ({health.free_mb:.0f} MB free): the node refuses new scans."
        yield Alarm(sentence=sentence, grave=True)
    elif health.free_mb < 2 * health.min_free_mb:
        yield Alarm(sentence=f"Disk space runs low: {health.free_mb:.0f} MB free.", grave=False)


def _stuck(gauges: Gauges) -> Iterable[Alarm]:
    failed = gauges.jobs.get(JobState.GIVEN_UP, 0)
    dead = sum(count for (_, state), count in gauges.deliveries.items() if state == "dead")
    silent = sum(count for (_, state), count in gauges.notices.items() if state == "dead")
    if failed:
        sentence = f"Reading failed for {counted(failed, 'series', 'series')}: a person must look."
        yield Alarm(sentence=sentence, grave=True, link="/?state=failed&period=all")
    if dead:
        yield Alarm(sentence=f"{counted(dead, 'delivery', 'deliveries')} given up.", grave=True, link="/queue")
    if silent:
        yield Alarm(sentence=f"{counted(silent, 'notice', 'notices')} given up.", grave=True, link="/queue")


def mark_text(mark: Mark) -> str:
    """Return the mark as one URL-safe word."""
    plain = json.dumps([mark.urgency, mark.settled, mark.moment, mark.study_uid])
    return base64.urlsafe_b64encode(plain.encode()).decode().rstrip("=")


def read_mark(text: str) -> Mark:
    """Return the mark of a word that ``mark_text`` made; ValueError for any other."""
    try:
        padded = text + "=" * (-len(text) % 4)
        urgency, settled, moment, study_uid = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        return Mark(urgency=int(urgency), settled=int(settled), moment=float(moment), study_uid=str(study_uid))
    except (binascii.Error, TypeError, UnicodeError, OverflowError) as problem:
        raise ValueError("not a page mark") from problem
