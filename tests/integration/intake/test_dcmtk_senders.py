"""DCMTK as the modality: echoscu, storescu and dcmsend, every transfer syntax, real files."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.filereader import _read_file_meta_info, read_preamble

from service.dicom import uids
from service.dicom.pixels import stored_slice
from service.dicom.statuses import Status

Maker = Callable[..., Any]
pytestmark = pytest.mark.peer

#: the file of ../shared/data/cornerstone-ts-ct and the option that makes storescu propose its syntax
SYNTAXES = {
    "LittleEndianImplicit": "-xi",
    "LittleEndianExplicit": "-xe",
    "BigEndianExplicit": "-xb",
    "DeflatedExplicitVRLittleEndian": "-xd",
    "RLELossless": "-xr",
    "JPEGProcess14SV1": "-xs",
    "JPEGLSLossless": "-xt",
    "JPEGLSLossy": "-xu",
    "JPEG2000LosslessOnly": "-xv",
    "JPEG2000": "-xw",
    "JPEGProcess1": "-xy",
    "JPEGProcess2_4": "-xx",
}
LOSSY = {"JPEGLSLossy", "JPEG2000", "JPEGProcess1", "JPEGProcess2_4"}


@pytest.fixture
def run(program: Maker, dcmtk_environment: dict[str, str]) -> Callable[..., subprocess.CompletedProcess[str]]:
    def call(name: str, *arguments: object) -> subprocess.CompletedProcess[str]:
        command = [program(name), *(str(one) for one in arguments)]
        return subprocess.run(
            command, capture_output=True, text=True, env=dcmtk_environment, timeout=60, check=False, errors="replace"
        )

    return call


def test_echoscu(open_house: Maker, run: Maker) -> None:
    house = open_house()
    assert run("echoscu", "-v", "127.0.0.1", house.port).returncode == 0


@pytest.mark.parametrize("name", SYNTAXES)
def test_storescu_in_every_syntax(open_house: Maker, run: Maker, shared_data: Path, name: str) -> None:
    house = open_house()
    file = next((shared_data / "cornerstone-ts-ct").glob(f"CTImage.dcm_{name}TransferSyntax_*.dcm"))
    done = run("storescu", "-v", "-R", SYNTAXES[name], "-aec", "ICHOR", "127.0.0.1", house.port, file)
    assert done.returncode == 0, done.stderr
    (kept,) = house.files()
    assert dcmread(kept).file_meta.TransferSyntaxUID == file.stem.split("_")[-1]
    if name not in LOSSY:
        reference = stored_slice(shared_data / "cornerstone-ts-ct" / "CTImage.dcm")
        assert np.array_equal(stored_slice(kept).pixels, reference.pixels)


def test_dcmsend_sends_a_whole_head_twice(open_house: Maker, run: Maker, shared_data: Path) -> None:
    house = open_house()
    files = sorted((shared_data / "ge-tilt-head").glob("*.dcm"))
    for _ in range(2):
        done = run("dcmsend", "-aet", "GE", "-aec", "ICHOR", "127.0.0.1", house.port, *files)
        assert done.returncode == 0, done.stderr
    assert len(house.files()) == len(house.rows("instances")) == len(files) == 28
    assert house.rows("conflicts") == []
    end = time.monotonic() + 5
    while set(house.rows("associations", "calling_ae, end")) != {("GE", "released")}:
        assert time.monotonic() < end, house.rows("associations")
        time.sleep(0.02)


def travelling(path: Path) -> tuple[str, str, str, bytes]:
    """Class, instance, syntax and data set bytes as they lie in a file (DCMTK would rewrite them)."""
    with path.open("rb") as file:
        read_preamble(file, False)
        meta, encoded = _read_file_meta_info(file), file.read()
    ds = dcmread(path, stop_before_pixels=True)
    sop_class = ds.get("SOPClassUID") or meta.MediaStorageSOPClassUID
    sop_uid = ds.get("SOPInstanceUID") or meta.MediaStorageSOPInstanceUID
    return str(sop_class), str(sop_uid), str(meta.TransferSyntaxUID), encoded


@pytest.mark.parametrize(
    ("folder", "pattern"),
    [
        ("philips-phantom-head/S21570/S2010", "I*"),
        ("taichi-toshiba-lspine-deid", "*/*"),
        ("dcmqi-ct", "*/*.dcm"),
        ("dicom2nifti-geometry", "*/*/*.dcm"),
        ("dicomparser-encapsulated/encapsulated/multi-frame", "CT*"),
    ],
)
def test_whatever_real_scanners_wrote_is_kept(
    open_house: Maker, sending: Maker, shared_data: Path, folder: str, pattern: str
) -> None:
    house = open_house()
    files = [one for one in sorted((shared_data / folder).glob(pattern)) if one.is_file()][:6]
    assert files
    for path in files:
        sop_class, sop_uid, syntax, encoded = travelling(path)
        sender = sending(house, sop_class, syntax=syntax)
        answer = sender.store(encoded, sop_uid, sop_class)
        assert answer.Status == Status.SUCCESS, (path.name, answer)
        sender.association.release()
    assert len(house.rows("instances")) + len(house.rows("conflicts")) == len(house.files())


def test_a_slice_without_a_study_is_refused_by_that_reason(
    open_house: Maker, sending: Maker, shared_data: Path
) -> None:
    house = open_house()
    path = min((shared_data / "totalseg-siemens-body").iterdir())
    sop_class, sop_uid, syntax, encoded = travelling(path)
    answer = sending(house, sop_class, syntax=syntax).store(encoded, sop_uid, sop_class)
    assert (answer.Status, answer.ErrorComment) == (
        Status.CANNOT_UNDERSTAND,
        "the data set has no Study Instance UID",
    )


def test_a_truncated_file_is_refused_to_storescu(
    open_house: Maker, run: Maker, shared_data: Path, tmp_path: Path
) -> None:
    house = open_house()
    whole = (shared_data / "ge-tilt-head" / "01.dcm").read_bytes()
    (tmp_path / "cut.dcm").write_bytes(whole[: len(whole) // 2])
    done = run("storescu", "-v", "-aec", "ICHOR", "127.0.0.1", house.port, tmp_path / "cut.dcm")
    assert house.files() == [] and house.rows("instances") == []
    assert done.returncode != 0 or "0xc000" in (done.stdout + done.stderr).lower()


def test_documents_and_captures_travel_along(open_house: Maker, run: Maker) -> None:
    from pydicom.data import get_testdata_file

    house = open_house()
    names = ["reportsi.dcm", "rtplan.dcm", "MR_small.dcm", "JPEG2000.dcm", "examples_palette.dcm"]
    files = [path for one in names if (path := get_testdata_file(one, download=False))]
    for path in files:
        syntax = str(dcmread(path, stop_before_pixels=True).file_meta.TransferSyntaxUID)
        options = ["-xw"] if syntax == uids.J2K else ["-xv"] if syntax == uids.J2K_LOSSLESS else []
        done = run("storescu", "-v", "-R", *options, "-aec", "ICHOR", "127.0.0.1", house.port, path)
        assert done.returncode == 0, (path, done.stderr)
    assert len(files) >= 4 and len(house.rows("instances")) == len(files)
