"""One head in every transfer syntax, each sent through the door: the same Hounsfield units, the same answer."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gdcm
import numpy as np
import pydicom
import pytest
from heads import Study
from modality import Travelling, kept, storescu, travelling
from nodes import Node
from numpy.typing import NDArray
from peers import find_program
from pydicom.uid import UID

import models
from service.dicom import uids
from service.dicom.pixels import stored_slice

pytestmark = pytest.mark.peer
#: where a syntax has no option of storescu's, its association profile names it
PROFILE = """
[[TransferSyntaxes]]
[Own]
TransferSyntax1 = {syntax}
[[PresentationContexts]]
[Contexts]
PresentationContext1 = CTImageStorage\\Own
[[Profiles]]
[Own]
PresentationContexts = Contexts
"""
LOSSLESS = {
    "implicit": (uids.IMPLICIT_LE, ("dcmconv", "+ti"), "-xi"),
    "explicit": (uids.EXPLICIT_LE, ("dcmconv", "+te"), "-xe"),
    "big endian": (uids.EXPLICIT_BE, ("dcmconv", "+tb"), "-xb"),
    "deflated": (uids.DEFLATED_LE, ("dcmconv", "+td"), "-xd"),
    "RLE": (uids.RLE, ("dcmcrle",), "-xr"),
    "JPEG lossless": (uids.JPEG_LOSSLESS, ("dcmcjpeg", "+el"), ""),
    "JPEG lossless SV1": (uids.JPEG_LOSSLESS_SV1, ("dcmcjpeg", "+e1"), "-xs"),
    "JPEG-LS": (uids.JPEG_LS, ("dcmcjpls", "+el"), "-xt"),
    "JPEG 2000 lossless": (uids.J2K_LOSSLESS, (), "-xv"),
}
LOSSY = {
    "JPEG baseline": (uids.JPEG_BASELINE, ("dcmcjpeg", "+eb"), "-xy"),
    "JPEG extended": (uids.JPEG_EXTENDED, ("dcmcjpeg", "+ee"), "-xx"),
    "JPEG-LS near": (uids.JPEG_LS_NEAR, ("dcmcjpls", "+en"), "-xu"),
}


@dataclass(frozen=True)
class Reference:
    """The head as the scanner wrote it, explicit little endian, and what the node said about it."""

    hounsfield: dict[int, NDArray[np.float32]]
    study: dict[str, Any]


@pytest.fixture(scope="module")
def node(module_node: Callable[..., Node]) -> Iterator[Node]:
    running = module_node()
    running.start()
    yield running
    running.end()


@pytest.fixture(scope="module")
def reference(node: Node, made_heads: Callable[[str], list[Path]]) -> Reference:
    paths = made_heads("epidural")
    storescu(node, paths, "-xe")
    uid = str(pydicom.dcmread(paths[0]).StudyInstanceUID)
    assert node.settled(uid)["state"] == "done"
    return Reference(hounsfield={number_of(one): hounsfield(one) for one in paths}, study=node.study(uid))


def number_of(path: Path) -> int:
    return int(pydicom.dcmread(path, stop_before_pixels=True).InstanceNumber)


def hounsfield(path: Path) -> NDArray[np.float32]:
    one = stored_slice(path)
    return models.to_hu(one.pixels, one.slope, one.intercept, one.padding, one.padding_limit)


def transcode(study: Study, tool: tuple[str, ...], folder: Path) -> list[Path]:
    """Rewrite a study with DCMTK."""
    folder.mkdir()
    program = find_program(tool[0])
    targets = [folder / path.name for path in study.paths]
    for path, target in zip(study.paths, targets, strict=True):
        subprocess.run([program, *tool[1:], path, target], check=True, capture_output=True, timeout=30)
    return targets


def to_jpeg_2000(study: Study, folder: Path) -> list[Path]:
    """Rewrite a study with GDCM, since DCMTK has no JPEG 2000; the node decodes with another library."""
    folder.mkdir()
    targets = [folder / path.name for path in study.paths]
    for path, target in zip(study.paths, targets, strict=True):
        reader, change, writer = gdcm.ImageReader(), gdcm.ImageChangeTransferSyntax(), gdcm.ImageWriter()
        reader.SetFileName(str(path))
        assert reader.Read()
        change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.JPEG2000Lossless))
        change.SetInput(reader.GetImage())
        assert change.Change()
        writer.SetFileName(str(target))
        writer.SetFile(reader.GetFile())
        writer.SetImage(change.GetOutput())
        assert writer.Write()
    return targets


def offering(option: str, syntax: str, folder: Path) -> tuple[str, ...]:
    """Give storescu's option for a syntax."""
    if option:
        return (option,)
    profile = folder / "profile.cfg"
    profile.write_text(PROFILE.format(syntax=syntax))
    return ("-xf", str(profile), "Own")


def on_the_wire(thing: Travelling) -> Travelling:
    """Add the byte that makes a deflated data set even (PS3.5 A.5), as storescu does when it sends."""
    if thing.syntax != uids.DEFLATED_LE:
        return thing
    return replace(thing, encoded=thing.encoded + b"\0" * (len(thing.encoded) % 2))


def kept_as_they_came(node: Node, paths: list[Path], syntax: str) -> list[Path]:
    """Check that each object lies in the store byte for byte as it was sent; give the store's files."""
    store, found = kept(node), []
    for path in paths:
        sent = travelling(path)
        assert sent.syntax == syntax
        file = store[sent.sop_uid]
        assert on_the_wire(travelling(file)) == on_the_wire(sent), f"{path.name} was changed on its way"
        found.append(file)
    return found


def answer_of(study: dict[str, Any]) -> dict[str, Any]:
    """Reduce a study to what must not depend on the transfer syntax."""
    (series,) = study["series"]
    return {
        **{key: study[key] for key in ("state", "verdict", "probability", "priority", "why")},
        **{key: series[key] for key in ("findings", "decision", "suitability", "key_slices")},
        "slices": [{key: value for key, value in one.items() if key != "sop_instance_uid"} for one in series["slices"]],
    }


@pytest.mark.parametrize("name", LOSSLESS)
def test_the_syntax_makes_no_difference(
    node: Node, reference: Reference, head: Callable[..., Study], tmp_path: Path, name: str
) -> None:
    syntax, tool, option = LOSSLESS[name]
    study = head("epidural")
    folder = tmp_path / "transcoded"
    files = transcode(study, tool, folder) if tool else to_jpeg_2000(study, folder)
    storescu(node, files, *offering(option, syntax, tmp_path))
    for file in kept_as_they_came(node, files, syntax):
        assert np.array_equal(hounsfield(file), reference.hounsfield[number_of(file)])
    node.settled(study.uid)
    assert answer_of(node.study(study.uid)) == answer_of(reference.study)


@pytest.mark.parametrize("name", LOSSY)
def test_lossy_copies_are_kept_and_explained(node: Node, head: Callable[..., Study], tmp_path: Path, name: str) -> None:
    """DCMTK marks what it compressed with loss as DERIVED, as PS3.3 C.7.6.1.1.5 asks; such slices are not read."""
    syntax, tool, option = LOSSY[name]
    study = head("epidural")
    if syntax == uids.JPEG_LS_NEAR:
        make_unsigned(study)
    files = transcode(study, tool, tmp_path / "transcoded")
    storescu(node, files, *offering(option, syntax, tmp_path))
    kept_as_they_came(node, files, syntax)
    row = node.settled(study.uid)
    assert (row["state"], row["priority"]) == ("not_analysed", "MEDIUM")
    assert row["why"] == "these are axial derived images (DERIVED\\PRIMARY\\AXIAL), not the scanner's original slices"
    assert node.study(study.uid)["evidence"]["sentence"].endswith("16 of 16 compressed with loss")


def make_unsigned(study: Study) -> None:
    """Store the same values without a sign: DCMTK compresses signed ones only without loss."""
    for path in study.paths:
        ds = pydicom.dcmread(path)
        hu = np.clip(ds.pixel_array.astype(np.int32) + int(ds.RescaleIntercept), -1024, 3071)
        ds.PixelData = (hu + 1024).astype("<u2").tobytes()
        ds.PixelRepresentation, ds.RescaleIntercept = 0, -1024
        ds.BitsStored, ds.HighBit = 12, 11
        del ds.PixelPaddingValue
        ds.save_as(path)


def test_lossy_slices_that_pass_for_original_are_read_with_a_note(node: Node, head: Callable[..., Study]) -> None:
    study = head("epidural", LossyImageCompression="01", LossyImageCompressionMethod="ISO_15444_1")
    for path in study.paths:
        ds = pydicom.dcmread(path)
        ds.compress(UID(uids.J2K), j2k_cr=[6], generate_instance_uid=False)
        ds.save_as(path)
    storescu(node, study.paths, "-xw")
    kept_as_they_came(node, list(study.paths), uids.J2K)
    row = node.settled(study.uid)
    assert row["state"] == "done", row["why"]
    assert node.study(study.uid)["evidence"]["sentence"].endswith("16 of 16 compressed with loss")


def test_slices_no_codec_reads_are_kept_and_explained(node: Node, head: Callable[..., Study], tmp_path: Path) -> None:
    """12-bit JPEG has no free codec here; said to be original, it fails at the pixels instead of the header."""
    study = head("epidural")
    files = transcode(study, ("dcmcjpeg", "+ee"), tmp_path / "transcoded")
    for path in files:
        ds = pydicom.dcmread(path)
        ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        ds.save_as(path)
    storescu(node, files, "-xx")
    kept_as_they_came(node, files, uids.JPEG_EXTENDED)
    row = node.settled(study.uid)
    assert row["state"] == "not_analysed"
    assert row["why"].startswith("16 slices could not be decoded (frame 1 (JPEG Extended")
