"""Slice readings: made once per slice, shown pixels and pack, and kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from service.domain.ids import PackHash, PixelsHash, SopUid
from service.domain.reading import ActivationMap, HeadLook, SliceKey, SliceReading
from service.ledger.book import Ledger
from service.ledger.codec import from_json, to_json
from service.ledger.tables import readings


def keep(ledger: Ledger, series_uid: str, batch: Sequence[SliceReading], now: float) -> None:
    """Keep readings; one that is there already stays as it is."""
    if not batch:
        return
    with ledger.writing() as connection:
        statement = _insert(connection).on_conflict_do_nothing()
        connection.execute(statement, [_row(one, series_uid, now) for one in batch])


def of_series(ledger: Ledger, series_uid: str, pack_hash: str) -> dict[SliceKey, SliceReading]:
    """Give what this pack has read of the series."""
    with ledger.reading() as connection:
        rows = connection.execute(
            select(readings).where(readings.c.series_uid == series_uid, readings.c.pack_hash == pack_hash)
        )
        found = [_reading(row) for row in rows]
    return {one.key: one for one in found}


def one(connection: Connection, key: SliceKey, pack_hash: str) -> SliceReading | None:
    """Give one reading."""
    sop_uid, frame, pixels_hash = key
    where = (readings.c.sop_uid == sop_uid) & (readings.c.frame == frame)
    same = (readings.c.pixels_hash == pixels_hash) & (readings.c.pack_hash == pack_hash)
    row = connection.execute(select(readings).where(where, same)).first()
    return _reading(row) if row else None


def _insert(connection: Connection) -> Any:
    dialects = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
    return dialects.get(connection.dialect.name, insert)(readings)


def _row(one: SliceReading, series_uid: str, now: float) -> dict[str, Any]:
    shape = one.activation
    facts = {
        "probabilities": list(one.probabilities),
        "look": to_json(one.look) if one.look else None,
        "problem": one.problem,
        "activation": {"size": (shape.labels, shape.rows, shape.columns), "region": shape.region} if shape else None,
    }
    return {
        "sop_uid": one.sop_uid,
        "frame": one.frame,
        "pixels_hash": one.pixels_hash,
        "pack_hash": one.pack_hash,
        "series_uid": series_uid,
        "facts": facts,
        "features": one.features,
        "activation": shape.data if shape else b"",
        "read_at": now,
    }


def _reading(row: Any) -> SliceReading:
    facts = row.facts
    return SliceReading(
        sop_uid=SopUid(row.sop_uid),
        frame=row.frame,
        pixels_hash=PixelsHash(row.pixels_hash),
        pack_hash=PackHash(row.pack_hash),
        probabilities=tuple((label, value) for label, value in facts["probabilities"]),
        features=row.features,
        activation=_activation(facts["activation"], row.activation),
        look=from_json(HeadLook, facts["look"]) if facts["look"] else None,
        problem=facts["problem"],
    )


def _activation(shape: dict[str, Any] | None, data: bytes) -> ActivationMap | None:
    if shape is None:
        return None
    labels, rows, columns = shape["size"]
    top, left, bottom, right = shape["region"]
    return ActivationMap(labels=labels, rows=rows, columns=columns, region=(top, left, bottom, right), data=data)
