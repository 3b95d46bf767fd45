"""Readings become a conclusion: suitability, the pack's series scores, the site's rule. No ledger, no clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from service.aggregation.rules import SeriesToConclude, conclude_series, conclude_study
from service.domain.checks import CheckName, line
from service.domain.geometry import Geometry, geometry_of
from service.domain.ids import SeriesUid, SopUid, StudyUid
from service.domain.reading import SliceKey, SliceReading
from service.domain.scan import StoredInstance
from service.domain.series import Check, Evidence
from service.domain.verdict import SeriesConclusion, StudyVerdict
from service.inference.pack import series_findings
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
    current = _current(desk, instances, readings)
    placed = [current.get((one.sop_uid, one.frame)) for one in geometry.slices]
    subject = SeriesToJudge(
        headers=tuple(one.header for one in instances),
        geometry=geometry,
        looks=tuple(one.look if one else None for one in placed) if readings else (),
        problems=tuple(one.problem for one in current.values() if one.problem),
    )
    refined = _refined(desk, geometry, placed)
    mended = _mended(desk, instances) if readings else ""
    series = SeriesToConclude(
        series_uid=series_uid,
        modality=instances[0].header.modality,
        description=instances[0].header.series_description,
        geometry=geometry,
        readings=tuple(one for one, _ in refined),
        findings=series_findings(desk.pack.labels, *zip(*refined, strict=True)) if refined else (),
        evidence=replace(evidence, sentence=f"{evidence.sentence}; {mended}") if evidence and mended else evidence,
        checks=(*judge(subject, desk.suitability), *_repairs(mended)),
    )
    return conclude_series(series, desk.pack, desk.policy)


def conclude_whole(desk: Desk, study_uid: StudyUid, conclusions: Sequence[SeriesConclusion]) -> StudyVerdict:
    """Conclude the study from its series."""
    return conclude_study(study_uid, conclusions, desk.policy)


def _current(
    desk: Desk, instances: Sequence[StoredInstance], readings: Mapping[SliceKey, SliceReading]
) -> dict[tuple[SopUid, int], SliceReading]:
    """Return the readings that hold now; those made beside other neighbours stay kept, but do not count."""
    found = (readings.get(one.key) for one in desk.slices.sights(instances))
    return {(one.sop_uid, one.frame): one for one in found if one}


def _refined(desk: Desk, geometry: Geometry, placed: Sequence[SliceReading | None]) -> list[tuple[SliceReading, float]]:
    """Return what could be read, ascending and with its place in mm, as the pack's sequence stage sees it."""
    pairs = [
        (reading, place.place_mm)
        for reading, place in zip(placed, geometry.slices, strict=True)
        if reading and not reading.problem
    ]
    places = [place for _, place in pairs]
    return list(zip(desk.slices.refine([one for one, _ in pairs], places), places, strict=True))


def _mended(desk: Desk, instances: Sequence[StoredInstance]) -> str:
    """Say that pixels were mended, when the site asked for it and it happened."""
    count = desk.slices.repaired(instances)
    return f"the 12-bit wrap was undone in {count} of {len(instances)} images before they were read" if count else ""


def _repairs(mended: str) -> tuple[Check, ...]:
    """Put it on the card as well."""
    if not mended:
        return ()
    return (line(CheckName.WRAP, True, mended, "said here when model.repair_wrap mends pixels", ""),)
