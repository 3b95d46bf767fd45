"""The study page in a real browser over a real node: scroll, windows, heat, strip, key slices, a phone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from heads import Study
from nodes import Node, wait_until
from playwright.sync_api import Error, expect

from service.practice.send import send_series
from service.settings import Destination

#: what the canvas shows: mean, spread and how many pixels are coloured
PIXELS = """() => {
  const canvas = document.getElementById('canvas'), copy = new OffscreenCanvas(canvas.width, canvas.height);
  const brush = copy.getContext('2d', { willReadFrequently: true });
  brush.drawImage(canvas, 0, 0);
  const data = brush.getImageData(0, 0, canvas.width, canvas.height).data;
  let sum = 0, warm = 0, heat = 0;
  for (let at = 0; at < data.length; at += 4) {
    sum += data[at];
    const red = data[at] - data[at + 2];
    if (red > 8) { warm += 1; heat += red; }
  }
  return { mean: 4 * sum / data.length, warm: warm, heat: heat, width: canvas.width };
}"""


@pytest.fixture(scope="module")
def practising(module_node: Callable[..., Node]) -> Iterator[Node]:
    node = module_node()
    node.start("--practice")
    wait_until(lambda: [one["state"] for one in worklist(node)] == ["done", "done"], 120, "two done cases")
    yield node
    node.end()


def worklist(node: Node) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = node.api("/api/worklist")["studies"]
    return found


@pytest.fixture
def opened(practising: Node, tab: Callable[..., Any]) -> Callable[..., Any]:
    """Open the urgent case from the worklist."""

    def look(**options: Any) -> Any:
        page = tab(**options)
        page.goto(f"http://127.0.0.1:{practising.web}/")
        page.locator("a[id^='s-']").first.click()
        settle(page)
        return page

    return look


def settle(page: Any) -> int:
    """Wait until the slice asked for is shown with its heat; return its place."""
    page.wait_for_function(
        "() => { const stage = document.getElementById('stage'); return stage.dataset.state === 'ready'"
        " && stage.dataset.shown === document.getElementById('slice').value && stage.dataset.heat !== 'loading' }"
    )
    return shown(page)


def shown(page: Any) -> int:
    return int(page.locator("#stage").get_attribute("data-shown"))


def at(page: Any, place: int) -> Any:
    expect(page.locator("#stage")).to_have_attribute("data-shown", str(place))
    settle(page)
    return page.evaluate(PIXELS)


def slices(page: Any) -> Any:
    return page.evaluate("() => JSON.parse(document.getElementById('slices-data').content.textContent)")


def test_the_urgent_case_opens_at_its_most_telling_slice(opened: Callable[..., Any]) -> None:
    page = opened()
    found = slices(page)
    here = found["slices"][found["start"]]
    assert shown(page) == found["start"]
    expect(page.locator("h1")).to_contain_text("Suspected haemorrhage")
    expect(page.locator("#v-number")).to_have_text(f"Image {here['instance_number']}")
    expect(page.locator("#v-place")).to_have_text(f"{here['place_mm']:.1f} mm")
    expect(page.locator("#v-score")).to_have_text(here["words"])
    expect(page.locator("#v-window")).to_have_text("Brain 40 / 80")
    assert [page.locator(f"#v-{side}").inner_text() for side in ("left", "right", "top", "bottom")] == list("RLAP")
    expect(page.locator(".viewer .notice").first).to_contain_text("research use only, not for diagnosis")
    assert page.evaluate("document.activeElement.id") == "stage"


def test_wheel_and_keys_scroll(opened: Callable[..., Any]) -> None:
    page = opened()
    start, last = shown(page), len(slices(page)["slices"]) - 1
    before = page.evaluate(PIXELS)
    page.locator("#stage").hover()
    page.mouse.wheel(0, 100)
    assert at(page, start + 1) != before
    page.mouse.wheel(0, -100)
    assert at(page, start) == before
    moves = [("ArrowDown", 1), ("j", 1), ("k", -1), ("ArrowUp", -1), ("PageDown", 10), ("PageUp", -10)]
    place = start
    for key, by in moves:
        page.keyboard.press(key)
        place = min(max(place + by, 0), last)
        at(page, place)
    page.keyboard.press("Home")
    at(page, 0)
    page.keyboard.press("ArrowUp")
    at(page, 0)
    page.keyboard.press("End")
    at(page, last)
    expect(page.locator("#v-order")).to_have_text(f"{last + 1} of {last + 1}")


def test_n_and_p_go_from_key_slice_to_key_slice(opened: Callable[..., Any]) -> None:
    page = opened()
    keys = sorted(slices(page)["keys"])
    assert len(keys) > 1
    page.keyboard.press("Home")
    for key in [one for one in keys if one > 0]:
        page.keyboard.press("n")
        at(page, key)
    page.keyboard.press("n")
    at(page, keys[0])
    page.keyboard.press("p")
    at(page, keys[-1])
    page.locator(f"#ways button[data-at='{keys[0]}']").click()
    at(page, keys[0])
    expect(page.locator(f"#ways button[data-at='{keys[0]}']")).to_have_attribute("aria-current", "true")


def test_a_window_changes_the_pixels_and_stays_chosen(opened: Callable[..., Any]) -> None:
    page = opened()
    page.keyboard.press("h")
    seen = {}
    for key, name in (("1", "brain"), ("2", "subdural"), ("3", "bone"), ("4", "stroke")):
        page.keyboard.press(key)
        expect(page.locator("#stage")).to_have_attribute("data-window", name)
        settle(page)
        seen[name] = page.evaluate(PIXELS)["mean"]
        expect(page.locator("#tools [aria-pressed='true']")).to_have_text(name.capitalize())
    assert len({round(mean, 1) for mean in seen.values()}) == 4
    page.reload()
    settle(page)
    expect(page.locator("#stage")).to_have_attribute("data-window", "stroke")
    expect(page.locator("#stage")).to_have_attribute("data-heat", "off")
    assert page.evaluate(PIXELS)["mean"] == pytest.approx(seen["stroke"])


def test_heat_goes_off_and_fades(opened: Callable[..., Any]) -> None:
    page = opened()
    full = page.evaluate(PIXELS)
    assert full["warm"] > 100
    page.locator("#opacity").fill("40")
    expect(page.locator("#v-heat")).to_have_text("Heat 40 %")
    faint = page.evaluate(PIXELS)
    assert 0 < faint["heat"] < 0.7 * full["heat"]
    page.locator("#heat").click()
    expect(page.locator("#stage")).to_have_attribute("data-heat", "off")
    assert page.evaluate(PIXELS)["warm"] == 0
    page.keyboard.press("h")
    expect(page.locator("#stage")).to_have_attribute("data-heat", "on")
    assert page.evaluate(PIXELS) == faint
    page.keyboard.press("Home")
    settle(page)
    expect(page.locator("#v-heat")).to_have_text("No heat on this slice")


def test_a_click_on_the_strip_and_the_slider_jump(opened: Callable[..., Any]) -> None:
    page = opened()
    count = len(slices(page)["slices"])
    box = page.locator("#strip").bounding_box()
    for place in (2, count - 3, count // 2):
        page.mouse.click(box["x"] + (place + 0.5) * box["width"] / count, box["y"] + box["height"] / 2)
        at(page, place)
        mark = page.locator("#now").bounding_box()
        middle = mark["x"] + mark["width"] / 2 - box["x"]
        assert int(middle / box["width"] * count) == place
    page.locator("#slice").fill("4")
    at(page, 4)
    assert page.locator("#slice").get_attribute("aria-valuetext").startswith("Image ")


def test_the_keys_are_listed_and_leave_the_rest_of_the_page_alone(opened: Callable[..., Any]) -> None:
    page = opened()
    page.keyboard.press("?")
    expect(page.locator("#keyboard")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#keyboard")).to_be_hidden()
    page.keyboard.press("Escape")
    start = shown(page)
    page.keyboard.press("End")
    page.wait_for_function("() => window.scrollY > 100")
    assert shown(page) == start


def test_a_refresh_leaves_the_viewer_standing(opened: Callable[..., Any], practising: Node) -> None:
    page = opened()
    page.keyboard.press("3")
    page.keyboard.press("PageDown")
    place = settle(page)
    page.evaluate("document.getElementById('canvas').mine = true")
    study = page.url.rpartition("/")[2]
    steps = page.locator(".walk li").count()
    practising.api(f"/api/studies/{study}/replay", method="POST")
    expect(page.locator(".walk li")).not_to_have_count(steps, timeout=60_000)
    assert page.evaluate("document.getElementById('canvas').mine") is True
    assert page.evaluate("document.activeElement.id") == "stage"
    assert at(page, place)["width"] > 1
    expect(page.locator("#stage")).to_have_attribute("data-window", "bone")
    practising.settled(study)


def test_slices_that_arrive_while_one_looks_join_the_stack(
    practising: Node, tab: Callable[..., Any], head: Callable[..., Study]
) -> None:
    study, door = head("epidural"), Destination(name="n", ae_title="ICHOR", host="127.0.0.1", port=practising.dicom)
    send_series(study.paths[8:], door, "CT1")
    page = tab()
    page.goto(f"http://127.0.0.1:{practising.web}/studies/{study.uid}")
    settle(page)
    expect(page.locator("#v-score")).to_have_text("not read")
    page.keyboard.press("End")
    kept = slices(page)["slices"][settle(page)]["name"]
    send_series(study.paths[:8], door, "CT1")
    expect(page.locator("#slice")).to_have_attribute("max", str(len(study.paths) - 1), timeout=30_000)
    expect(page.locator("#strip svg").first.locator("rect.none")).to_have_count(len(study.paths))
    expect(page.locator("#v-score")).to_contain_text("the threshold", timeout=120_000)
    assert slices(page)["slices"][settle(page)]["name"] == kept
    practising.settled(study.uid)


def test_a_slice_that_the_node_cannot_give_says_why_and_the_next_one_shows(opened: Callable[..., Any]) -> None:
    page = opened(expected="422")
    start = shown(page)
    name = slices(page)["slices"][start]["name"]
    reason = '{"error": "the stream is damaged", "mend": "open the scan in the PACS"}'
    page.route(f"**/{name}/bone.png*", lambda route: route.fulfill(status=422, body=reason))
    page.keyboard.press("3")
    expect(page.locator("#v-sorry")).to_have_text("This slice cannot be shown: the stream is damaged")
    expect(page.locator("#canvas")).to_be_hidden()
    page.keyboard.press("j")
    at(page, start + 1)
    expect(page.locator("#v-sorry")).to_be_hidden()


def test_a_picture_never_stands_under_another_slices_labels(opened: Callable[..., Any]) -> None:
    page = opened()
    start = shown(page)
    found = slices(page)
    held: list[Any] = []

    def hold(route: Any) -> None:
        held.append(route)

    page.route("**/subdural.png*", hold)
    page.keyboard.press("2")
    page.keyboard.press("End")
    expect(page.locator("#v-loading")).to_be_visible()
    expect(page.locator("#v-number")).to_have_text(f"Image {found['slices'][start]['instance_number']}")
    page.unroute("**/subdural.png*")
    for one in held:
        # what the viewer no longer wanted it has cancelled itself
        with suppress(Error):
            one.continue_()
    at(page, len(found["slices"]) - 1)
    expect(page.locator("#v-loading")).to_be_hidden()


def test_a_phone_scrolls_by_touch(opened: Callable[..., Any]) -> None:
    page = opened(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    stage = page.locator("#stage").bounding_box()
    assert stage["width"] > 360 and stage["y"] + stage["height"] < 844
    start = shown(page)
    finger = page.context.new_cdp_session(page)
    x, y = stage["x"] + stage["width"] / 2, stage["y"] + stage["height"] / 2
    finger.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
    for by in range(5, 65, 5):
        finger.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [{"x": x, "y": y - by}]})
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.wait_for_function(f"() => Number(document.getElementById('stage').dataset.shown) < {start}")
    assert page.evaluate("window.scrollY") == 0
    for button in page.locator("#tools button:visible").all():
        assert button.bounding_box()["height"] >= 44


def test_without_scripts_the_first_slice_and_the_result_pictures_show(
    practising: Node, tab: Callable[..., Any]
) -> None:
    page = tab(expected="was preloaded", java_script_enabled=False)
    page.goto(f"http://127.0.0.1:{practising.web}/studies/{worklist(practising)[0]['study_instance_uid']}")
    expect(page.locator("#first")).to_be_visible()
    expect(page.locator("#tools")).to_be_hidden()
    page.locator("#d-pictures summary").click()
    expect(page.locator(".gallery img").first).to_be_visible()
    assert "Scrolling needs JavaScript" in page.content()
