"""The corridor in a few lines: read what is unread, and when the series is whole, conclude and publish."""

from __future__ import annotations

import time

from service.domain.ids import SeriesUid
from service.domain.job import Job
from service.domain.reading import SliceKey, SliceReading
from service.domain.scan import StoredInstance
from service.domain.verdict import SeriesConclusion
from service.ledger import conclusions, jobs, readings, scans
from service.ledger.book import Ledger
from service.ledger.conclusions import Outcome, StudyView
from service.ledger.scans import SeriesView
from service.settings import WorkSettings
from service.worker.conclude import conclude_one, conclude_whole, hopeless
from service.worker.desk import WorkerDesk
from service.worker.gather import Material
from service.worker.publish import publication_of


def walk(ledger: Ledger, desk: WorkerDesk, settings: WorkSettings, job: Job) -> None:
    """Take a job as far as it goes now; every step may run twice."""
    series = scans.view(ledger, job.series_uid)
    read = _read(ledger, desk, settings, job, series)
    if not series.complete:
        return jobs.release(ledger, job, time.time())
    conclusion = conclude_one(desk, series.instances, read, series.evidence, series.series_uid)
    seen = conclusions.view(ledger, job.study_uid)
    verdict = conclude_whole(desk, job.study_uid, _with(seen, conclusion))
    jobs.heartbeat(ledger, job, time.time() + settings.lease_seconds)
    material = Material(verdict=verdict, instances=_instances(ledger, verdict.conclusions), readings=read)
    publication = publication_of(ledger, desk, seen, material, time.time())
    wanted = {one.name: one.forms for one in desk.destinations}
    outcome = Outcome(seen=seen, verdict=verdict, publication=publication, wanted=wanted, addressees=desk.addressees)
    return conclusions.finish(ledger, job, outcome, time.time())


def _read(
    ledger: Ledger, desk: WorkerDesk, settings: WorkSettings, job: Job, series: SeriesView
) -> dict[SliceKey, SliceReading]:
    """Return the series' readings, making and keeping the missing ones; none for a series that is no head CT.

    While others still arrive, a slice whose neighbours may yet change is left for later.
    """
    if hopeless(desk, series.instances):
        return {}
    known = readings.of_series(ledger, series.series_uid, desk.pack.pack_hash)
    sights = [one for one in desk.slices.sights(series.instances) if one.settled or series.complete]
    for batch in desk.slices.read(sights, known.keys()):
        readings.keep(ledger, series.series_uid, batch, time.time())
        known |= {one.key: one for one in batch}
        jobs.heartbeat(ledger, job, time.time() + settings.lease_seconds)
    return known


def _with(seen: StudyView, mine: SeriesConclusion) -> tuple[SeriesConclusion, ...]:
    together = seen.conclusions | {mine.series_uid: mine}
    return tuple(together[uid] for uid in sorted(together))


def _instances(ledger: Ledger, concluded: tuple[SeriesConclusion, ...]) -> dict[SeriesUid, tuple[StoredInstance, ...]]:
    analysed = [one.series_uid for one in concluded if one.slices]
    return {uid: scans.view(ledger, uid).instances for uid in analysed}
