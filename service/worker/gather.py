"""A verdict and what it rests on become the source of result objects, from the store or from a folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from service.dicom.part10 import read_file
from service.domain.ids import SeriesUid
from service.domain.pack import PackFacts
from service.domain.reading import SliceKey, SliceReading
from service.domain.scan import StoredInstance
from service.domain.verdict import SeriesConclusion, SliceScore, StudyVerdict
from service.inference.ports import PixelFiles
from service.outputs.rules import leading
from service.outputs.source import KeySlice, Reference, ResultSource, SourceSeries
from service.worker.desk import Desk


@dataclass(frozen=True, kw_only=True)
class Material:
    """What result objects are made from."""

    verdict: StudyVerdict
    instances: Mapping[SeriesUid, tuple[StoredInstance, ...]]
    readings: Mapping[SliceKey, SliceReading]


def gather(desk: Desk, files: PixelFiles, material: Material) -> ResultSource:
    """Gather headers, key slices and references; the verdict must have a leading series."""
    verdict, maps = material.verdict, material.readings
    lead = leading(verdict)
    assert lead is not None
    by_uid = {one.sop_uid: one for one in material.instances[lead.series_uid]}
    shown = [lead.slices[at] for at in lead.key_slices]
    return ResultSource(
        header=read_file(files.path(by_uid[lead.slices[0].sop_uid].content_hash), pixels=False),
        key_slices=tuple(_key_slice(desk, files, one, (by_uid[one.sop_uid], maps[one.key])) for one in shown),
        referenced=tuple(
            _references(one, material.instances[one.series_uid]) for one in verdict.conclusions if one.slices
        ),
        pack=_pack_of(desk, lead, maps),
    )


def _pack_of(desk: Desk, lead: SeriesConclusion, maps: Mapping[SliceKey, SliceReading]) -> PackFacts:
    """Name the pack that read the leading series: after a switch that may still be the one before."""
    if lead.pack_hash == desk.pack.pack_hash:
        return desk.pack
    labels = tuple(label for label, _ in maps[lead.slices[lead.key_slices[0]].key].probabilities)
    return replace(desk.pack, name=lead.pack_name, version=lead.pack_version, pack_hash=lead.pack_hash, labels=labels)


def _key_slice(
    desk: Desk, files: PixelFiles, score: SliceScore, found: tuple[StoredInstance, SliceReading]
) -> KeySlice:
    instance, reading = found
    pixels = desk.slices.hounsfield(instance, score.frame)
    return KeySlice(
        score=score,
        hu=np.asarray(pixels.hu, np.float32),
        row_mm=pixels.row_mm,
        column_mm=pixels.col_mm,
        activation=reading.activation,
        header=read_file(files.path(instance.content_hash), pixels=False),
    )


def _references(conclusion: SeriesConclusion, instances: tuple[StoredInstance, ...]) -> SourceSeries:
    """Name the instances the verdict rests on, in anatomical order."""
    classes = {one.sop_uid: one.header.sop_class for one in instances}
    unique = dict.fromkeys(one.sop_uid for one in conclusion.slices)
    return SourceSeries(
        series_uid=conclusion.series_uid,
        instances=tuple(Reference(sop_class=classes[uid], sop_uid=uid) for uid in unique),
    )
