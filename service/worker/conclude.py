"""Readings become a conclusion: suitability, the pack's series scores, the site's rule. No ledger, no clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from service.aggregation.rules import SeriesToConclude, conclude_series, conclude_study
from service.domain.geometry import Geometry, geometry_of
from service.domain.ids import SeriesUid, StudyUid
from service.domain.reading import SliceReading
from service.domain.scan import StoredInstance
from service.domain.series import Evidence
from service.domain.verdict import SeriesConclusion, StudyVerdict
from service.inference.pack import series_findings
from service.ledger.readings import SliceKey
from service.suitability.rules import SeriesToJudge, early_refusal, judge
from service.worker.desk import Desk


def hopeless(desk: Desk, instances: Sequence[StoredInstance]) -> bool:
    """Tell whether the headers alone say that this series is not read; then no slice need be decoded."""
    subject = SeriesToJudge(headers=tuple(one.header for one in instances), geometry=geometry_of(instances))
    return early_refusal(subject, desk.suitability) is not None


def conclude_one(
    desk: Desk,
    instances: Sequence[StoredInstance],
    readings: Mapping[SliceKey, SliceReading],
    evidence: Evidence | None,
    series_uid: SeriesUid,
) -> SeriesConclusion:
    """Conclude one complete series."""
    geometry = geometry_of(instances)
    placed = _in_place(geometry, readings)
    subject = SeriesToJudge(
        headers=tuple(one.header for one in instances),
        geometry=geometry,
        looks=tuple(one.look if one else None for one in placed) if readings else (),
        problems=tuple(one.problem for one in readings.values() if one.problem),
    )
    series = SeriesToConclude(
        series_uid=series_uid,
        modality=instances[0].header.modality,
        description=instances[0].header.series_description,
        geometry=geometry,
        readings=tuple(one for one in placed if one),
        findings=_findings(desk, geometry, placed),
        evidence=evidence,
        checks=judge(subject, desk.suitability),
    )
    return conclude_series(series, desk.pack, desk.policy)


def conclude_whole(desk: Desk, study_uid: StudyUid, conclusions: Sequence[SeriesConclusion]) -> StudyVerdict:
    """Conclude the study from its series."""
    return conclude_study(study_uid, conclusions, desk.policy)


def _in_place(geometry: Geometry, readings: Mapping[SliceKey, SliceReading]) -> list[SliceReading | None]:
    return [readings.get((one.sop_uid, one.frame, one.content_hash)) for one in geometry.slices]


def _findings(desk: Desk, geometry: Geometry, placed: Sequence[SliceReading | None]) -> tuple[tuple[str, float], ...]:
    pairs = [
        (reading, place.place_mm)
        for reading, place in zip(placed, geometry.slices, strict=True)
        if reading and not reading.problem
    ]
    if not pairs:
        return ()
    return series_findings(desk.pack.labels, [one for one, _ in pairs], [place for _, place in pairs])
