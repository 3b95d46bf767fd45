"""Notices as people and programs see them: the study, the counts, the metrics, the alarm, and telling again by hand."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from letters import news

from service.domain.verdict import Verdict
from service.ledger import audit, people, tables
from service.ledger.codec import to_json
from service.ledger.people import Role
from service.settings import Settings
from service.targets import Hl7Target


@pytest.fixture
def notice(hospital: Any) -> Callable[..., int]:
    def add(study: str, state: str = "queued", number: int = 1, target: str = "ris", **more: Any) -> int:
        row = {"study_uid": study, "target": target, "kind": "hl7", "number": number, "key": f"{number}" * 64}
        row |= {"news": to_json(news(Verdict.POSITIVE)), "state": state, "rank": 0}
        made: int = hospital.add(tables.notices, **row | {"queued_at": hospital.now, "due_at": hospital.now} | more)
        return made

    return add


def test_a_study_names_its_notices(hospital: Any, notice: Any) -> None:
    study = hospital.positive()
    made = notice(study, "retrying", attempt=3, error="ris refused the message")
    (one,) = hospital.client().get(f"/api/studies/{study}").json()["notices"]
    assert one == {
        "id": made, "study_instance_uid": study, "target": "ris", "kind": "hl7", "number": 1, "key": "1" * 64,
        "verdict": "positive", "state": "retrying", "attempt": 3, "queued_at": "2026-09-21T14:13:20.000+00:00",
        "sent_at": None, "error": "ris refused the message",
    }  # fmt: skip
    page = hospital.client().get(f"/studies/{study}").text
    assert "Notices" in page and "ris refused the message" in page


def test_counts_by_state_and_an_alarm_for_dead_ones(hospital: Any, notice: Any) -> None:
    study = hospital.positive()
    notice(study, "sent")
    notice(study, "dead", number=2)
    answer = hospital.client().get("/api/queue").json()
    assert answer["notices"] == {"sent": 1, "dead": 1}
    assert "1 notice given up." in answer["alarms"]


def test_metrics_name_every_target_and_state(hospital: Any, notice: Any) -> None:
    settings = Settings(hl7=(Hl7Target(name="quiet", host="h", port=1),))
    notice(hospital.positive(), "sent")
    text = hospital.client(settings=settings).get("/metrics").text
    found = dict(re.findall(r'^ichor_notices\{state="(\w+)",target="(?:ris)"\} (\S+)', text, re.MULTILINE))
    assert found == {"queued": "0.0", "sent": "1.0", "retrying": "0.0", "dead": "0.0", "superseded": "0.0"}
    assert 'ichor_notices{state="queued",target="quiet"} 0.0' in text


def test_an_admin_tells_again_and_it_is_written_down(hospital: Any, notice: Any) -> None:
    study = hospital.positive()
    made = notice(study, "dead", attempt=9, error="nobody listens")
    answer = hospital.client().post(f"/api/notices/{made}/retry")
    assert (answer.status_code, answer.json()["study_instance_uid"]) == (202, study)
    (one,) = hospital.client().get(f"/api/studies/{study}").json()["notices"]
    assert (one["state"], one["attempt"], one["error"]) == ("queued", 0, "")
    (deed,) = audit.recent(hospital.ledger)
    assert (deed.act, deed.subject) == ("retry", f"notice {made}")


def test_what_cannot_be_told_again_is_said(hospital: Any, notice: Any) -> None:
    study = hospital.positive()
    old, new = notice(study, "sent"), notice(study, "queued", number=2)
    client = hospital.client()
    for path, status, words in (
        (f"/api/notices/{old}/retry", 409, "a newer notice has taken its place"),
        (f"/api/notices/{new}/retry", 409, "queued already"),
        ("/api/notices/4711/retry", 404, "no such notice"),
    ):
        answer = client.post(path)
        assert (answer.status_code, words in answer.json()["error"]) == (status, True)
    assert audit.recent(hospital.ledger) == []


@pytest.mark.parametrize(("role", "status"), [(None, 401), (Role.READER, 403), (Role.ADMIN, 202)])
def test_only_an_admin_may_tell_again(hospital: Any, notice: Any, role: Role | None, status: int) -> None:
    made = notice(hospital.positive(), "dead")
    headers = {}
    if role:
        headers["Authorization"] = f"Bearer {people.create_token(hospital.ledger, role, hospital.now)}"
    answer = hospital.client(open_door=False).post(f"/api/notices/{made}/retry", headers=headers)
    assert answer.status_code == status
