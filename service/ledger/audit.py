"""Who did what by hand; rows are added and never changed."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, insert, select

from service.ledger.book import Ledger
from service.ledger.tables import audit


@dataclass(frozen=True, kw_only=True)
class Deed:
    """One entry: ``who`` is a user or token name, ``subject`` a study UID, a delivery or a user."""

    at: float
    who: str
    act: str
    subject: str
    text: str = ""


def write(ledger: Ledger, deed: Deed) -> None:
    """Keep the entry before the deed is answered."""
    with ledger.writing() as db:
        db.execute(
            insert(audit).values(
                at=deed.at, who=deed.who[:128], act=deed.act, subject=deed.subject[:128], text=deed.text
            )
        )


def recent(ledger: Ledger, limit: int = 50) -> list[Deed]:
    """Return the newest entries first."""
    with ledger.reading() as db:
        rows = db.execute(select(audit).order_by(audit.c.id.desc()).limit(limit)).mappings().all()
    return [
        Deed(at=row["at"], who=row["who"], act=row["act"], subject=row["subject"], text=row["text"]) for row in rows
    ]


def count_since(ledger: Ledger, act: str, subject: str, since: float) -> int:
    """Return how often something was done to a subject since then."""
    query = select(func.count()).where(audit.c.act == act, audit.c.subject == subject, audit.c.at >= since)
    with ledger.reading() as db:
        return db.execute(query).scalar_one()
