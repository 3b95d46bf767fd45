"""The pages as a browser gets them."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from service.domain.scan import Patient
from service.ledger import tables
from service.ledger.codec import to_json

DISCLAIMER = "research use only, not for diagnosis; trained on synthetic data"
NASTY = '<script>alert(1)</script>^"><img src=x onerror=alert(2)>'
LIVE = {"HX-Request": "true"}


def rows(html: str) -> list[str]:
    return re.findall(r'href="/studies/([0-9.]+)" id="s-', html)


def seen(html: str) -> str:
    found = re.search(r'"X-Seen": "([0-9a-f]+)"', html)
    assert found
    return found[1]


@pytest.mark.parametrize("path", ["/", "/queue", "/studies/2.25.770001", "/nowhere", "/login"])
def test_every_page_carries_the_disclaimer_and_loads_nothing_from_elsewhere(hospital: Any, path: str) -> None:
    hospital.positive()
    html = hospital.client(open_door=path != "/login").get(path).text
    assert DISCLAIMER in html
    assert not re.findall(r'(?:src|href|action)="(?:https?:)?//', html)
    assert " style=" not in html and "<style" not in html and "javascript:" not in html
    assert len(re.findall(r"<script(?! src=)", html)) == 0


def test_the_page_lists_in_the_order_of_the_api(hospital: Any) -> None:
    for state, priority in [("done", "LOW"), ("waiting", "MEDIUM"), ("done", "HIGH"), ("not_analysed", "MEDIUM")]:
        hospital.study(state, priority)
    client = hospital.client()
    order = [one["study_instance_uid"] for one in client.get("/api/worklist").json()["studies"]]
    assert rows(client.get("/").text) == order


def test_markup_in_names_stays_text(hospital: Any) -> None:
    uid = hospital.positive(patient=Patient(name=NASTY, patient_id="<i>9</i>"), why="<b>why</b>", sender="<u>AE</u>")
    hospital.walk(uid, (1.0, "<s>step</s>", "<em>text</em>"))
    with hospital.ledger.writing() as db:
        db.execute(tables.series.update().values(description="<svg onload=alert(3)>"))
        db.execute(tables.deliveries.update().values(error="<script>", state="dead"))
    client = hospital.client()
    for path in ("/", f"/studies/{uid}", "/queue", "/?q=%22%3E%3Cscript%3E&after=%3Cscript%3E"):
        html = client.get(path).text
        assert not re.findall(r"<(?:script>|img src=x|i>9|b>why|u>|s>|em>|svg onload)", html, re.IGNORECASE), path
    assert "&lt;script&gt;" in client.get("/").text


def test_an_unchanged_fragment_is_not_sent_again(hospital: Any) -> None:
    hospital.positive()
    client = hospital.client()
    for path in ("/", "/queue", "/studies/2.25.770001"):
        first = client.get(path)
        again = client.get(path, headers=LIVE | {"X-Seen": seen(first.text)})
        assert (path, again.status_code, again.text) == (path, 204, "")
    hospital.study("receiving", age=1)
    fresh = client.get("/", headers=LIVE | {"X-Seen": seen(client.get("/queue").text)})
    assert fresh.status_code == 200
    assert fresh.text.startswith('<div id="living"') and "<html" not in fresh.text
    assert len(rows(fresh.text)) == 2


def test_an_idle_list_changes_once_a_minute_at_most(hospital: Any) -> None:
    hospital.study("done", "LOW", age=3601)
    client = hospital.client()
    word = seen(client.get("/").text)
    hospital.now += 50
    hospital.pulse("read", "receive", "deliver", "tend")
    word = seen(client.get("/").text)
    hospital.now += 5
    assert client.get("/", headers=LIVE | {"X-Seen": word}).status_code == 204


def test_filters_search_and_period(hospital: Any) -> None:
    old = hospital.study("done", "LOW", age=3 * 86400)
    stuck = hospital.study("waiting", "MEDIUM", age=3 * 86400)
    fresh = hospital.study("done", "HIGH", age=60, name="Müller^Jörg")
    client = hospital.client()
    assert rows(client.get("/").text) == [fresh, stuck]
    assert rows(client.get("/?period=all").text) == [fresh, stuck, old]
    assert rows(client.get("/?period=all&state=waiting").text) == [stuck]
    assert rows(client.get("/?q=jörg+müller").text) == [fresh]
    assert rows(client.get("/?q=Jörg").text) == [fresh]
    assert rows(client.get("/?q=a000003").text) == [fresh]
    assert rows(client.get("/?q=P-0003").text) == [fresh]
    assert rows(client.get(f"/?q={stuck}").text) == [stuck]
    assert rows(client.get("/?q=%25").text) == []
    assert "Nothing matches these filters" in client.get("/?q=zzz").text
    assert client.get("/?state=nonsense&priority=x&period=y&after=!!").status_code == 200


def test_the_pages_turn(hospital: Any) -> None:
    made = {hospital.study("done", "LOW", age=at) for at in range(60)}
    client = hospital.client()
    first = client.get("/").text
    following = re.search(r'<a href="([^"]+)" id="next"', first)
    assert following
    second = client.get(following[1].replace("&amp;", "&")).text
    assert (len(rows(first)), len(rows(second))) == (50, 10)
    assert set(rows(first)) | set(rows(second)) == made
    assert 'id="next"' not in second and 'id="top"' in second


def test_rows_speak_plainly(hospital: Any) -> None:
    hospital.positive()
    receiving = hospital.study("receiving", age=5)
    hospital.series(receiving, received=23, announced=40, state="open")
    hospital.study("not_analysed", verdict="not_analysed", why="Contrast agent was given.")
    hospital.study("failed", why="reading failed and was given up: out of memory")
    html = hospital.client().get("/").text
    for words in (
        "Suspected haemorrhage", "97 %", "reported after 33.4 s", "23 of 40 images", "Contrast agent was given.",
        "Reading failed and was given up", "Images are still arriving.",
    ):  # fmt: skip
        assert words in html


def test_the_alarm_strip_names_what_is_wrong(hospital: Any) -> None:
    hospital.study("delivering", "HIGH", 200, verdict="positive", concluded_at=hospital.now - 130)
    html = hospital.client().get("/").text
    assert "1 positive study not yet delivered, the oldest for 2 min." in html
    assert "No reader is alive" in html
    hospital.pulse("read", "receive", "deliver", "tend")
    assert "No reader is alive" not in hospital.client().get("/").text


def test_the_study_page_shows_its_case(hospital: Any) -> None:
    uid = hospital.positive()
    html = hospital.client().get(f"/studies/{uid}").text
    for words in (
        "Image 18", "Summary", "7 of 30 slices above the slice threshold", "Intraparenchymal", "Tube voltage",
        "All 30 images that the scanner announced", "+ 9.2 s", "stored for certain at", "Replay this study", "decides",
    ):  # fmt: skip
        assert words in html
    assert len(re.findall(r"<rect class=\"(?:over|under)\"", html)) == 30


def bars(html: str) -> list[tuple[str, str]]:
    """The mini bars of all series: name and filled width."""
    lists = re.findall(r'<ul class="kinds".*?</ul>', html, re.DOTALL)
    return [
        pair for one in lists for pair in re.findall(r'<li><span>(.*?)</span>.*?"fill" width="(.*?)"', one, re.DOTALL)
    ]


def test_every_read_series_shows_its_kinds_when_there_are_several(hospital: Any, conclusion: Any) -> None:
    study = hospital.positive()
    alone = hospital.client().get(f"/studies/{study}").text
    assert bars(alone) == []
    assert "does not tell the kinds" not in alone
    second = conclusion(f"{study}.3", positive=False)
    hospital.series(study, number=3, conclusion=to_json(second))
    shown = bars(hospital.client().get(f"/studies/{study}").text)
    names = ["Any", "Epidural", "Intraparenchymal", "Intraventricular", "Subarachnoid", "Subdural"]
    assert [name for name, _ in shown] == names * 2
    assert [width for _, width in shown[6:]] == [f"{value * 100:.1f}" for _, value in second.findings]


def test_a_reader_of_one_word_shows_one_word(hospital: Any, conclusion: Any) -> None:
    study = hospital.study("done", "LOW", verdict="negative", probability=0.09, why="no slice above 0.50")
    found = replace(conclusion(f"{study}.2", positive=False), findings=(("any", 0.09),))
    hospital.series(study, conclusion=to_json(found))
    html = hospital.client().get(f"/studies/{study}").text
    assert "This reader does not tell the kinds of haemorrhage apart." in html
    assert "Epidural" not in html


def test_the_rule_is_said_once(hospital: Any, conclusion: Any) -> None:
    study = hospital.study("done", "LOW", verdict="negative", probability=0.6)
    found = conclusion(f"{study}.2", positive=False)
    hospital.series(study, conclusion=to_json(found))
    said = found.decision.sentence
    page = hospital.client()
    for why, times in ((said[:1].lower() + said[1:], 1), (f"{said}, so this is no finding", 1), ("other", 1)):
        with hospital.ledger.writing() as db:
            db.execute(tables.studies.update().values(why=why))
        head = page.get(f"/studies/{study}").text.partition('<dl class="facts">')[0]
        assert head.lower().count(said.lower()) == times


def test_a_study_of_which_only_a_row_is_there_has_a_page(hospital: Any) -> None:
    uid = hospital.study("receiving", patient=Patient())
    answer = hospital.client().get(f"/studies/{uid}")
    assert answer.status_code == 200
    assert "No name" in answer.text and "Not read yet" in answer.text


def test_pictures_are_the_stored_captures(hospital: Any) -> None:
    uid = hospital.positive()
    client = hospital.client()
    answer = client.get(f"/pictures/{uid}.9.1.png")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    assert Image.open(io.BytesIO(answer.content)).size == (48, 24)
    assert client.get(f"/pictures/{uid}.9.5.png").status_code == 404  # the report is no picture
    assert client.get("/pictures/..%2f..%2fledger.png").status_code == 404
    assert hospital.client(open_door=False).get(f"/pictures/{uid}.9.1.png", follow_redirects=False).status_code == 303


def test_a_purged_picture_is_missing_politely(hospital: Any) -> None:
    uid = hospital.positive()
    for file in Path(hospital.store.root).rglob("*.dcm"):
        file.unlink()
    assert hospital.client().get(f"/pictures/{uid}.9.1.png").status_code == 404


def test_the_queue_page_retries_a_dead_letter(hospital: Any) -> None:
    uid = hospital.study("failed", "HIGH")
    dead = hospital.dead_delivery(uid)
    client = hospital.client()
    assert "association refused (14 tries)" in client.get("/queue").text
    answer = client.post(f"/deliveries/{dead}/retry?back=queue", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/queue")
    assert "association refused" not in client.get("/queue").text
    assert "retry" in client.get("/queue").text


def test_vendored_code_is_named_with_its_licence(hospital: Any) -> None:
    text = hospital.client().get("/static/LICENSES.txt").text
    assert "htmx.min.js" in text and "0BSD" in text
