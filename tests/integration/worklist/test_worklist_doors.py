"""Who may look, who may act, and what a foreign page cannot make a browser do."""

from __future__ import annotations

import re
from typing import Any

import pytest
from sqlalchemy import select

from service.errors import BadUsage
from service.ledger import audit, people, tables
from service.ledger.people import Person, Role
from service.worklist.door import csrf_of
from service.worklist.login import PATIENCE, PAUSE_SECONDS

PASSWORD = "correct horse battery"


@pytest.fixture
def closed(hospital: Any) -> Any:
    """A node whose door is shut, with one reader and one admin."""
    for role in Role:
        people.add_user(hospital.ledger, Person(name=f"{role}-1", role=role), PASSWORD, hospital.now)
    return hospital


def logged_in(hospital: Any, role: Role) -> Any:
    client = hospital.client(open_door=False)
    answer = client.post("/login", data={"name": f"{role}-1", "password": PASSWORD}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    return client


def bearer(hospital: Any, role: Role) -> dict[str, str]:
    return {"Authorization": f"Bearer {people.create_token(hospital.ledger, role, hospital.now)}"}


def csrf(client: Any, uid: str) -> str:
    found = re.search(r'name="csrf_token" value="([0-9a-f]{64})"', client.get(f"/studies/{uid}").text)
    assert found
    return found[1]


@pytest.mark.parametrize("path", ["/api/worklist", "/api/queue", "/api/studies/1", "/metrics"])
@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic eDp5"}])
def test_programs_without_a_token_are_turned_away(closed: Any, path: str, header: dict[str, str]) -> None:
    answer = closed.client(open_door=False).get(path, headers=header)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert set(answer.json()) == {"error", "mend"}


@pytest.mark.parametrize("path", ["/", "/queue", "/studies/1"])
def test_people_without_a_login_are_led_to_it(closed: Any, path: str) -> None:
    client = closed.client(open_door=False)
    answer = client.get(path, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    assert client.get(path, headers={"HX-Request": "true"}).headers["hx-redirect"] == "/login"


def test_probes_need_no_token(closed: Any) -> None:
    client = closed.client(open_door=False)
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").status_code == 200


@pytest.mark.parametrize(("role", "status"), [(Role.READER, 403), (Role.ADMIN, 202)])
def test_a_token_does_what_its_role_may(closed: Any, role: Role, status: int) -> None:
    uid = closed.positive()
    client, header = closed.client(open_door=False), bearer(closed, role)
    assert client.get("/api/worklist", headers=header).status_code == 200
    assert client.get(f"/api/studies/{uid}", headers=header).status_code == 200
    assert client.post(f"/api/studies/{uid}/replay", headers=header).status_code == status
    deeds = [one for one in audit.recent(closed.ledger) if one.act == "replay"]
    assert len(deeds) == (status == 202)
    assert all(one.who.startswith("token ") for one in deeds)


def test_a_revoked_token_is_no_token(closed: Any) -> None:
    header = bearer(closed, Role.ADMIN)
    with closed.ledger.writing() as db:
        db.execute(tables.tokens.update().values(revoked=True))
    assert closed.client(open_door=False).get("/api/worklist", headers=header).status_code == 401


def test_no_secret_lies_in_the_ledger(closed: Any) -> None:
    header = bearer(closed, Role.READER)
    client = logged_in(closed, Role.READER)
    with closed.ledger.reading() as db:
        kept = str([db.execute(select(one)).all() for one in (tables.users, tables.tokens, tables.sessions)])
    assert header["Authorization"].removeprefix("Bearer ") not in kept
    assert client.cookies["ichor_session"] not in kept
    assert PASSWORD not in kept
    assert "$argon2id$" in kept


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(closed: Any) -> None:
    client = closed.client(open_door=False)
    answer = client.post("/login", data={"name": "reader-1", "password": PASSWORD}, follow_redirects=False)
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=lax" in cookie


def test_a_session_acts_only_with_its_own_word(closed: Any) -> None:
    uid = closed.positive()
    client = logged_in(closed, Role.ADMIN)
    url = f"/studies/{uid}/replay"
    assert client.post(url).status_code == 403
    assert client.post(url, data={"csrf_token": "0" * 64}).status_code == 403
    assert client.post(f"/api{url}").status_code == 403
    assert audit.recent(closed.ledger) == []
    answer = client.post(url, data={"csrf_token": csrf(client, uid)}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/studies/{uid}")
    assert client.post(f"/api{url}", headers={"X-CSRF-Token": csrf(client, uid)}).status_code == 202
    assert [one.who for one in audit.recent(closed.ledger)] == ["admin-1", "admin-1"]


def test_a_reader_sees_no_button_and_cannot_press_it(closed: Any) -> None:
    uid = closed.positive()
    client = logged_in(closed, Role.READER)
    assert "Replay this study" not in client.get(f"/studies/{uid}").text
    assert client.get("/").status_code == 200
    assert (
        client.post(f"/studies/{uid}/replay", data={"csrf_token": csrf_of(client.cookies["ichor_session"])}).status_code
        == 403
    )


def test_logging_out_ends_the_session_everywhere(closed: Any) -> None:
    client = logged_in(closed, Role.READER)
    cookie = client.cookies["ichor_session"]
    client.post("/logout", follow_redirects=False)
    client.cookies.set("ichor_session", cookie)
    assert client.get("/", follow_redirects=False).status_code == 303


def test_sessions_end_by_time_and_with_their_user(closed: Any) -> None:
    client = logged_in(closed, Role.READER)
    closed.now += closed.settings.web.session_hours * 3600 + 1
    assert client.get("/api/worklist").status_code == 401
    client = logged_in(closed, Role.ADMIN)
    assert client.get("/api/worklist").status_code == 200
    people.remove_user(closed.ledger, "admin-1")
    assert client.get("/api/worklist").status_code == 401


def test_guessing_passwords_is_slowed_down(closed: Any) -> None:
    client = closed.client(open_door=False)
    for _ in range(PATIENCE):
        assert client.post("/login", data={"name": "admin-1", "password": "guess"}).status_code == 401
    right = {"name": "admin-1", "password": PASSWORD}
    assert client.post("/login", data=right).status_code == 429
    closed.now += PAUSE_SECONDS + 1
    assert client.post("/login", data=right, follow_redirects=False).status_code == 303


def test_an_unknown_name_is_not_written_down(closed: Any) -> None:
    client = closed.client(open_door=False)
    assert client.post("/login", data={"name": "my secret typed here", "password": "x"}).status_code == 401
    assert [(one.act, one.subject) for one in audit.recent(closed.ledger)] == [("login failed", "unknown")]


@pytest.mark.parametrize(
    "headers", [{"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}]
)
@pytest.mark.parametrize("path", ["/api/studies/2.25.770001/replay", "/login"])
def test_another_site_cannot_post_through_a_browser(hospital: Any, headers: dict[str, str], path: str) -> None:
    hospital.positive()
    assert hospital.client().post(path, headers=headers).status_code == 403
    assert audit.recent(hospital.ledger) == []


def test_the_open_door_answers_to_its_loopback_name_only(hospital: Any) -> None:
    client = hospital.client()
    assert client.get("/api/worklist").status_code == 200
    assert client.get("/api/worklist", headers={"Host": "evil.example"}).status_code == 403
    assert client.get("/", headers={"Host": "localhost:8080"}).status_code == 200


def test_every_answer_is_dressed(hospital: Any) -> None:
    client = hospital.client()
    for path in ("/", "/api/worklist", "/static/page.css", "/nowhere", "/healthz", "/login"):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
    assert client.get("/api/worklist").headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("name", "password"), [("", PASSWORD), ("x" * 65, PASSWORD), ("new", "short"), ("admin-1", PASSWORD)]
)
def test_users_are_added_with_care(closed: Any, name: str, password: str) -> None:
    with pytest.raises(BadUsage):
        people.add_user(closed.ledger, Person(name=name, role=Role.READER), password, closed.now)
    assert [one.name for one in people.list_users(closed.ledger)] == ["admin-1", "reader-1"]


def test_removing_nobody_says_so(closed: Any) -> None:
    with pytest.raises(BadUsage, match="no user"):
        people.remove_user(closed.ledger, "nobody")


def test_a_reader_may_give_feedback_but_a_foreign_page_may_not(closed: Any) -> None:
    uid = closed.positive(age=90)
    path, said = f"/api/studies/{uid}/feedback", {"verdict": "positive"}
    stranger = closed.client(open_door=False)
    assert stranger.post(path, json=said).status_code == 401
    token = bearer(closed, Role.READER)
    assert stranger.post(path, json=said, headers=token).status_code == 201
    client = logged_in(closed, Role.READER)
    assert client.post(path, json=said).status_code == 403
    word = {"X-CSRF-Token": csrf_of(client.cookies["ichor_session"])}
    assert client.post(path, json=said, headers=word).status_code == 201
    assert client.post(path, json=said, headers=word | {"Origin": "http://evil.example"}).status_code == 403
