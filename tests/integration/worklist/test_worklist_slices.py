"""The slices of a study as the viewer gets them: real files, read by the real pack, in the order of the head."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from fastapi.testclient import TestClient
from heads import SLICES, Study
from numpy.typing import NDArray
from PIL import Image
from sqlalchemy import update
from wards import SETTINGS, Ward, ward_at

from service.domain.delivery import ObjectKind
from service.ledger.case import open_case
from service.ledger.tables import series as series_table
from service.outputs.canvas import MARGIN
from service.outputs.key_picture import PANEL, PANEL_TOP
from service.store.files import FileStore
from service.wiring.desk import build_desk
from service.wiring.slices import build_slices
from service.worker.desk import WorkerDesk
from service.worklist import WorklistPorts, create_app

WINDOWS = {"brain": (40, 80), "subdural": (80, 200), "bone": (600, 2800), "stroke": (35, 30)}


@dataclass
class Reader:
    """A study in a ward, and whoever looks at it."""

    ward: Ward
    study: Study

    @property
    def base(self) -> str:
        return f"/api/studies/{self.study.uid}/series/{self.study.series_uid}/slices"

    def client(self, **changed: Any) -> TestClient:
        settings = changed.pop("settings", SETTINGS)
        ports = WorklistPorts(
            ledger=self.ward.ledger, store=self.ward.store, settings=settings,
            slices=build_slices(settings, self.ward.store), open_door=changed.pop("open_door", True),
        )  # fmt: skip
        return TestClient(create_app(ports), base_url="http://127.0.0.1:8080")

    def listed(self) -> Any:
        answer = self.client().get(self.base)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def address(self, at: int, window: str = "brain") -> str:
        found = self.listed()
        file = next(one["file"] for one in found["windows"] if one["name"] == window)
        return f"{found['base']}{found['slices'][at]['name']}{file}"

    def hounsfield(self, sop_uid: str) -> NDArray[np.float64]:
        """What pydicom alone makes of a slice."""
        ds = next(one for one in map(pydicom.dcmread, self.study.paths) if one.SOPInstanceUID == sop_uid)
        hu = ds.pixel_array * float(ds.RescaleSlope) + float(ds.RescaleIntercept)
        return np.where(ds.pixel_array == ds.PixelPaddingValue, -1024.0, hu) if "PixelPaddingValue" in ds else hu


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> WorkerDesk:
    return build_desk(SETTINGS, FileStore(tmp_path_factory.mktemp("desk")))


@pytest.fixture
def reader(tmp_path: Path, desk: WorkerDesk, head: Callable[..., Study]) -> Iterator[Reader]:
    with ward_at(tmp_path, desk) as ward:
        yield Reader(ward, head("epidural"))


@pytest.fixture
def read(reader: Reader) -> Reader:
    """A study that was read and has its results."""
    reader.ward.arrive(reader.study.paths, "a")
    reader.ward.complete()
    reader.ward.walk()
    return reader


@pytest.fixture
def arrived(reader: Reader) -> Reader:
    """A study that nobody has read yet."""
    reader.ward.arrive(reader.study.paths[::-1], "a")
    return reader


def pixels(answer: Any) -> NDArray[Any]:
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png"), answer.text
    return np.asarray(Image.open(io.BytesIO(answer.content)))


def test_slices_are_listed_in_anatomical_order_with_what_was_read(read: Reader) -> None:
    found, study = read.listed(), read.client().get(f"/api/studies/{read.study.uid}").json()
    same = ("sop_instance_uid", "frame", "instance_number", "place_mm", "probability", "positive")
    assert [[one[name] for name in same] for one in found["slices"]] == [
        [one[name] for name in same] for one in study["slices"]
    ]
    assert [one["order"] for one in found["slices"]] == list(range(1, SLICES + 1))
    assert found["keys"] == study["series"][0]["key_slices"]
    assert found["start"] == found["keys"][0]
    assert found["slices"][found["start"]]["key"] == 1
    assert all(one["sides"] == ["R", "L", "A", "P"] for one in found["slices"])
    assert {one["name"]: (one["centre"], one["width"]) for one in found["windows"]} == WINDOWS


@pytest.mark.parametrize("window", WINDOWS)
def test_a_picture_is_the_stored_slice_in_its_window(arrived: Reader, window: str) -> None:
    at, (centre, width) = 7, WINDOWS[window]
    shown = pixels(arrived.client().get(arrived.address(at, window)))
    hu = arrived.hounsfield(arrived.listed()["slices"][at]["sop_instance_uid"])
    wanted = np.clip((hu - (centre - width / 2)) / width, 0, 1) * 255
    assert shown.shape == hu.shape
    assert np.abs(shown - wanted).max() <= 0.51
    assert shown.std() > 5


def test_a_browser_keeps_a_picture_and_asks_again_for_nothing(arrived: Reader) -> None:
    client, address = arrived.client(), arrived.address(3)
    first = client.get(address)
    assert first.headers["cache-control"] == "private, max-age=43200, immutable"
    again = client.get(address, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    tags = {client.get(arrived.address(at, window)).headers["etag"] for at in (3, 4) for window in WINDOWS}
    assert len(tags) == 8


def test_pixels_that_would_look_different_have_another_address(arrived: Reader) -> None:
    mended = SETTINGS.model_copy(update={"model": SETTINGS.model.model_copy(update={"repair_wrap": True})})
    plain, other = (arrived.client(settings=one).get(arrived.base).json() for one in (SETTINGS, mended))
    assert {one["file"] for one in plain["windows"]}.isdisjoint(one["file"] for one in other["windows"])


def test_the_hottest_place_is_that_of_the_picture_in_the_pacs(read: Reader) -> None:
    found, client = read.listed(), read.client()
    key = found["slices"][found["start"]]
    overlay = Image.open(io.BytesIO(client.get(found["base"] + key["name"] + key["heat"]).content))
    assert overlay.size == (key["columns"], key["rows"])
    alpha = np.asarray(overlay.convert("RGBA"))[..., 3].astype(float)
    row, column = np.argwhere(alpha > alpha.max() - 4).mean(axis=0) / [key["rows"], key["columns"]]
    case = open_case(read.ward.ledger, read.study.uid)
    assert case
    (picture,) = (one for one in case.results if one.kind is ObjectKind.SC and one.number == 2)
    panel = pixels(client.get(f"/pictures/{picture.sop_uid}.png"))[PANEL_TOP : PANEL_TOP + PANEL].astype(int)
    right = panel[:, MARGIN + PANEL + 14 : MARGIN + 2 * PANEL + 14]
    warm = right[..., 0] - right[..., 2]
    there = np.argwhere(warm > warm.max() - 12).mean(axis=0) / PANEL
    assert abs(row - there[0]) < 0.04 and abs(column - there[1]) < 0.04


def test_heat_that_no_longer_stands_is_not_shown(read: Reader) -> None:
    found, client = read.listed(), read.client()
    key = found["slices"][found["start"]]
    address = found["base"] + key["name"] + key["heat"]
    improbable = [one for one in found["slices"] if one["probability"] <= 0.1]
    assert improbable and all(one["heat"] is None for one in improbable)
    assert client.get(address.replace(key["heat"], "/heat-0123456789abcdef.png")).status_code == 404
    with read.ward.ledger.writing() as db:
        db.execute(update(series_table).values(conclusion=None))
    assert read.client().get(address).status_code == 404
    assert all(one["heat"] is None and one["probability"] is None for one in read.listed()["slices"])


def test_a_study_that_still_arrives_can_be_scrolled(reader: Reader) -> None:
    reader.ward.arrive(reader.study.paths[4:7], "a")
    first = reader.listed()
    assert [one["words"] for one in first["slices"]] == ["not read"] * 3
    reader.ward.arrive([*reader.study.paths[:4], *reader.study.paths[7:]], "b")
    then = reader.listed()
    assert len(then["slices"]) == SLICES
    assert then["stamp"] != first["stamp"]
    kept = [one["name"] for one in then["slices"][4:7]]
    assert kept == [one["name"] for one in first["slices"]]
    page = reader.client().get(f"/studies/{reader.study.uid}").text
    assert f"{SLICES} slices, none read" in page and "brain.png" in page


def test_a_refused_study_can_be_scrolled(reader: Reader, head: Callable[..., Study]) -> None:
    study = head("epidural", ContrastBolusAgent="Iodine")
    reader.study = study
    reader.ward.arrive(study.paths, "a")
    reader.ward.complete()
    reader.ward.walk()
    assert reader.ward.study().verdict == "not_analysed"
    assert pixels(reader.client().get(reader.address(5))).std() > 5


def test_every_frame_of_one_file_is_a_slice(reader: Reader) -> None:
    files = [pydicom.dcmread(one) for one in reader.study.paths]
    reader.ward.arrive([enhanced(files, reader.study.paths[0].parent / "enhanced.dcm")], "a")
    reader.study = Study(reader.study.uid, str(files[0].SeriesInstanceUID), reader.study.paths)
    found, client = reader.listed(), reader.client()
    assert [one["frame"] for one in found["slices"]] == list(range(SLICES))
    for at in (0, 9):
        shown = pixels(client.get(reader.address(at)))
        assert np.abs(shown - np.clip(reader.hounsfield(files[at].SOPInstanceUID) / 80, 0, 1) * 255).max() <= 0.51


def enhanced(files: list[pydicom.Dataset], path: Path) -> Path:
    """Put single slices, lowest first, into one object with a functional group each (PS3.3 A.38)."""
    files.sort(key=lambda one: float(one.ImagePositionPatient[2]))
    whole, first = pydicom.dcmread(path.parent / files[0].filename), files[0]
    whole.SOPClassUID = whole.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2.1"
    whole.SOPInstanceUID = whole.file_meta.MediaStorageSOPInstanceUID = f"{first.SOPInstanceUID}.9"
    whole.NumberOfFrames = len(files)
    whole.PerFrameFunctionalGroupsSequence = [own_group(one) for one in files]
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient"):
        whole.pop(keyword, None)
    whole.PixelData = b"".join(one.PixelData for one in files)
    whole.save_as(path)
    return path


def own_group(one: pydicom.Dataset) -> pydicom.Dataset:
    group, place, plane = pydicom.Dataset(), pydicom.Dataset(), pydicom.Dataset()
    place.ImagePositionPatient, plane.ImageOrientationPatient = one.ImagePositionPatient, one.ImageOrientationPatient
    group.PlanePositionSequence, group.PlaneOrientationSequence = [place], [plane]
    return group


def test_a_slice_that_cannot_be_decoded_says_why(reader: Reader) -> None:
    ds = pydicom.dcmread(reader.study.paths[2])
    ds.PixelData = ds.PixelData[:1000]
    ds.save_as(reader.study.paths[2])
    reader.ward.arrive(reader.study.paths, "a")
    damaged = [one["sop_instance_uid"] for one in reader.listed()["slices"]].index(ds.SOPInstanceUID)
    answer = reader.client().get(reader.address(damaged))
    assert answer.status_code == 422
    assert "the pixel data has 1000 bytes" in answer.json()["error"]
    assert answer.headers["cache-control"] == "no-store"


def test_unknown_slices_windows_and_series_are_missing(arrived: Reader) -> None:
    client, address = arrived.client(), arrived.address(0)
    name = address.split("/")[-2]
    for wrong in (
        address.replace("brain.png", "lung.png"),
        address.replace(arrived.study.series_uid, "1.2.3"),
        address.replace(arrived.study.uid, "1.2.3"),
        address.replace(name, f"{'0' * 64}-0"),
        address.replace(name, name[:-1] + "7"),
    ):
        assert client.get(wrong).status_code == 404, wrong
    assert client.get(address.replace(name, "..%2f..%2fledger-0")).status_code in (404, 422)
    assert client.get(f"/api/studies/{arrived.study.uid}/series/1.2.3/slices").json()["error"]


def test_a_purged_slice_is_gone_although_it_was_drawn_before(arrived: Reader) -> None:
    client, address = arrived.client(), arrived.address(0)
    assert client.get(address).status_code == 200
    for file in Path(arrived.ward.store.root).rglob("*.dcm"):
        file.unlink()
    assert client.get(address).status_code == 404


def test_nobody_sees_slices_without_a_login(arrived: Reader) -> None:
    client = arrived.client(open_door=False)
    assert client.get(arrived.base).status_code == 401
    for address in (arrived.address(0), f"/studies/{arrived.study.uid}/viewer"):
        assert client.get(address, follow_redirects=False).headers["location"] == "/login"


def test_the_page_opens_at_the_most_telling_slice_and_tells_the_report(read: Reader) -> None:
    html, found = read.client().get(f"/studies/{read.study.uid}").text, read.listed()
    telling = found["slices"][found["start"]]
    assert f'src="{found["base"]}{telling["name"]}/brain.png?' in html
    assert len(re.findall(r'<rect class="(?:over|under)"', html)) == SLICES
    report = html.partition('id="d-report"')[2]
    for words in ("Intracranial hemorrhage: Present; certainty 0.", "Intended use: research use only", "Key slice:"):
        assert words in report


def test_another_ct_series_of_the_study_can_be_chosen(read: Reader, head: Callable[..., Study]) -> None:
    other = head("none", StudyInstanceUID=read.study.uid, SeriesDescription="Thin <b>one</b>")
    read.ward.arrive(other.paths[:5], "b")
    client = read.client()
    plain = client.get(f"/studies/{read.study.uid}").text
    chosen = client.get(f"/studies/{read.study.uid}?series={other.series_uid}").text
    assert f'data-series="{read.study.series_uid}"' in plain
    assert f'data-series="{other.series_uid}"' in chosen
    assert "Thin &lt;b&gt;one" in plain
    assert f'data-series="{read.study.series_uid}"' in client.get(f"/studies/{read.study.uid}?series=1.2.3").text
    fragment = client.get(f"/studies/{read.study.uid}/viewer?series={other.series_uid}").text
    assert fragment.startswith("<section") and "5 slices, none read" in fragment


def test_a_study_without_ct_has_no_viewer(reader: Reader, head: Callable[..., Study]) -> None:
    study = head("none", Modality="MR")
    reader.ward.arrive(study.paths[:2], "a")
    client = reader.client()
    assert 'id="viewer"' not in client.get(f"/studies/{study.uid}").text
    assert client.get(f"/studies/{study.uid}/viewer").status_code == 204


def test_a_refresh_brings_the_case_along_but_not_the_viewer(read: Reader) -> None:
    living = read.client().get(f"/studies/{read.study.uid}", headers={"HX-Request": "true"}).text
    assert living.count('id="case"') == 1 and "hx-swap-oob" in living and 'id="viewer"' not in living
    whole = read.client().get(f"/studies/{read.study.uid}").text
    assert whole.count('id="case"') == 1 and "hx-swap-oob" not in whole and whole.count('id="viewer"') == 1
