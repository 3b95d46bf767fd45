"""Data sets made by hand and their bytes, so that every lie a device tells can be told here too."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import write_dataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian


def ct(**changed: Any) -> Dataset:
    """A 2x3 CT slice; ``changed`` sets attributes, None removes one."""
    ds = Dataset()
    ds.SOPClassUID, ds.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", "2.25.1"
    ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.FrameOfReferenceUID = "2.25.2", "2.25.3", "2.25.4"
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.Modality, ds.PatientID, ds.PatientName, ds.PatientAge = "CT", "P1", "Doe^Jane", "072Y"
    ds.StudyDate, ds.KVP, ds.SliceThickness, ds.ConvolutionKernel = "20260301", "120", "5", ["H31s", "3"]
    ds.ImagePositionPatient, ds.ImageOrientationPatient = ["-1", "-2", "30.5"], ["1", "0", "0", "0", "1", "0"]
    ds.PixelSpacing, ds.Rows, ds.Columns = ["0.5", "0.4"], 2, 3
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    ds.RescaleIntercept, ds.RescaleSlope = "-1024", "1"
    ds.PixelData = bytes(range(12))
    ds["PixelData"].VR = "OW"
    for keyword, value in changed.items():
        if value is None:
            ds.pop(keyword, None)
        else:
            setattr(ds, keyword, value)
    return ds


def encode(ds: Dataset, syntax: str) -> bytes:
    """The data set as it would travel."""
    uid = UID(syntax)
    out = BytesIO()
    out.is_little_endian, out.is_implicit_VR = uid.is_little_endian, uid.is_implicit_VR  # type: ignore[attr-defined]
    from pydicom.filebase import DicomIO

    stream = DicomIO(out)
    stream.is_little_endian, stream.is_implicit_VR = uid.is_little_endian, uid.is_implicit_VR
    write_dataset(stream, ds)
    plain = out.getvalue()
    if uid != DeflatedExplicitVRLittleEndian:
        return plain
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return deflater.compress(plain) + deflater.flush()


def group(**sequences: Dataset) -> Dataset:
    """A functional group with one item per macro sequence."""
    found = Dataset()
    for keyword, item in sequences.items():
        setattr(found, keyword, Sequence([item]))
    return found


def item(**values: Any) -> Dataset:
    found = Dataset()
    for keyword, value in values.items():
        setattr(found, keyword, value)
    return found


def with_syntax(ds: Dataset, syntax: str) -> Dataset:
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = UID(syntax)
    return ds


@pytest.fixture
def make_ct() -> Callable[..., Dataset]:
    return ct


@pytest.fixture
def encoded() -> Callable[[Dataset, str], bytes]:
    return encode


@pytest.fixture
def make_group() -> Callable[..., Dataset]:
    return group


@pytest.fixture
def make_item() -> Callable[..., Dataset]:
    return item


@pytest.fixture
def in_syntax() -> Callable[[Dataset, str], Dataset]:
    return with_syntax
