"""Probes and metrics over a real ledger."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from service.ledger import tables
from service.settings import DiskSettings
from service.worklist.health import failings

ALL = frozenset({"receive", "read", "deliver", "web", "tend"})


def samples(hospital: Any) -> Callable[..., float | None]:
    text = hospital.client().get("/metrics").text
    found = {
        (one.name, tuple(sorted(one.labels.items()))): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }
    return lambda name, **labels: found.get((name, tuple(sorted(labels.items()))))


def test_ready_when_every_role_of_this_process_lives(hospital: Any) -> None:
    hospital.pulse(*ALL - {"web"})
    client = hospital.client(roles=ALL)
    assert (client.get("/readyz").status_code, client.get("/healthz").status_code) == (200, 200)


def test_a_silent_role_is_named(hospital: Any) -> None:
    hospital.pulse("receive", "deliver", "tend")
    answer = hospital.client(roles=ALL).get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["failing"] == ["read: no sign of life for 10 s"]
    assert answer.json()["mend"]


def test_an_old_sign_of_life_counts_as_none(hospital: Any) -> None:
    hospital.pulse("read")
    hospital.now += 11
    assert failings(hospital.ports(roles=frozenset({"read"}))) == ["read: no sign of life for 10 s"]


def test_only_this_process_counts_where_one_is_named(hospital: Any) -> None:
    hospital.pulse("read")
    assert failings(hospital.ports(roles=frozenset({"read"}), process="node-1")) == []
    assert failings(hospital.ports(roles=frozenset({"read"}), process="node-2")) != []


def test_a_full_disk_is_named(hospital: Any) -> None:
    hospital.settings = hospital.settings.model_copy(update={"disk": DiskSettings(min_free_mb=1e9)})
    answer = hospital.client().get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["failing"][0].startswith("disk: ")


def test_a_dead_database_is_named_and_the_process_still_alive(hospital: Any) -> None:
    with hospital.ledger.writing() as db:
        tables.metadata.drop_all(db)
    client = hospital.client(roles=ALL)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["failing"] == ["database: does not answer (OperationalError)"]
    assert client.get("/healthz").status_code == 200


def test_metrics_tell_the_ledger(hospital: Any) -> None:
    hospital.positive()
    waiting = hospital.study("waiting", age=120)
    hospital.series(waiting, received=12)
    hospital.add(
        tables.jobs, series_uid=f"{waiting}.2", study_uid=waiting, state="offered", rank=0, offered_at=1.0, due_at=1.0
    )
    hospital.study("delivering", "HIGH", 200, verdict="positive", concluded_at=hospital.now - 75)
    hospital.pulse("read")
    value = samples(hospital)
    assert value("ichor_received_objects_total") == 42
    assert value("ichor_studies", state="done", verdict="positive") == 1
    assert value("ichor_studies", state="waiting", verdict="none") == 1
    assert value("ichor_studies", state="failed", verdict="none") == 0
    assert value("ichor_jobs", state="offered") == 1
    assert value("ichor_deliveries", destination="pacs", state="committed") == 4
    assert value("ichor_deliveries", destination="pacs", state="dead") == 0
    assert value("ichor_oldest_waiting_seconds") == 120
    assert value("ichor_unsent_positives") == 1
    assert value("ichor_oldest_unsent_positive_seconds") == 75
    assert value("ichor_processes_alive", role="read") == 1
    assert value("ichor_processes_alive", role="deliver") == 0
    assert (value("ichor_disk_free_bytes") or 0) > 1e6


def test_the_notification_histogram_is_cumulative_by_sender(hospital: Any) -> None:
    for took in (8.0, 33.0, 33.4, 5000.0):
        hospital.study("done", "LOW", 6000, notified_at=hospital.now - 6000 + took)
    value = samples(hospital)
    name = "ichor_notification_seconds"
    assert [value(f"{name}_bucket", sender="CT1", le=edge) for edge in ("10.0", "30.0", "45.0", "3600.0", "+Inf")] == [
        1, 1, 3, 3, 4,
    ]  # fmt: skip
    assert value(f"{name}_count", sender="CT1") == 4
    assert abs((value(f"{name}_sum", sender="CT1") or 0) - 5074.4) < 0.01


def test_metrics_hold_no_patient(hospital: Any) -> None:
    uid = hospital.positive(name="Secretname^Given")
    text = hospital.client().get("/metrics").text
    assert not any(word in text for word in ("Secretname", "P-0001", "A000001", uid))
