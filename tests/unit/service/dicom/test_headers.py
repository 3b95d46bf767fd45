"""Data set to domain, with the lies of real devices."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pydicom import Dataset
from pydicom.dataelem import RawDataElement
from pydicom.sequence import Sequence
from pydicom.tag import Tag

from service.dicom import uids
from service.dicom.headers import decode, parse
from service.domain.scan import SlicePlace

MakeCt = Callable[..., Dataset]
Make = Callable[..., Dataset]


def lie(ds: Dataset, keyword: str, raw: bytes, vr: str = "DS") -> Dataset:
    """Put bytes into an element that its VR forbids."""
    tag = Tag(keyword)
    ds[tag] = RawDataElement(tag, vr, len(raw), raw, 0, False, True)
    return ds


def test_a_plain_slice(make_ct: MakeCt) -> None:
    sop_uid, series_uid, patient, study, header = parse(make_ct(InstanceNumber="7", GantryDetectorTilt="-18.5"))
    assert (sop_uid, series_uid, study.study_uid) == ("2.25.1", "2.25.3", "2.25.2")
    assert (patient.name, patient.age_years) == ("Doe^Jane", 72)
    assert (header.modality, header.kvp, header.kernel, header.tilt_degrees) == ("CT", 120.0, "H31s", -18.5)
    assert (header.row_mm, header.column_mm, header.rows, header.columns) == (0.5, 0.4, 2, 3)
    assert header.image_type == ("ORIGINAL", "PRIMARY", "AXIAL")
    assert header.instance_number == 7 and header.has_pixels
    assert header.slices == (
        SlicePlace(frame=0, position=(-1, -2, 30.5), row_cosine=(1, 0, 0), column_cosine=(0, 1, 0), thickness=5.0),
    )


def test_an_empty_data_set_gives_empty_facts() -> None:
    sop_uid, series_uid, patient, study, header = parse(Dataset())
    assert (sop_uid, series_uid, study.study_uid, patient.name, header.modality) == ("", "", "", "", "")
    assert header.kvp is None and header.slices == () and not header.has_pixels and header.image_type == ()


@pytest.mark.parametrize("raw", [b"abc ", b"NaN ", b"inf ", b"", b"1,5 ", b"\xff\xfe", b"1e999 ", b"--1 "])
@pytest.mark.parametrize("keyword", ["KVP", "SliceThickness", "GantryDetectorTilt"])
def test_impossible_numbers_become_none(make_ct: MakeCt, keyword: str, raw: bytes) -> None:
    header = parse(lie(make_ct(), keyword, raw)).header
    found = {"KVP": header.kvp, "SliceThickness": header.slices[0].thickness, "GantryDetectorTilt": header.tilt_degrees}
    assert found[keyword] is None


@pytest.mark.parametrize(
    ("keyword", "raw"),
    [
        ("InstanceNumber", b"seven "),
        ("InstanceNumber", b"1.0e400 "),
        ("InstanceNumber", b"9223372036854775808 "),
        ("Rows", b"\x01"),
    ],
)
def test_impossible_whole_numbers_become_none(make_ct: MakeCt, keyword: str, raw: bytes) -> None:
    header = parse(lie(make_ct(), keyword, raw, "US" if keyword == "Rows" else "IS")).header
    assert (header.rows if keyword == "Rows" else header.instance_number) is None


@pytest.mark.parametrize("raw", [b"1\\2", b"1\\2\\x ", b"1\\2\\NaN", b"", b"5 "])
def test_half_a_position_is_no_position(make_ct: MakeCt, raw: bytes) -> None:
    assert parse(lie(make_ct(), "ImagePositionPatient", raw)).header.slices[0].position is None


def test_several_values_give_the_first(make_ct: MakeCt) -> None:
    header = parse(make_ct(KVP=["100", "140"], Modality=["CT", "OT"], SeriesNumber=["3", "4"])).header
    assert (header.kvp, header.modality, header.series_number) == (100.0, "CT", 3)


@pytest.mark.parametrize("spacing", [["0", "0"], ["-1", "-1"], "0.5"])
def test_no_spacing_that_makes_no_area(make_ct: MakeCt, spacing: object) -> None:
    assert parse(make_ct(PixelSpacing=spacing)).header.column_mm is None


@pytest.mark.parametrize(
    ("age", "born", "years"),
    [
        ("006M", "", 0.5),
        ("730D", "", 2.0),
        ("104W", "", 2.0),
        ("", "19500301", 76.0),
        ("76", "19500301", 76.0),
        ("", "", None),
        ("", "20270101", None),
        ("", "1950", None),
    ],
)
def test_age_in_any_unit_or_from_birth(make_ct: MakeCt, age: str, born: str, years: float | None) -> None:
    patient = parse(make_ct(PatientAge=age, PatientBirthDate=born)).patient
    assert patient.age_years == (None if years is None else pytest.approx(years, abs=0.01))


@pytest.mark.parametrize(
    ("charset", "raw", "name"),
    [
        ("ISO_IR 100", b"M\xfcller^J\xf6rg", "Müller^Jörg"),
        ("ISO_IR 192", "Сидоров^Иван".encode(), "Сидоров^Иван"),
        ("GB18030", "王^小东".encode("gb18030") + b" ", "王^小东"),
        (["", "ISO 2022 IR 87"], b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B", "Yamada^Tarou=山田^太郎"),
    ],
)
def test_names_in_their_character_set(make_ct: MakeCt, charset: object, raw: bytes, name: str) -> None:
    ds = make_ct(SpecificCharacterSet=charset)
    data = decode(_bytes(lie(ds, "PatientName", raw, "PN")), uids.EXPLICIT_LE)[0]
    assert parse(data).patient.name == name


@pytest.mark.filterwarnings("ignore:.*character set.*|.*encoding.*:UserWarning")
@pytest.mark.parametrize("charset", [b"KLINGON ", b"ISO_IR 192\\KLINGON "])
def test_an_unknown_character_set_does_not_stop_the_slice(make_ct: MakeCt, charset: bytes) -> None:
    ds = lie(make_ct(), "SpecificCharacterSet", charset, "CS")
    found = parse(decode(_bytes(lie(ds, "PatientName", b"M\xfcller ", "PN")), uids.EXPLICIT_LE)[0])
    assert found.header.kvp == 120 and "M" in found.patient.name


def test_compression_with_loss_is_remembered(make_ct: MakeCt) -> None:
    assert parse(make_ct(LossyImageCompression="01")).header.lossy
    assert not parse(make_ct(LossyImageCompression="00")).header.lossy
    assert not parse(make_ct()).header.lossy


def test_padding_has_the_sign_of_the_pixels(make_ct: MakeCt) -> None:
    unsigned = lie(make_ct(PixelRepresentation=1), "PixelPaddingValue", (63536).to_bytes(2, "little"), "US")
    signed = lie(make_ct(), "PixelPaddingValue", (-2000).to_bytes(2, "little", signed=True), "SS")
    assert parse(unsigned).header.padding_value == -2000
    assert parse(signed).header.padding_value == 63536


def test_contrast_by_text_or_code(make_ct: MakeCt, make_item: Make) -> None:
    assert parse(make_ct(ContrastBolusAgent="OMNIPAQUE")).header.contrast_agent == "OMNIPAQUE"
    coded = make_ct(ContrastBolusAgentSequence=Sequence([make_item(CodeMeaning="Iohexol"), make_item(CodeValue="x")]))
    assert parse(coded).header.contrast_agent == "Iohexol, coded agent"
    assert parse(make_ct()).header.contrast_agent == ""


def test_a_document_has_no_slices(make_ct: MakeCt) -> None:
    header = parse(make_ct(Rows=None, Columns=None, PixelData=None, Modality="SR")).header
    assert header.slices == () and not header.has_pixels


@pytest.mark.parametrize("keyword", ["TemporalPositionIdentifier", "TemporalPositionIndex"])
def test_a_time_point_is_kept(make_ct: MakeCt, keyword: str) -> None:
    assert parse(make_ct(**{keyword: 4})).header.time_point == "4"
    assert parse(make_ct()).header.time_point == ""


def enhanced(make_ct: MakeCt, make_group: Make, make_item: Make, times: tuple[int, int] = (1, 1)) -> Dataset:
    """Two frames, 5 mm apart, everything in functional groups."""
    shared = make_group(
        PlaneOrientationSequence=make_item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0]),
        PixelMeasuresSequence=make_item(PixelSpacing=[0.5, 0.4], SliceThickness=5),
        CTXRayDetailsSequence=make_item(KVP=120.0),
        CTReconstructionSequence=make_item(ConvolutionKernel="H31s"),
        CTImageFrameTypeSequence=make_item(FrameType=["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]),
        FrameAnatomySequence=make_item(AnatomicRegionSequence=Sequence([make_item(CodeMeaning="Head")])),
    )
    frames = [
        make_group(
            PlanePositionSequence=make_item(ImagePositionPatient=[0, 0, 5.0 * at]),
            FrameContentSequence=make_item(TemporalPositionIndex=times[at]),
        )
        for at in range(2)
    ]
    gone = ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness", "KVP")
    return make_ct(
        **dict.fromkeys((*gone, "ConvolutionKernel")),
        SOPClassUID=uids.ENHANCED_CT_IMAGE,
        NumberOfFrames=2,
        SharedFunctionalGroupsSequence=Sequence([shared]),
        PerFrameFunctionalGroupsSequence=Sequence(frames),
    )


def test_an_enhanced_object_has_a_place_per_frame(make_ct: MakeCt, make_group: Make, make_item: Make) -> None:
    header = parse(enhanced(make_ct, make_group, make_item)).header
    assert [(one.frame, one.position, one.thickness) for one in header.slices] == [(0, (0, 0, 0), 5), (1, (0, 0, 5), 5)]
    assert (header.kvp, header.kernel, header.row_mm, header.body_part) == (120, "H31s", 0.5, "Head")
    assert header.image_type == ("ORIGINAL", "PRIMARY", "VOLUME", "NONE")
    assert header.time_point == "1"


def test_several_times_in_one_object_are_no_time_point(make_ct: MakeCt, make_group: Make, make_item: Make) -> None:
    assert parse(enhanced(make_ct, make_group, make_item, times=(1, 2))).header.time_point == ""


def test_legacy_converted_attributes_are_found(make_ct: MakeCt, make_group: Make, make_item: Make) -> None:
    unassigned = make_item(KVP="110", ConvolutionKernel="B30", InstanceNumber="9")
    shared = make_group(UnassignedSharedConvertedAttributesSequence=unassigned)
    header = parse(make_ct(KVP=None, ConvolutionKernel=None, SharedFunctionalGroupsSequence=Sequence([shared]))).header
    assert (header.kvp, header.kernel) == (110, "B30")


def _bytes(ds: Dataset) -> bytes:
    """Explicit little endian, raw elements as they are."""
    out = b""
    for tag in sorted(ds.keys()):
        one = ds.get_item(tag)
        raw = one.value if isinstance(one, RawDataElement) else None
        if raw is None:
            from io import BytesIO

            from pydicom.filebase import DicomIO
            from pydicom.filewriter import write_data_element

            stream = DicomIO(buffer := BytesIO())
            stream.is_little_endian, stream.is_implicit_VR = True, False
            write_data_element(stream, ds[tag])
            out += buffer.getvalue()
            continue
        raw += b" " * (len(raw) % 2)
        out += tag.group.to_bytes(2, "little") + tag.element.to_bytes(2, "little")
        out += (one.VR or "UN").encode() + len(raw).to_bytes(2, "little") + raw
    return out
