"""Headers and names of synthetic series, without a phantom."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread

from models.phantom import PHANTOM_VERSION, VENDORS, Phantom
from models.volume import to_hu
from service.errors import BadUsage
from service.practice.habits import HABITS, vendor_named
from service.practice.make_head import make_head
from service.practice.write_series import outside_circle, write_series


def block(vendor: str = "SIEMENS", tilt: float = 0.0) -> Phantom:
    """A noise block in the shape of a phantom."""
    rng = np.random.default_rng(3)
    hu = rng.integers(-1024, 3071, (4, 32, 48), dtype=np.int16, endpoint=True)
    truth = np.zeros(hu.shape, np.uint8)
    truth[2, 10:14, 10:15] = 1
    cosine = float(np.cos(np.radians(tilt)))
    return Phantom(
        hu=hu, row_mm=0.5, col_mm=0.4, thickness=5.0, spacing=5.0 * cosine, positions=np.arange(4) * 5.0 * cosine,
        tilt_degrees=tilt, truth=truth, finding="epidural", kernel="H31s", kvp=120.0, seed=9, volume_ml=0.02,
        vendor=vendor,
    )  # fmt: skip


def test_every_vendor_of_the_phantom_has_habits() -> None:
    assert set(VENDORS) <= set(HABITS)


@pytest.mark.parametrize(("text", "name"), [("ge", "GE MEDICAL SYSTEMS"), ("Canon", "TOSHIBA"), ("Philips", "Philips")])
def test_vendor_by_short_name(text: str, name: str) -> None:
    assert vendor_named(text) == name


def test_unknown_vendor_is_none() -> None:
    assert vendor_named("acme") is None


@pytest.mark.parametrize("vendor", sorted(HABITS))
def test_hu_comes_back_identical(tmp_path: Path, vendor: str) -> None:
    phantom = block(vendor)
    inside = ~outside_circle(phantom.hu.shape[1:]) if HABITS[vendor].padding is not None else np.True_
    for at, path in enumerate(write_series(phantom, tmp_path)):
        data = dcmread(path)
        hu = to_hu(data.pixel_array, data.RescaleSlope, data.RescaleIntercept, data.get("PixelPaddingValue"))
        assert np.array_equal(hu[np.broadcast_to(inside, hu.shape)], phantom.hu[at][np.broadcast_to(inside, hu.shape)])
        assert (hu[np.broadcast_to(~inside, hu.shape)] == -1000).all()


def test_same_phantom_same_bytes_and_another_seed_another_study(tmp_path: Path) -> None:
    one = write_series(block(), tmp_path / "a")
    again = write_series(block(), tmp_path / "b")
    other = write_series(replace(block(), seed=10), tmp_path / "c")
    fresh = write_series(block(), tmp_path / "d", fresh=True)
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in again]
    studies = {dcmread(paths[0]).StudyInstanceUID for paths in (one, other, fresh)}
    assert len(studies) == 3


def test_other_pixels_never_share_a_uid(tmp_path: Path) -> None:
    """A phantom that changed must not come as other bytes under a known UID."""
    changed = block()
    changed.hu[0, 0, 0] += 1
    uids = [
        {dcmread(path).SOPInstanceUID for path in write_series(phantom, tmp_path / name)}
        for name, phantom in (("a", block()), ("b", changed))
    ]
    assert not uids[0] & uids[1]


@pytest.mark.parametrize("tilt", [0.0, 17.3])
def test_slices_lie_where_the_phantom_says(tmp_path: Path, tilt: float) -> None:
    phantom = block("GE MEDICAL SYSTEMS", tilt)
    for at, path in enumerate(write_series(phantom, tmp_path)):
        data = dcmread(path)
        row, column = np.array(data.ImageOrientationPatient, float).reshape(2, 3)
        normal = np.cross(row, column)
        assert np.dot(normal, np.array(data.ImagePositionPatient, float)) == pytest.approx(
            phantom.positions[at], abs=1e-4
        )
        down, across = (np.array(phantom.hu.shape[1:]) - 1) / 2 * (phantom.row_mm, phantom.col_mm)
        centre = np.array(data.ImagePositionPatient, float) + row * across + column * down
        assert centre == pytest.approx([0, 0, float(data.SliceLocation)], abs=1e-4)
        assert float(data.GantryDetectorTilt) == pytest.approx(-tilt)


def test_header_speaks_practice_and_the_truth_lies_beside(tmp_path: Path) -> None:
    paths = write_series(block(), tmp_path)
    data = dcmread(paths[2])
    assert (str(data.PatientName), data.PatientID) == ("PRACTICE^EPIDURAL", "PRACTICE-9")
    truth = json.loads((tmp_path / "truth.json").read_text())
    assert truth["finding"] == "epidural" and truth["kinds"] == ["epidural"]
    assert truth["volumes_ml"] == {"epidural": 0.02} and truth["phantom_version"] == PHANTOM_VERSION
    assert [one["kinds"] for one in truth["slices"]] == [[], [], ["epidural"], []]
    assert [one["voxels"] for one in truth["slices"]] == [0, 0, 20, 0]
    assert truth["slices"][2]["sop_instance_uid"] == data.SOPInstanceUID
    assert int((np.load(tmp_path / "truth.npz")["truth"] > 0).sum()) == 20


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({"finding": "tumour"}, "no such finding: 'tumour'; known are none, epidural"),
        ({"finding": "none+epidural"}, "no such finding: 'none\\+epidural'"),
        ({"variety": 1.5}, "variety goes from 0"),
        ({"vendor": "acme"}, "no such vendor: 'acme'; known are ge"),
        ({"slices": 0}, "slices from 1"),
        ({"thickness": 0.0}, "thickness above 0"),
        ({"seed": -1}, "seed from 0"),
    ],
)
def test_a_head_that_cannot_be_made_says_why(wish: dict[str, Any], words: str) -> None:
    with pytest.raises(BadUsage, match=words):
        make_head(**({"finding": "none", "seed": 1} | wish))


def test_a_real_phantom_keeps_its_hu_and_truth(tmp_path: Path) -> None:
    phantom = make_head("epidural", 7, slices=2, vendor="siemens")
    for at, path in enumerate(write_series(phantom, tmp_path)):
        assert np.array_equal(dcmread(path).pixel_array.astype(int) - 1024, phantom.hu[at])


def test_a_mixture_is_written_with_both_volumes(tmp_path: Path) -> None:
    phantom = make_head("intraparenchymal+intraventricular", 2, slices=10, thickness=14.0, vendor="philips")
    write_series(phantom, tmp_path)
    truth = json.loads((tmp_path / "truth.json").read_text())
    assert truth["finding"] == "intraparenchymal" and truth["kinds"] == ["intraparenchymal", "intraventricular"]
    assert sum(truth["volumes_ml"].values()) == pytest.approx(truth["volume_ml"], abs=0.01)
