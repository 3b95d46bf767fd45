"""A series as people scroll it: its images beside what was concluded of them, and one image by its content."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from service.domain.ids import SeriesUid
from service.domain.reading import SliceReading
from service.domain.scan import StoredInstance
from service.domain.verdict import SeriesConclusion, SliceScore
from service.ledger import readings
from service.ledger.book import Ledger
from service.ledger.codec import from_json
from service.ledger.scans import instances_of, stored_instance
from service.ledger.tables import instances, series


@dataclass(frozen=True, kw_only=True)
class SeriesPile:
    """A series of a study: what came so far, and what was concluded of it."""

    series_uid: SeriesUid
    study_uid: str
    modality: str
    description: str
    state: str
    instances: tuple[StoredInstance, ...]
    conclusion: SeriesConclusion | None


@dataclass(frozen=True, kw_only=True)
class ReadSlice:
    """One slice of a concluded series: the score that stands, and what the reader made of its pixels."""

    score: SliceScore
    reading: SliceReading


def pile(ledger: Ledger, study_uid: str, series_uid: str) -> SeriesPile | None:
    """Give a series with everything that came; None when the study has no such series."""
    with ledger.reading() as db:
        row = _series(db, study_uid, series_uid)
        if row is None:
            return None
        return SeriesPile(
            series_uid=SeriesUid(series_uid),
            study_uid=study_uid,
            modality=row.modality,
            description=row.description,
            state=row.state,
            instances=instances_of(db, series_uid),
            conclusion=from_json(SeriesConclusion, row.conclusion) if row.conclusion else None,
        )


def image(ledger: Ledger, study_uid: str, series_uid: str, content_hash: str) -> StoredInstance | None:
    """Give one image of a series by its content; None when the series has none such."""
    query = (
        select(instances)
        .join(series, series.c.series_uid == instances.c.series_uid)
        .where(series.c.study_uid == study_uid, series.c.series_uid == series_uid)
        .where(instances.c.content_hash == content_hash)
    )
    with ledger.reading() as db:
        row = db.execute(query).first()
    return stored_instance(row) if row else None


def read_slice(ledger: Ledger, found: StoredInstance, study_uid: str, frame: int) -> ReadSlice | None:
    """Give what the standing conclusion says of one frame, with the reading behind it; None when it was not read."""
    with ledger.reading() as db:
        row = _series(db, study_uid, found.series_uid)
        if row is None or row.conclusion is None:
            return None
        score = _score(row.conclusion, found.sop_uid, frame)
        reading = readings.one(db, score.key, row.conclusion["pack_hash"]) if score else None
    return ReadSlice(score=score, reading=reading) if score and reading else None


def _series(db: Connection, study_uid: str, series_uid: str) -> Any:
    mine = (series.c.series_uid == series_uid) & (series.c.study_uid == study_uid)
    return db.execute(select(series).where(mine)).first()


def _score(concluded: dict[str, Any], sop_uid: str, frame: int) -> SliceScore | None:
    """Pick one score before decoding it: a thin stack has hundreds."""
    mine = (one for one in concluded["slices"] if one["sop_uid"] == sop_uid and one["frame"] == frame)
    kept = next(mine, None)
    return from_json(SliceScore, kept) if kept else None
