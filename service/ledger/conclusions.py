"""Concluding a study: verdict, result objects, outbox rows and the job's end commit together or not at all."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select, update

from service.domain.delivery import DeliveryState, Form, ResultObject
from service.domain.ids import SeriesUid, StudyUid
from service.domain.job import Job, JobEvent
from service.domain.notice import Addressee, news_of
from service.domain.scan import Patient, StudyHeader
from service.domain.verdict import Priority, SeriesConclusion, StudyVerdict, Verdict
from service.errors import StaleStudy
from service.ledger import notices
from service.ledger.book import Ledger
from service.ledger.codec import from_json, to_json
from service.ledger.jobs import require_lease, settle
from service.ledger.published import PublishedSet, objects_of, standing
from service.ledger.studies import note, refresh_state
from service.ledger.tables import deliveries, result_objects, result_sets, series, studies

URGENCY = {Priority.HIGH: 0, Priority.MEDIUM: 1, Priority.LOW: 2}


@dataclass(frozen=True, kw_only=True)
class StudyView:
    """What a conclusion of the study builds on, as it stood at ``version``."""

    study_uid: StudyUid
    version: int
    patient: Patient
    header: StudyHeader
    conclusions: dict[SeriesUid, SeriesConclusion]
    published_answer: str | None
    published_set: int | None
    published: PublishedSet | None


@dataclass(frozen=True, kw_only=True)
class Publication:
    """A result set to be sent, or further forms of the one that stands; ``verdict`` is the one it tells."""

    answer: str
    verdict: StudyVerdict
    objects: tuple[ResultObject, ...]
    #: asked for and fitting, but the source did not let them be made
    unmade: tuple[Form, ...] = ()


def view(ledger: Ledger, study_uid: str) -> StudyView:
    """Give the study with what its other series came to."""
    with ledger.reading() as connection:
        row = connection.execute(select(studies).where(studies.c.study_uid == study_uid)).one()
        concluded = connection.execute(
            select(series.c.series_uid, series.c.conclusion).where(
                series.c.study_uid == study_uid, series.c.conclusion.is_not(None)
            )
        ).all()
        return StudyView(
            study_uid=StudyUid(study_uid),
            version=row.version,
            patient=from_json(Patient, row.patient),
            header=from_json(StudyHeader, row.header),
            conclusions={
                SeriesUid(one.series_uid): from_json(SeriesConclusion, one.conclusion)
                for one in concluded
                if one.conclusion
            },
            published_answer=row.published_answer,
            published_set=row.published_set,
            published=standing(connection, row.published_set),
        )


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a walk ends with; no publication when a reader of the old result would notice no change."""

    seen: StudyView
    verdict: StudyVerdict
    publication: Publication | None
    #: who wants which forms; a destination that is new gets what was published before, too
    wanted: Mapping[str, Collection[Form]]
    #: who is told about the answer beside that
    addressees: tuple[Addressee, ...] = ()


def finish(ledger: Ledger, job: Job, outcome: Outcome, now: float) -> None:
    """Commit the conclusion, its objects, its deliveries, its notices and the job's end; all of it or none."""
    with ledger.writing() as connection:
        require_lease(connection, job)
        _keep_verdict(connection, outcome, now)
        _keep_conclusion(connection, job.series_uid, outcome.verdict)
        published_set = outcome.seen.published_set
        if outcome.publication is not None:
            published_set = _publish(connection, outcome, outcome.publication, now)
        _queue(connection, outcome, _unaddressed(connection, outcome, published_set), now)
        news = news_of(outcome.verdict, now)
        notices.queue(connection, job.study_uid, outcome.verdict.fingerprint, news, outcome.addressees)
        settle(connection, job, JobEvent.FINISH, now)
        refresh_state(connection, job.study_uid)


def _keep_verdict(connection: Connection, outcome: Outcome, now: float) -> None:
    seen, verdict = outcome.seen, outcome.verdict
    done = connection.execute(
        update(studies)
        .where(studies.c.study_uid == seen.study_uid, studies.c.version == seen.version)
        .values(
            version=seen.version + 1,
            verdict=verdict.verdict,
            priority=verdict.priority,
            urgency=URGENCY[verdict.priority],
            probability=verdict.probability,
            why=verdict.why,
            concluded_at=now,
        )
    )
    if not done.rowcount:
        raise StaleStudy("another series of the study was concluded meanwhile")
    note(connection, seen.study_uid, "concluded", verdict.why, now)


def _keep_conclusion(connection: Connection, series_uid: str, verdict: StudyVerdict) -> None:
    mine = next(one for one in verdict.conclusions if one.series_uid == series_uid)
    connection.execute(update(series).where(series.c.series_uid == series_uid).values(conclusion=to_json(mine)))


def _publish(connection: Connection, outcome: Outcome, publication: Publication, now: float) -> int:
    seen = outcome.seen
    result_set = _result_set(connection, seen, publication, now)
    known = set(connection.scalars(select(result_objects.c.sop_uid).where(result_objects.c.result_set == result_set)))
    added = [one for one in publication.objects if one.sop_uid not in known]
    _keep_objects(connection, result_set, added)
    if known and added:
        note(connection, seen.study_uid, "published", f"the same result made as {_named(added)} too", now)
    if publication.unmade:
        text = f"could not be made as {', '.join(one.name for one in publication.unmade)}: the log says why"
        note(connection, seen.study_uid, "not made", text, now)
    connection.execute(
        update(studies)
        .where(studies.c.study_uid == seen.study_uid)
        .values(published_answer=publication.answer, published_set=result_set)
    )
    return result_set


def _result_set(connection: Connection, seen: StudyView, publication: Publication, now: float) -> int:
    verdict = publication.verdict
    same = (result_sets.c.study_uid == seen.study_uid) & (result_sets.c.fingerprint == verdict.fingerprint)
    known = connection.scalar(select(result_sets.c.id).where(same))
    if known is not None:
        return int(known)
    made = connection.execute(
        insert(result_sets).values(
            study_uid=seen.study_uid,
            fingerprint=verdict.fingerprint,
            answer=publication.answer,
            verdict=to_json(verdict),
            predecessor=seen.published_set,
            made_at=now,
        )
    )
    text = (
        "result objects made" if seen.published_set is None else "result objects made; they supersede the earlier ones"
    )
    note(connection, seen.study_uid, "published", text, now)
    key = made.inserted_primary_key
    assert key is not None
    return int(key[0])


def _named(objects: Iterable[ResultObject]) -> str:
    return ", ".join(sorted({one.form.name for one in objects}))


def _keep_objects(connection: Connection, result_set: int, objects: Iterable[ResultObject]) -> None:
    rows = [to_json(one) | {"result_set": result_set} for one in objects]
    if rows:
        connection.execute(insert(result_objects), rows)


def _unaddressed(connection: Connection, outcome: Outcome, published_set: int | None) -> list[tuple[str, str]]:
    """Return what is published but was never addressed to a destination that wants it."""
    published = objects_of(connection, published_set) if published_set is not None else ()
    rows = connection.execute(
        select(deliveries.c.destination, deliveries.c.sop_uid).where(
            deliveries.c.study_uid == outcome.seen.study_uid, deliveries.c.destination.in_(list(outcome.wanted))
        )
    )
    known = {(row.destination, row.sop_uid) for row in rows}
    wishes = ((name, one) for name, forms in outcome.wanted.items() for one in published if one.form in forms)
    return [(name, one.sop_uid) for name, one in wishes if (name, one.sop_uid) not in known]


def _queue(connection: Connection, outcome: Outcome, addressed: Sequence[tuple[str, str]], now: float) -> None:
    rows = [
        {
            "sop_uid": sop_uid,
            "study_uid": outcome.seen.study_uid,
            "destination": destination,
            "state": DeliveryState.QUEUED,
            "rank": 0 if outcome.verdict.verdict is Verdict.POSITIVE else 1,
            "queued_at": now,
            "due_at": now,
        }
        for destination, sop_uid in addressed
    ]
    if rows:
        connection.execute(insert(deliveries), rows)
