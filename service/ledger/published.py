"""What stands published of a study: a result set, the objects in it, and the reports it superseded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from service.domain.delivery import Dialect, Form, ObjectKind, ResultObject
from service.domain.ids import SopUid
from service.domain.verdict import StudyVerdict
from service.ledger.codec import from_json
from service.ledger.tables import result_objects, result_sets


@dataclass(frozen=True, kw_only=True)
class PublishedSet:
    """The result set that stands: what it says, what it holds, and the reports before it, the newest of each form."""

    verdict: StudyVerdict
    objects: tuple[ResultObject, ...]
    earlier_reports: tuple[ResultObject, ...]

    @property
    def forms(self) -> frozenset[Form]:
        """Return the forms it was made in."""
        return frozenset(one.form for one in self.objects)

    @property
    def reports(self) -> tuple[ResultObject, ...]:
        """Return what a new report of each form supersedes."""
        mine = [one for one in self.objects if one.kind is ObjectKind.SR]
        known = {one.form for one in mine}
        return (*mine, *(one for one in self.earlier_reports if one.form not in known))


def standing(connection: Connection, result_set: int | None) -> PublishedSet | None:
    """Give the result set of this number with what came before it."""
    row = connection.execute(select(result_sets).where(result_sets.c.id == result_set)).first()
    if row is None:
        return None
    return PublishedSet(
        verdict=from_json(StudyVerdict, row.verdict),
        objects=objects_of(connection, row.id),
        earlier_reports=tuple(_earlier_reports(connection, row.predecessor).values()),
    )


def objects_of(connection: Connection, result_set: int) -> tuple[ResultObject, ...]:
    """Give the objects of a result set, the first of each kind first."""
    mine = select(result_objects).where(result_objects.c.result_set == result_set).order_by(result_objects.c.number)
    return tuple(result_object(row) for row in connection.execute(mine))


def _earlier_reports(connection: Connection, result_set: int | None) -> dict[Form, ResultObject]:
    """Walk back from set to set and keep the first report met of each form."""
    found: dict[Form, ResultObject] = {}
    while result_set is not None:
        for one in objects_of(connection, result_set):
            if one.kind is ObjectKind.SR:
                found.setdefault(one.form, one)
        result_set = connection.scalar(select(result_sets.c.predecessor).where(result_sets.c.id == result_set))
    return found


def result_object(row: Any) -> ResultObject:
    """Turn a row into the noun."""
    return ResultObject(
        sop_uid=SopUid(row.sop_uid),
        sop_class=row.sop_class,
        series_uid=row.series_uid,
        kind=ObjectKind(row.kind),
        content_hash=row.content_hash,
        number=row.number,
        dialect=Dialect(row.dialect) if row.dialect else None,
    )
