"""/metrics: read from the ledger at each scrape, so that every process tells the same; no patient data in labels."""

from __future__ import annotations

from collections.abc import Iterable

from fastapi import APIRouter, Depends, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from service.domain.delivery import DeliveryState
from service.domain.job import JobState
from service.domain.notice import NoticeState
from service.domain.verdict import StudyState
from service.ledger import gauges, pulses
from service.ledger.gauges import BUCKETS, Gauges
from service.worklist.door import reader_door
from service.worklist.health import MOST_UNDELIVERED, take_undelivered
from service.worklist.ports import WorklistPorts
from service.worklist.rules import VITAL_ROLES


class NodeCollector(Collector):
    """Turns the ledger's gauges into metric families."""

    def __init__(self, ports: WorklistPorts) -> None:
        self._ports = ports

    def describe(self) -> Iterable[Metric]:
        """Name nothing beforehand, so that registering does not read the ledger."""
        return []

    def collect(self) -> Iterable[Metric]:
        """Read the ledger once and say everything."""
        count = gauges.gauges(self._ports.ledger)
        yield from _work(count, self._ports.clock())
        yield from self._unproven()
        yield _deliveries(count, [one.name for one in self._ports.settings.destinations])
        yield _notices(count, [one.name for one in self._ports.settings.notice_targets])
        yield self._roles()
        yield GaugeMetricFamily(
            "ichor_disk_free_bytes", "Free space under data_dir.", self._ports.store.free_mb() * 2**20
        )
        yield self._delays()

    def _roles(self) -> Metric:
        alive = [one.role for one in pulses.alive(self._ports.ledger, self._ports.clock())]
        family = GaugeMetricFamily("ichor_processes_alive", "Processes with a fresh sign of life.", labels=["role"])
        for role in sorted({*VITAL_ROLES, "web", *alive}):
            family.add_metric([role], alive.count(role))
        return family

    def _unproven(self) -> Iterable[Metric]:
        found = take_undelivered(self._ports, MOST_UNDELIVERED)
        studies = len({one.study_uid for one in found})
        yield GaugeMetricFamily(
            "ichor_unproven_positives", "Positive studies not proven delivered everywhere.", studies
        )
        age = max(0.0, self._ports.clock() - found[0].queued_at) if found else 0.0
        yield GaugeMetricFamily("ichor_oldest_unproven_positive_seconds", "How long the oldest of them waits.", age)

    def _delays(self) -> Metric:
        name = "ichor_notification_seconds"
        text = "From the first object to the first destination that took the report."
        family = HistogramMetricFamily(name, text, labels=["sender"])
        for one in gauges.delays(self._ports.ledger):
            edges = [(str(edge), float(count)) for edge, count in zip(BUCKETS, one.counts, strict=True)]
            family.add_metric([one.sender], [*edges, ("+Inf", float(one.total))], one.sum_seconds)
        return family


def _work(count: Gauges, now: float) -> Iterable[Metric]:
    yield CounterMetricFamily("ichor_received_objects", "DICOM objects acknowledged and still held.", count.objects)
    family = GaugeMetricFamily("ichor_studies", "Studies by state and verdict.", labels=["state", "verdict"])
    none_yet = {(one.value, ""): 0 for one in StudyState}
    for (state, verdict), number in sorted((none_yet | count.studies).items()):
        family.add_metric([state, verdict or "none"], number)
    yield family
    family = GaugeMetricFamily("ichor_jobs", "Reading jobs by state.", labels=["state"])
    for job in JobState:
        family.add_metric([job], count.jobs.get(job, 0))
    yield family
    waits = 0.0 if count.oldest_unread_at is None else max(0.0, now - count.oldest_unread_at)
    yield GaugeMetricFamily("ichor_oldest_waiting_seconds", "Age of the oldest study not yet read.", waits)
    late = 0.0 if count.oldest_unsent_at is None else max(0.0, now - count.oldest_unsent_at)
    yield GaugeMetricFamily(
        "ichor_unsent_positives", "Positive studies no destination has taken.", count.unsent_positives
    )
    yield GaugeMetricFamily("ichor_oldest_unsent_positive_seconds", "Age of the oldest of these answers.", late)


def _deliveries(count: Gauges, destinations: list[str]) -> Metric:
    family = GaugeMetricFamily("ichor_deliveries", "Deliveries by state.", labels=["destination", "state"])
    for name in sorted({*destinations, *(name for name, _ in count.deliveries)}):
        for state in DeliveryState:
            family.add_metric([name, state], count.deliveries.get((name, state.value), 0))
    return family


def _notices(count: Gauges, targets: list[str]) -> Metric:
    family = GaugeMetricFamily("ichor_notices", "Notices by state.", labels=["target", "state"])
    for name in sorted({*targets, *(name for name, _ in count.notices)}):
        for state in NoticeState:
            family.add_metric([name, state], count.notices.get((name, state.value), 0))
    return family


def metrics_router(ports: WorklistPorts) -> APIRouter:
    """Return the route that Prometheus scrapes, with a reader's token."""
    router = APIRouter()
    registry = CollectorRegistry()
    registry.register(NodeCollector(ports))

    @router.get("/metrics", dependencies=[Depends(reader_door(ports))])
    def metrics() -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return router
