"""Stored pixels, bit by bit, and what real codecs make of real streams."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.data import get_testdata_file
from pydicom.sequence import Sequence

from service.dicom import uids
from service.dicom.pixels import CODECS, NATIVE, stored_slice, stored_slices
from service.errors import UndecodablePixels

MakeCt = Callable[..., Dataset]
Make = Callable[..., Dataset]
InSyntax = Callable[[Dataset, str], Dataset]
SHARED = Path(__file__).parents[5] / "shared" / "data"
CORNERSTONE = SHARED / "cornerstone-ts-ct"
ENCAPSULATED = SHARED / "dicomparser-encapsulated" / "encapsulated"
needs_shared = pytest.mark.skipif(
    not CORNERSTONE.exists(), reason="needs the public CT samples in ../shared/data beside the checkout"
)


def cells(values: list[int], dtype: str = "<u2") -> bytes:
    return np.array(values, "i8").astype(dtype).tobytes()


def read(ds: Dataset, in_syntax: InSyntax, syntax: str = uids.EXPLICIT_LE) -> NDArray[np.generic]:
    return stored_slice(in_syntax(ds, syntax)).pixels


@pytest.mark.parametrize(
    ("syntax", "order"), [(uids.EXPLICIT_LE, "<"), (uids.IMPLICIT_LE, "<"), (uids.EXPLICIT_BE, ">")]
)
def test_native_pixels_in_either_order(make_ct: MakeCt, in_syntax: InSyntax, syntax: str, order: str) -> None:
    ds = make_ct(PixelData=cells([0, 1, 4095, 7, 8, 9], order + "u2"))
    assert read(ds, in_syntax, syntax).tolist() == [[0, 1, 4095], [7, 8, 9]]


def test_junk_above_the_stored_bits_is_dropped(make_ct: MakeCt, in_syntax: InSyntax) -> None:
    ds = make_ct(PixelData=cells([0xF000, 0xA001, 0x1FFF, 7, 8, 9]))
    assert read(ds, in_syntax).tolist() == [[0, 1, 4095], [7, 8, 9]]


def test_signed_pixels_spread_their_sign(make_ct: MakeCt, in_syntax: InSyntax) -> None:
    ds = make_ct(PixelRepresentation=1, PixelData=cells([0x0FFF, 0x0800, 0xF7FF, 0, 1, 0xFFFF]))
    assert read(ds, in_syntax).tolist() == [[-1, -2048, 2047], [0, 1, -1]]


def test_a_high_bit_above_the_stored_bits_shifts(make_ct: MakeCt, in_syntax: InSyntax) -> None:
    ds = make_ct(HighBit=15, PixelData=cells([0x0010, 0xFFF0, 0xFFFF, 0, 0x001F, 0x8000]))
    assert read(ds, in_syntax).tolist() == [[1, 4095, 4095], [0, 1, 2048]]


def test_padding_wider_than_the_stored_bits_stays(make_ct: MakeCt, in_syntax: InSyntax) -> None:
    ds = make_ct(PixelRepresentation=1, PixelData=cells([-3024, -3024, 0, 1, 2, 3], "<i2"), PixelPaddingValue=-3024)
    ds["PixelPaddingValue"].VR = "SS"
    found = stored_slice(in_syntax(ds, uids.EXPLICIT_LE))
    assert found.padding == -3024 and found.pixels.tolist() == [[-3024, -3024, 0], [1, 2, 3]]


@pytest.mark.parametrize(("allocated", "dtype"), [(8, "u1"), (32, "<i4")])
def test_other_cell_sizes(make_ct: MakeCt, in_syntax: InSyntax, allocated: int, dtype: str) -> None:
    values = [0, 1, 2, 3, 4, 255 if allocated == 8 else -70000]
    data = cells(values, dtype)
    ds = make_ct(
        BitsAllocated=allocated,
        BitsStored=allocated,
        HighBit=allocated - 1,
        PixelRepresentation=int(allocated == 32),
        PixelData=data,
    )
    assert read(ds, in_syntax).ravel().tolist() == values


def test_rescale_and_spacing(make_ct: MakeCt, in_syntax: InSyntax) -> None:
    found = stored_slice(in_syntax(make_ct(RescaleIntercept="-0", RescaleSlope="2.5"), uids.EXPLICIT_LE))
    assert (found.slope, found.intercept, found.row_mm, found.column_mm) == (2.5, 0.0, 0.5, 0.4)
    bare = make_ct(RescaleIntercept=None, RescaleSlope=None, PixelSpacing=None)
    found = stored_slice(in_syntax(bare, uids.EXPLICIT_LE))
    assert (found.slope, found.intercept, found.row_mm, found.padding) == (1.0, 0.0, None, None)


def test_each_frame_has_its_own_rescale(
    make_ct: MakeCt, make_group: Make, make_item: Make, in_syntax: InSyntax
) -> None:
    frames = [
        make_group(PixelValueTransformationSequence=make_item(RescaleSlope=1 + at, RescaleIntercept=-1000.0 * at))
        for at in range(3)
    ]
    ds = make_ct(
        NumberOfFrames=3,
        PerFrameFunctionalGroupsSequence=Sequence(frames),
        PixelData=cells(list(range(18))),
        RescaleSlope=None,
        RescaleIntercept=None,
    )
    in_syntax(ds, uids.EXPLICIT_LE)
    found = list(stored_slices(ds))
    assert [(one.frame, one.slope, one.intercept) for one in found] == [(0, 1, 0), (1, 2, -1000), (2, 3, -2000)]
    assert [int(one.pixels[0, 0]) for one in found] == [0, 6, 12]
    assert [int(one.pixels[0, 0]) for one in stored_slices(ds, [2, 0])] == [12, 0]
    with pytest.raises(UndecodablePixels, match="frame 4 of 3"):
        list(stored_slices(ds, [3]))


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"PixelData": bytes(10)}, "10 bytes where 12"),
        ({"PixelData": None}, "no pixel data"),
        ({"Rows": 0}, "3 x 0"),
        ({"Rows": 65535, "Columns": 65535}, "65535"),
        ({"SamplesPerPixel": 3}, "colour"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "PALETTE COLOR"),
        ({"BitsAllocated": 12}, "12 bits"),
        ({"BitsStored": 17}, "17 of 16"),
        ({"NumberOfFrames": 2}, "12 bytes where 24"),
    ],
)
def test_what_cannot_be_a_slice_says_why(
    make_ct: MakeCt, in_syntax: InSyntax, changed: dict[str, object], reason: str
) -> None:
    with pytest.raises(UndecodablePixels, match=reason):
        read(make_ct(**changed), in_syntax)


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.4.102", "1.2.3"])
def test_syntaxes_that_are_kept_but_not_read_say_so(make_ct: MakeCt, in_syntax: InSyntax, syntax: str) -> None:
    with pytest.raises(UndecodablePixels, match="kept but not read"):
        read(make_ct(), in_syntax, syntax)


def test_longer_pixel_data_and_monochrome1_are_read(make_ct: MakeCt, in_syntax: InSyntax) -> None:
    ds = make_ct(PixelData=cells([1, 2, 3, 4, 5, 6, 99, 99]), PhotometricInterpretation="MONOCHROME1")
    assert read(ds, in_syntax).tolist() == [[1, 2, 3], [4, 5, 6]]


def test_a_file_that_is_none_is_undecodable(tmp_path: Path) -> None:
    (tmp_path / "x.dcm").write_bytes(b"nothing")
    with pytest.raises(UndecodablePixels):
        stored_slice(tmp_path / "x.dcm")


def test_every_readable_syntax_names_a_free_codec() -> None:
    from service.dicom.contexts import READ_SYNTAXES

    assert set(READ_SYNTAXES) == NATIVE | set(CODECS)
    assert set(CODECS.values()) <= {"gdcm", "pyjpegls", "pylibjpeg", "pydicom"}


LOSSLESS = [
    "LittleEndianExplicit",
    "LittleEndianImplicit",
    "BigEndianExplicit",
    "DeflatedExplicitVRLittleEndian",
    "RLELossless",
    "JPEGProcess14",
    "JPEGProcess14SV1",
    "JPEGLSLossless",
    "JPEG2000LosslessOnly",
]


@needs_shared
@pytest.mark.parametrize("name", LOSSLESS)
def test_lossless_syntaxes_give_identical_pixels(name: str) -> None:
    found = stored_slice(next(CORNERSTONE.glob(f"CTImage.dcm_{name}TransferSyntax_*.dcm")))
    reference = stored_slice(CORNERSTONE / "CTImage.dcm")
    assert found.pixels.dtype == reference.pixels.dtype == np.int16
    assert np.array_equal(found.pixels, reference.pixels)
    assert (found.slope, found.intercept, found.padding) == (1.0, -1024.0, reference.padding)


@needs_shared
@pytest.mark.parametrize(("name", "worst"), [("JPEG2000", 40), ("JPEGLSLossy", 3), ("JPEGProcess1", 60)])
def test_lossy_syntaxes_are_near_in_hu(name: str, worst: float) -> None:
    found = stored_slice(next(CORNERSTONE.glob(f"CTImage.dcm_{name}TransferSyntax_*.dcm")))
    reference = stored_slice(CORNERSTONE / "CTImage.dcm")
    hu = [one.pixels.astype("f8") * one.slope + one.intercept for one in (found, reference)]
    assert np.percentile(np.abs(hu[0] - hu[1]), 99) < worst


@needs_shared
def test_twelve_bit_jpeg_has_no_free_codec_and_says_so() -> None:
    with pytest.raises(UndecodablePixels, match="JPEG Extended"):
        stored_slice(next(CORNERSTONE.glob("*JPEGProcess2_4*.dcm")))


@needs_shared
@pytest.mark.parametrize("folder", ["multi-frame", "single-frame"])
def test_fragmented_streams_with_and_without_offset_table(folder: str) -> None:
    name = "CT0012" if folder == "multi-frame" else "CT1_UNC"
    reference = list(stored_slices(ENCAPSULATED / folder / f"{name}.explicit_little_endian.dcm"))
    others = [one for one in (ENCAPSULATED / folder).glob(f"{name}.*") if one.suffixes[-2] not in (".51", ".81")]
    assert len(others) > 4
    for file in others:
        found = list(stored_slices(file))
        assert len(found) == len(reference)
        assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(found, reference, strict=True)), file.name


@pytest.mark.parametrize(
    "name", ["JPEG2000.dcm", "MR_small_RLE.dcm", "MR_small_jpeg_ls_lossless.dcm", "MR_small_jp2klossless.dcm"]
)
def test_a_stream_cut_short_is_refused_or_whole(name: str, tmp_path: Path) -> None:
    from pydicom import dcmread

    path = get_testdata_file(name, download=False)
    if path is None:
        pytest.skip(f"this pydicom does not carry {name}; install pydicom-data")
    ds = dcmread(str(path))
    whole = stored_slice(ds).pixels
    ds.PixelData = ds.PixelData[: len(ds.PixelData) // 3]
    try:
        cut = stored_slice(ds).pixels
    except UndecodablePixels:
        return
    assert not np.array_equal(cut, whole)
    pytest.fail("the codec read a third of a stream without complaint")
