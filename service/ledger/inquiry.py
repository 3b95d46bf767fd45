"""The reading list for queries from outside: the studies that may match, in order, a page at a time off the index."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Select, func, or_, select

from service.domain.verdict import Priority, Verdict
from service.ledger.book import Ledger
from service.ledger.conclusions import URGENCY
from service.ledger.listing import PLACE, ListedStudy, Mark, behind, listed, mark_of
from service.ledger.tables import instances, result_objects, result_sets, series, studies

#: one transaction reads so many; nothing is held open while a slow peer takes its answers
PAGE = 100


@dataclass(frozen=True, kw_only=True)
class Inquiry:
    """What part of the list may match; each field only narrows, and who asks decides the rest."""

    flagged: bool = False
    study_uids: tuple[str, ...] = ()
    patient_id: str = ""
    accession_number: str = ""
    #: a LIKE pattern that no matching name misses
    name_like: str = ""
    #: YYYYMMDD, inclusive; empty ends are open
    first_date: str = ""
    last_date: str = ""
    priority: Priority | None = None
    #: settled studies that arrived before are left out
    since: float = 0.0
    #: only studies with a published result set
    published: bool = False


@dataclass(frozen=True, kw_only=True)
class AskedStudy:
    """One study of the list with what a query may ask for beside it."""

    study: ListedStudy
    modalities: tuple[str, ...] = ()
    series: int = 0
    objects: int = 0
    fingerprint: str = ""
    leading_series: str = ""


@dataclass(frozen=True, kw_only=True)
class AskedSeries:
    """One received series."""

    series_uid: str
    modality: str
    description: str
    number: int | None
    objects: int


@dataclass(frozen=True, kw_only=True)
class References:
    """Objects of one series: (SOP class, SOP instance)."""

    series_uid: str
    objects: tuple[tuple[str, str], ...] = field(default=())


def studies_in_order(ledger: Ledger, inquiry: Inquiry) -> Iterator[AskedStudy]:
    """Give what may match, most urgent first; a study that changes its place meanwhile is given once."""
    seen: set[str] = set()
    mark: Mark | None = None
    while True:
        page = _page(ledger, inquiry, mark)
        fresh = [one for one in page if one.study.study_uid not in seen]
        seen.update(one.study.study_uid for one in fresh)
        yield from fresh
        if len(page) < PAGE:
            return
        mark = mark_of(page[-1].study)


def page_query(inquiry: Inquiry, mark: Mark | None) -> Select[Any]:
    """Return the statement behind one page."""
    query = select(studies, result_sets.c.fingerprint, result_sets.c.verdict["leading_series"].label("leading"))
    query = query.join(
        result_sets, result_sets.c.id == studies.c.published_set, isouter=not inquiry.published
    ).order_by(*PLACE)
    if mark:
        query = query.where(behind(mark))
    return _narrowed(query, inquiry).limit(PAGE)


def _narrowed(query: Select[Any], inquiry: Inquiry) -> Select[Any]:
    date = studies.c.header["study_date"].as_string()
    looked_up = inquiry.study_uids or inquiry.patient_id or inquiry.accession_number
    conditions = {
        studies.c.verdict == Verdict.POSITIVE.value: inquiry.flagged,
        # who is flagged stands on top: the index ends there, unless another one leads to the few that are named
        studies.c.urgency == URGENCY[Priority.HIGH]: inquiry.flagged and not looked_up,
        studies.c.study_uid.in_(inquiry.study_uids): inquiry.study_uids,
        studies.c.patient_id == inquiry.patient_id: inquiry.patient_id,
        studies.c.accession_number == inquiry.accession_number: inquiry.accession_number,
        studies.c.patient["name"].as_string().ilike(inquiry.name_like, escape="\\"): inquiry.name_like,
        date >= inquiry.first_date: inquiry.first_date,
        date <= inquiry.last_date: inquiry.last_date,
        studies.c.urgency == URGENCY[inquiry.priority or Priority.HIGH]: inquiry.priority,
        or_(studies.c.settled == 0, studies.c.received_at >= inquiry.since): inquiry.since,
    }
    for condition, wanted in conditions.items():
        query = query.where(condition) if wanted else query
    return query


def _page(ledger: Ledger, inquiry: Inquiry, mark: Mark | None) -> list[AskedStudy]:
    with ledger.reading() as db:
        rows = db.execute(page_query(inquiry, mark)).mappings().all()
        counts = _counts(db, [row["study_uid"] for row in rows])
    return [_asked(row, counts.get(row["study_uid"], [])) for row in rows]


def _counts(db: Connection, study_uids: list[str]) -> dict[str, list[Any]]:
    if not study_uids:
        return {}
    columns = (series.c.study_uid, series.c.modality, series.c.received)
    found: dict[str, list[Any]] = {}
    for row in db.execute(select(*columns).where(series.c.study_uid.in_(study_uids))):
        found.setdefault(row.study_uid, []).append(row)
    return found


def _asked(row: Any, members: list[Any]) -> AskedStudy:
    return AskedStudy(
        study=listed(row),
        modalities=tuple(sorted({one.modality for one in members if one.modality})),
        series=len(members),
        objects=sum(one.received for one in members),
        fingerprint=row["fingerprint"] or "",
        leading_series=row["leading"] or "",
    )


def studies_published_as(ledger: Ledger, prefix: str) -> dict[str, str]:
    """Find studies by the start of their results' fingerprint: study UID by fingerprint."""
    begins = result_sets.c.fingerprint.between(prefix, prefix + "g")
    with ledger.reading() as db:
        rows = db.execute(select(result_sets.c.fingerprint, result_sets.c.study_uid).where(begins)).all()
    return {row.fingerprint: row.study_uid for row in rows}


def series_of(ledger: Ledger, study_uid: str) -> list[AskedSeries]:
    """Give the received series of a study, in the order they came."""
    number = (
        select(func.min(instances.c.header["series_number"].as_integer()))
        .where(instances.c.series_uid == series.c.series_uid)
        .scalar_subquery()
    )
    query = select(series, number.label("number")).where(series.c.study_uid == study_uid)
    with ledger.reading() as db:
        rows = db.execute(query.order_by(series.c.first_arrival_at, series.c.series_uid)).all()
    return [
        AskedSeries(
            series_uid=row.series_uid,
            modality=row.modality,
            description=row.description,
            number=row.number,
            objects=row.received,
        )
        for row in rows
    ]


def references_of(ledger: Ledger, asked: AskedStudy) -> list[References]:
    """Give what a reader of the study needs: the series its answer rests on, and the results that stand."""
    received = select(
        instances.c.series_uid, instances.c.header["sop_class"].as_string().label("sop_class"), instances.c.sop_uid
    ).where(instances.c.series_uid == asked.leading_series)
    made = (
        select(result_objects.c.series_uid, result_objects.c.sop_class, result_objects.c.sop_uid)
        .join(studies, studies.c.published_set == result_objects.c.result_set)
        .where(studies.c.study_uid == asked.study.study_uid)
        .order_by(result_objects.c.number)
    )
    found: dict[str, list[tuple[str, str]]] = {}
    with ledger.reading() as db:
        for query in (received.order_by(instances.c.sop_uid), made):
            for row in db.execute(query):
                found.setdefault(row.series_uid, []).append((row.sop_class, row.sop_uid))
    return [References(series_uid=uid, objects=tuple(objects)) for uid, objects in found.items()]
