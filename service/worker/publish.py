"""A changed answer becomes files in the store and a publication for the ledger; an unchanged one becomes nothing."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from service.dicom.part10 import read_file
from service.domain.delivery import ResultObject
from service.domain.ids import SeriesUid, SopUid
from service.domain.pack import PackFacts
from service.domain.reading import SliceKey, SliceReading
from service.domain.scan import StoredInstance
from service.domain.verdict import SeriesConclusion, SliceScore, StudyVerdict
from service.ledger import readings
from service.ledger.book import Ledger
from service.ledger.conclusions import Publication, StudyView
from service.outputs.render import render
from service.outputs.source import (
    KeySlice,
    Predecessor,
    Reference,
    RenderedObject,
    ResultSource,
    SourceSeries,
)
from service.worker.desk import WorkerDesk

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Material:
    """What a publication is made from."""

    verdict: StudyVerdict
    seen: StudyView
    instances: Mapping[SeriesUid, tuple[StoredInstance, ...]]
    readings: Mapping[SliceKey, SliceReading]


def publication_of(ledger: Ledger, desk: WorkerDesk, material: Material, made_at: float) -> Publication | None:
    """Render and keep the result objects, unless a reader of the old ones would notice no change."""
    answer = answer_of(material.verdict, desk)
    if answer == material.seen.published_answer or material.verdict.leading_series not in material.instances:
        return None
    source = source_of(ledger, desk, material)
    rendered = render(material.verdict, source, _predecessor(material.seen), made_at)
    objects = tuple(_keep(desk, one) for one in rendered)
    return Publication(answer=answer, objects=objects) if objects else None


def answer_of(verdict: StudyVerdict, desk: WorkerDesk) -> str:
    """Name what would make a new result set worth sending: another answer, or another pack that read some of it."""
    packs = {one.pack_hash for one in verdict.conclusions if one.slices} or {desk.pack.pack_hash}
    return hashlib.sha256(f"{verdict.answer}|{'+'.join(sorted(packs))}".encode()).hexdigest()


def source_of(ledger: Ledger, desk: WorkerDesk, material: Material) -> ResultSource:
    """Gather headers, key slices and references from the store."""
    verdict = material.verdict
    lead = next(one for one in verdict.conclusions if one.series_uid == verdict.leading_series)
    by_uid = {one.sop_uid: one for one in material.instances[lead.series_uid]}
    maps = readings.of_series(ledger, lead.series_uid, lead.pack_hash) | dict(material.readings)
    return ResultSource(
        header=read_file(desk.store.path(by_uid[lead.slices[0].sop_uid].content_hash), pixels=False),
        key_slices=tuple(_key_slice(desk, lead.slices[at], by_uid, maps) for at in lead.key_slices),
        referenced=tuple(
            _references(one, material.instances[one.series_uid]) for one in verdict.conclusions if one.slices
        ),
        pack=_pack_of(desk, lead, maps),
    )


def _pack_of(desk: WorkerDesk, lead: SeriesConclusion, maps: Mapping[SliceKey, SliceReading]) -> PackFacts:
    """Name the pack that read the leading series: after a switch that may still be the one before."""
    if lead.pack_hash == desk.pack.pack_hash:
        return desk.pack
    labels = tuple(label for label, _ in maps[lead.slices[lead.key_slices[0]].key].probabilities)
    return replace(desk.pack, name=lead.pack_name, version=lead.pack_version, pack_hash=lead.pack_hash, labels=labels)


def _key_slice(
    desk: WorkerDesk,
    score: SliceScore,
    by_uid: Mapping[SopUid, StoredInstance],
    maps: Mapping[SliceKey, SliceReading],
) -> KeySlice:
    instance = by_uid[score.sop_uid]
    pixels = desk.slices.hounsfield(instance, score.frame)
    reading = maps[score.key]
    return KeySlice(
        score=score,
        hu=np.asarray(pixels.hu, np.float32),
        row_mm=pixels.row_mm,
        column_mm=pixels.col_mm,
        activation=reading.activation,
        header=read_file(desk.store.path(instance.content_hash), pixels=False),
    )


def _references(conclusion: SeriesConclusion, instances: tuple[StoredInstance, ...]) -> SourceSeries:
    """Name the instances the verdict rests on, in anatomical order."""
    classes = {one.sop_uid: one.header.sop_class for one in instances}
    unique = dict.fromkeys(one.sop_uid for one in conclusion.slices)
    return SourceSeries(
        series_uid=conclusion.series_uid,
        instances=tuple(Reference(sop_class=classes[uid], sop_uid=uid) for uid in unique),
    )


def _predecessor(seen: StudyView) -> Predecessor | None:
    report = seen.published_sr
    if report is None:
        return None
    return Predecessor(
        study_uid=seen.study_uid,
        series_uid=SeriesUid(report.series_uid),
        sop_class=report.sop_class,
        sop_uid=report.sop_uid,
    )


def _keep(desk: WorkerDesk, one: RenderedObject) -> ResultObject:
    content_hash = hashlib.sha256(one.payload).hexdigest()
    desk.store.keep([one.payload], content_hash)
    return ResultObject(
        sop_uid=one.sop_uid,
        sop_class=one.sop_class,
        series_uid=one.series_uid,
        kind=one.kind,
        content_hash=content_hash,
        number=one.number,
    )
