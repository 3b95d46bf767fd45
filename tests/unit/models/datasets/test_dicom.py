"""The workshop reads DICOM pixels as the node does, for every maker's habits and for odd bit layouts."""

import numpy as np
import pydicom
import pytest
from trees import shrunk, write_ct

import models
from models.datasets.dicom import read_header, read_slice
from models.errors import SliceUnreadable
from models.phantom import VENDORS
from service.dicom.pixels import stored_slice
from service.practice.write_series import write_series


def as_the_node_does(path):
    one = stored_slice(path)
    return models.to_hu(one.pixels, one.slope, one.intercept, one.padding, one.padding_limit)


@pytest.mark.parametrize("vendor", VENDORS)
def test_pixels_are_those_of_the_node_for_every_maker(small_heads, tmp_path, vendor):
    from dataclasses import replace

    head = small_heads["none"]
    for path in write_series(replace(head, vendor=vendor, hu=head.hu[3:6], truth=head.truth[3:6]), tmp_path):
        assert np.array_equal(read_slice(path).hu, as_the_node_does(path))


ODD = {
    "high bit above": {"BitsStored": 12, "HighBit": 15, "PixelRepresentation": 0},
    "overlay bits above": {"BitsStored": 12, "HighBit": 11, "PixelRepresentation": 0},
    "signed in 12 bits": {"BitsStored": 12, "HighBit": 11, "PixelRepresentation": 1},
    "padding wider than stored": {
        "BitsStored": 12,
        "HighBit": 11,
        "PixelRepresentation": 1,
        "PixelPaddingValue": 63536,
    },
    "no slope": {"RescaleSlope": 0},
}


@pytest.mark.parametrize("name", ODD)
def test_odd_bit_layouts_are_read_as_the_node_reads_them(tmp_path, name):
    path = tmp_path / "odd.dcm"
    write_ct(path, np.zeros((32, 32)), 0, SOPInstanceUID="1.2.3", SeriesInstanceUID="1.2", PatientID="P")
    ds = pydicom.dcmread(path)
    ds.PixelData = np.random.default_rng(5).integers(0, 65536, (32, 32)).astype("<u2").tobytes()
    for key, value in ODD[name].items():
        if key == "PixelPaddingValue":
            ds.add_new(key, "US", value)
        else:
            setattr(ds, key, value)
    ds.save_as(path)
    assert np.array_equal(read_slice(path).hu, as_the_node_does(path))


@pytest.mark.parametrize("syntax", ["RLELossless", "JPEG2000Lossless", "JPEGLSLossless"])
def test_compressed_pixels_are_read_too(small_heads, tmp_path, syntax):
    path = tmp_path / "one.dcm"
    write_ct(path, small_heads["none"].hu[5], 0, SOPInstanceUID="1.2.3", SeriesInstanceUID="1.2", PatientID="P")
    plain = read_slice(path).hu
    ds = pydicom.dcmread(path)
    ds.compress(getattr(pydicom.uid, syntax))
    ds.save_as(path)
    assert np.array_equal(read_slice(path).hu, plain) and np.array_equal(as_the_node_does(path), plain)


def test_a_header_says_none_where_a_file_is_silent(tmp_path):
    path = tmp_path / "bare.dcm"
    write_ct(path, np.zeros((8, 8)), 0, SOPInstanceUID="1.2.3", SeriesInstanceUID="1.2")
    ds = pydicom.dcmread(path)
    del ds.ImageOrientationPatient, ds.SliceThickness
    ds.InstanceNumber = None
    ds.save_as(path)
    header = read_header(path)
    assert (header.normal, header.thickness, header.number, header.frames) == (None, None, 0, 1)
    (tmp_path / "text").write_text("no DICOM at all")
    assert read_header(tmp_path / "text") is None


def test_a_slice_that_cannot_be_read_says_which_and_why(tmp_path):
    path = tmp_path / "cut.dcm"
    write_ct(path, np.zeros((32, 32)), 0, SOPInstanceUID="1.2.3", SeriesInstanceUID="1.2")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(SliceUnreadable, match=r"cut\.dcm"):
        read_slice(path)
    write_ct(path, np.zeros((32, 32)), 0, SOPInstanceUID="1.2.3", SeriesInstanceUID="1.2", PixelSpacing=None)
    with pytest.raises(SliceUnreadable, match="no Pixel Spacing"):
        read_slice(path)


def test_shrunk_heads_keep_their_size_in_mm(small_heads):
    head = small_heads["none"]
    assert head.hu.shape[1:] == (128, 128) and 200 < head.row_mm * 128 < 280
    assert shrunk(head).row_mm == head.row_mm
