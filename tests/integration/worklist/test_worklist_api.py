"""The JSON API over a real SQLite ledger, as programs use it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from service.ledger import audit, tables

FIELDS = [
    "study_instance_uid", "accession_number", "patient_id", "patient_name", "state", "priority", "verdict",
    "probability", "received_at", "concluded_at", "notified_at", "why",
]  # fmt: skip


def uids(answer: Any) -> list[str]:
    return [one["study_instance_uid"] for one in answer.json()["studies"]]


def test_an_empty_node_has_an_empty_list(hospital: Any) -> None:
    assert hospital.client().get("/api/worklist").json() == {"studies": [], "next": None}


def test_rows_have_exactly_the_promised_fields(hospital: Any) -> None:
    uid = hospital.positive(age=90)
    (row,) = hospital.client().get("/api/worklist").json()["studies"]
    assert list(row) == FIELDS
    assert row["study_instance_uid"] == uid
    assert (row["state"], row["priority"], row["verdict"], row["probability"]) == ("done", "HIGH", "positive", 0.97)
    received = datetime.fromisoformat(row["received_at"])
    assert received.timestamp() == hospital.now - 90
    assert received.utcoffset() is not None and not received.utcoffset()


def test_the_most_urgent_stand_first(hospital: Any) -> None:
    done_low_old = hospital.study("done", "LOW", 900)
    waiting_new = hospital.study("waiting", "MEDIUM", 10)
    waiting_old = hospital.study("waiting", "MEDIUM", 500)
    not_analysed = hospital.study("not_analysed", "MEDIUM", 700)
    done_high_old = hospital.study("done", "HIGH", 5000)
    done_high_new = hospital.study("done", "HIGH", 50)
    sending_high = hospital.study("delivering", "HIGH", 20)
    done_low_new = hospital.study("done", "LOW", 100)
    assert uids(hospital.client().get("/api/worklist")) == [
        sending_high, done_high_new, done_high_old, waiting_old, waiting_new, not_analysed, done_low_new, done_low_old,
    ]  # fmt: skip


def test_pages_join_without_gap_or_repeat_while_studies_arrive(hospital: Any) -> None:
    states = ["receiving", "done", "delivering", "not_analysed"]
    made = {hospital.study(states[at % 4], ["HIGH", "MEDIUM", "LOW"][at % 3], age=100 + at // 5) for at in range(37)}
    client, after, seen = hospital.client(), "", []
    while True:
        page = client.get("/api/worklist", params={"limit": 5, "after": after})
        assert len(uids(page)) <= 5
        seen += uids(page)
        after = page.json()["next"]
        if after is None:
            break
        hospital.study("done", "HIGH", 0)
    assert len(seen) == len(set(seen))
    assert made <= set(seen)


def test_filters_by_state_and_priority_and_empty_ones_mean_all(hospital: Any) -> None:
    one = hospital.study("waiting", "MEDIUM")
    other = hospital.study("done", "HIGH")
    client = hospital.client()
    assert uids(client.get("/api/worklist?state=waiting")) == [one]
    assert uids(client.get("/api/worklist?priority=HIGH")) == [other]
    assert uids(client.get("/api/worklist?state=waiting&priority=HIGH")) == []
    assert uids(client.get("/api/worklist?state=&priority=&after=&limit=50")) == [other, one]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("state=nonsense", 422),
        ("priority=high", 422),
        ("limit=0", 422),
        ("limit=501", 422),
        ("limit=x", 422),
        ("after=!!", 400),
        ("after=WzFd", 400),
        ("state=%00", 400),
    ],
)
def test_bad_questions_get_one_sentence_and_the_mend(hospital: Any, query: str, status: int) -> None:
    answer = hospital.client().get(f"/api/worklist?{query}")
    assert answer.status_code == status
    assert set(answer.json()) == {"error", "mend"}
    assert all(answer.json().values())


@pytest.mark.parametrize("path", ["/api/studies/1.2.3", "/api/studies/..%2f..%2fetc", "/api/nothing"])
def test_unknown_things_are_404_in_json(hospital: Any, path: str) -> None:
    answer = hospital.client().get(path)
    assert answer.status_code == 404
    assert set(answer.json()) == {"error", "mend"}


def test_a_waiting_study_says_what_it_waits_for(hospital: Any) -> None:
    hospital.study("receiving")
    (row,) = hospital.client().get("/api/worklist").json()["studies"]
    assert row["why"] == "Images are still arriving."
    assert row["verdict"] is None and row["probability"] is None and row["concluded_at"] is None


def test_one_study_tells_everything(hospital: Any) -> None:
    uid = hospital.positive()
    answer = hospital.client().get(f"/api/studies/{uid}").json()
    assert [answer[name] for name in ("study_instance_uid", "verdict", "policy")] == [uid, "positive", "any"]
    assert answer["leading_series"] == f"{uid}.2"
    assert len(answer["slices"]) == 30
    assert set(answer["slices"][0]) >= {"sop_instance_uid", "probability"}
    assert answer["evidence"]["kind"] == "announced"
    assert [one["name"] for one in answer["suitability"]][:2] == ["Modality", "Slices"]
    assert answer["series"][0]["findings"]["any"] == 0.97
    assert [(one["kind"], one["number"]) for one in answer["results"]] == [
        ("sc", 1), ("sc", 2), ("sc", 3), ("sc", 4), ("sr", 1),
    ]  # fmt: skip
    assert {one["state"] for one in answer["deliveries"]} == {"sent", "committed"}
    assert [(one["step"], one["seconds"]) for one in answer["timeline"]][:3] == [
        ("received", 0.0), ("complete", 9.2), ("concluded", 21.8),
    ]  # fmt: skip
    assert answer["timeline"][-1]["since_start"] == 34.1


def test_a_study_of_which_only_a_row_is_there(hospital: Any) -> None:
    uid = hospital.study("receiving")
    answer = hospital.client().get(f"/api/studies/{uid}").json()
    assert answer["slices"] == answer["series"] == answer["deliveries"] == answer["timeline"] == []
    assert answer["evidence"] is None


def test_the_queue_counts_states_workers_and_disk(hospital: Any) -> None:
    hospital.study("waiting", age=120)
    hospital.positive()
    hospital.pulse("read", "web")
    answer = hospital.client().get("/api/queue").json()
    assert answer["states"] == {
        "receiving": 0, "waiting": 1, "reading": 0, "delivering": 0, "done": 1, "not_analysed": 0, "failed": 0,
    }  # fmt: skip
    assert answer["oldest_age_seconds"] == 120
    assert [one["role"] for one in answer["workers"]] == ["read", "web"]
    assert answer["rates"] == {"window_seconds": 3600.0, "received": 2, "concluded": 1, "notified": 1}
    assert answer["deliveries"] == {"committed": 4, "sent": 1}
    assert answer["disk"]["free_mb"] > 0
    assert "No receiver is alive: scanners cannot send." in answer["alarms"]


def test_replay_moves_the_job_and_leaves_an_entry(hospital: Any) -> None:
    uid = hospital.positive()
    hospital.add(tables.jobs, series_uid=f"{uid}.2", study_uid=uid, state="done", rank=0, offered_at=1.0, due_at=1.0)
    answer = hospital.client().post(f"/api/studies/{uid}/replay")
    assert answer.status_code == 202
    with hospital.ledger.reading() as db:
        assert db.execute(tables.jobs.select()).one().state == "offered"
    (deed,) = audit.recent(hospital.ledger)
    assert (deed.who, deed.act, deed.subject, deed.at) == ("practice", "replay", uid, hospital.now)


def test_retry_queues_a_dead_delivery_once(hospital: Any) -> None:
    uid = hospital.study("failed", "HIGH")
    dead = hospital.dead_delivery(uid)
    client = hospital.client()
    assert client.post(f"/api/deliveries/{dead}/retry").status_code == 202
    assert client.get(f"/api/studies/{uid}").json()["deliveries"][0]["state"] == "queued"
    again = client.post(f"/api/deliveries/{dead}/retry")
    assert (again.status_code, set(again.json())) == (409, {"error", "mend"})
    assert [one.act for one in audit.recent(hospital.ledger)] == ["retry"]


@pytest.mark.parametrize(
    ("path", "status"),
    [("/api/studies/1.2/replay", 404), ("/api/deliveries/99/retry", 404), ("/api/deliveries/x/retry", 422)],
)
def test_deeds_on_unknown_things_leave_no_entry(hospital: Any, path: str, status: int) -> None:
    assert hospital.client().post(path).status_code == status
    assert audit.recent(hospital.ledger) == []


def test_the_wrong_method_is_said_so(hospital: Any) -> None:
    answer = hospital.client().delete("/api/worklist")
    assert (answer.status_code, set(answer.json())) == (405, {"error", "mend"})


def test_feedback_leaves_an_audit_entry_and_changes_nothing(hospital: Any) -> None:
    uid = hospital.positive(age=90)
    client = hospital.client()
    before = client.get(f"/api/studies/{uid}").json()
    answer = client.post(f"/api/studies/{uid}/feedback", json={"verdict": "negative", "comment": "a calcification"})
    assert (answer.status_code, answer.json()) == (201, {"study_instance_uid": uid, "kept": "feedback"})
    (deed,) = audit.recent(hospital.ledger)
    assert (deed.act, deed.subject, deed.text) == ("feedback", uid, "negative: a calcification")
    assert client.get(f"/api/studies/{uid}").json() == before


@pytest.mark.parametrize(
    "said",
    [{}, {"verdict": "maybe"}, {"verdict": "unsure", "comment": "x" * 2001}, {"verdict": "unsure", "comment": "\0"}],
)
def test_feedback_that_says_nothing_is_refused(hospital: Any, said: dict[str, Any]) -> None:
    uid = hospital.positive(age=90)
    answer = hospital.client().post(f"/api/studies/{uid}/feedback", json=said)
    assert answer.status_code == 422
    assert set(answer.json()) == {"error", "mend"}
    assert hospital.client().post("/api/studies/1.2.3/feedback", json={"verdict": "unsure"}).status_code == 404
    assert audit.recent(hospital.ledger) == []
