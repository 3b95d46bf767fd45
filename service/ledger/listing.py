"""The reading list as it stands: ordered rows for the page and the API, a page at a time by key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, case, func, literal, or_, select, tuple_

from service.domain.ids import StudyUid
from service.domain.verdict import Priority, StudyState, Verdict
from service.ledger.book import Ledger
from service.ledger.tables import deliveries, series, studies

#: nothing more will happen to these by itself
SETTLED = (StudyState.DONE, StudyState.NOT_ANALYSED)


@dataclass(frozen=True, kw_only=True)
class ListedStudy:
    """One line of the reading list; times are epoch seconds UTC."""

    study_uid: StudyUid
    accession_number: str
    patient: Mapping[str, Any]
    header: Mapping[str, Any]
    sender: str
    state: StudyState
    priority: Priority
    urgency: int
    verdict: Verdict | None
    probability: float | None
    why: str
    received_at: float
    last_arrival_at: float
    concluded_at: float | None
    notified_at: float | None


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A place in the order: after this row the next page begins."""

    urgency: int
    settled: int
    moment: float
    study_uid: str


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What part of the list is asked for; ``since`` hides settled studies that arrived before it."""

    state: StudyState | None = None
    priority: Priority | None = None
    search: str = ""
    since: float | None = None
    limit: int = 50
    after: Mark | None = None


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a study has come: objects received against objects announced, deliveries out against all."""

    received: int = 0
    expected: int | None = None
    delivered: int = 0
    deliveries: int = 0


#: the order of the list, as the index ix_studies_order has it
PLACE = (studies.c.urgency, studies.c.settled, studies.c.moment, studies.c.study_uid)


def list_studies(ledger: Ledger, wish: Wish) -> tuple[list[ListedStudy], Mark | None]:
    """Return one page, most urgent first, and the mark to ask on from; None at the end."""
    query = _filtered(select(studies), wish)
    if wish.after:
        query = query.where(behind(wish.after))
    with ledger.reading() as db:
        rows = db.execute(query.order_by(*PLACE).limit(wish.limit + 1)).mappings().all()
    page = [listed(row) for row in rows[: wish.limit]]
    return page, mark_of(page[-1]) if len(rows) > wish.limit else None


def behind(mark: Mark) -> ColumnElement[bool]:
    """Match what stands behind a place in the order."""
    spot = (literal(mark.urgency), literal(mark.settled), literal(mark.moment), literal(mark.study_uid))
    return tuple_(*PLACE) > tuple_(*spot)


def mark_of(study: ListedStudy) -> Mark:
    """Return where this study stands in the order."""
    settled = study.state in SETTLED
    return Mark(
        urgency=study.urgency,
        settled=int(settled),
        moment=-study.received_at if settled else study.received_at,
        study_uid=study.study_uid,
    )


def count_studies(ledger: Ledger, wish: Wish) -> int:
    """Return how many studies the filters leave, whatever the page."""
    with ledger.reading() as db:
        return int(db.execute(_filtered(select(func.count()).select_from(studies), wish)).scalar_one())


def one_study(ledger: Ledger, study_uid: str) -> ListedStudy | None:
    """Return the line of one study."""
    with ledger.reading() as db:
        row = db.execute(select(studies).where(studies.c.study_uid == study_uid)).mappings().first()
    return listed(row) if row else None


def progress_of(ledger: Ledger, study_uids: list[StudyUid]) -> dict[str, Progress]:
    """Return received against announced counts and deliveries, by study."""
    count_in = select(
        series.c.study_uid,
        func.sum(series.c.received).label("received"),
        func.sum(func.coalesce(series.c.queried, series.c.announced)).label("expected"),
        func.sum(case((func.coalesce(series.c.queried, series.c.announced).is_(None), 1), else_=0)).label("silent"),
    ).where(series.c.study_uid.in_(study_uids))
    count_out = select(
        deliveries.c.study_uid,
        func.count().label("all"),
        func.sum(case((deliveries.c.state.in_(["sent", "committed"]), 1), else_=0)).label("out"),
    ).where(deliveries.c.study_uid.in_(study_uids))
    with ledger.reading() as db:
        came = db.execute(count_in.group_by(series.c.study_uid)).mappings().all()
        went = {row["study_uid"]: row for row in db.execute(count_out.group_by(deliveries.c.study_uid)).mappings()}
    return {row["study_uid"]: _progress(row, went.get(row["study_uid"])) for row in came}


def _progress(came: Any, went: Any) -> Progress:
    whole = came["expected"] if not came["silent"] else None
    return Progress(
        received=int(came["received"] or 0),
        expected=int(whole) if whole else None,
        delivered=int(went["out"]) if went else 0,
        deliveries=int(went["all"]) if went else 0,
    )


def _filtered(query: Select[Any], wish: Wish) -> Select[Any]:
    if wish.state:
        query = query.where(studies.c.state == wish.state.value)
    if wish.priority:
        query = query.where(studies.c.priority == wish.priority.value)
    if wish.since is not None:
        query = query.where(or_(studies.c.settled == 0, studies.c.received_at >= wish.since))
    for word in wish.search.split():
        query = query.where(_speaks_of(word))
    return query


def _speaks_of(word: str) -> ColumnElement[bool]:
    """Match one word in name, patient ID or accession number, or a whole study UID."""
    name = studies.c.patient["name"].as_string()
    columns = (name, studies.c.patient_id, studies.c.accession_number)
    return or_(*[column.icontains(word, autoescape=True) for column in columns], studies.c.study_uid == word)


def listed(row: Any) -> ListedStudy:
    """Turn a row of ``studies`` into the noun."""
    return ListedStudy(
        study_uid=StudyUid(row["study_uid"]),
        accession_number=row["accession_number"],
        patient=row["patient"],
        header=row["header"],
        sender=row["sender"],
        state=StudyState(row["state"]),
        priority=Priority(row["priority"]),
        urgency=row["urgency"],
        verdict=Verdict(row["verdict"]) if row["verdict"] else None,
        probability=row["probability"],
        why=row["why"],
        received_at=row["received_at"],
        last_arrival_at=row["last_arrival_at"],
        concluded_at=row["concluded_at"],
        notified_at=row["notified_at"],
    )
