"""Data set -> domain, tolerant: what a device wrote wrongly becomes None or empty, never an exception."""

from __future__ import annotations

import re
from datetime import datetime
from io import BytesIO
from typing import Any, NamedTuple

from pydicom import Dataset
from pydicom.filereader import read_dataset

from service.dicom.functional_groups import (
    BAD_VALUE,
    Frames,
    as_stored,
    first_of,
    items_of,
    number,
    value_of,
    vector,
    whole,
)
from service.dicom.structure import encoding_of, outline, plain
from service.domain.ids import SeriesUid, SopUid, StudyUid
from service.domain.scan import InstanceHeader, Patient, SlicePlace, StudyHeader
from service.errors import Undecodable

AGE = re.compile(r"(\d{1,3})([DWMY])")
#: how many of a unit make a year (PS3.5 6.2, AS)
PER_YEAR = {"D": 365.25, "W": 52.18, "M": 12.0, "Y": 1.0}
DAYS_PER_YEAR = 365.25
#: PS3.3 C.7.6.1.1.5: the image was compressed with loss at some time, whatever syntax it travels in now
LOSSY = "01"


class Parsed(NamedTuple):
    """What a header says; UIDs are empty where it is silent."""

    sop_uid: SopUid
    series_uid: SeriesUid
    patient: Patient
    study: StudyHeader
    header: InstanceHeader


def decode(encoded: bytes, transfer_syntax: str) -> tuple[Dataset, bool]:
    """Return the elements before the pixels and whether pixels follow; Undecodable when it is no whole data set."""
    data = plain(encoded, transfer_syntax)
    found = outline(data, transfer_syntax)
    how = encoding_of(transfer_syntax)
    try:
        ds = read_dataset(BytesIO(data[: found.header_end]), how.implicit, not how.big_endian)
    except (*BAD_VALUE, OSError, EOFError, RecursionError) as problem:
        raise Undecodable(f"the data set cannot be parsed: {type(problem).__name__}") from problem
    return ds, found.has_pixels


def parse(ds: Dataset, *, has_pixels: bool | None = None) -> Parsed:
    """Read the facts the node lives on; say ``has_pixels`` when the data set was cut before them."""
    pixels = has_pixels if has_pixels is not None else bool(value_of(ds, "PixelData"))
    return Parsed(
        sop_uid=SopUid(_uid(ds, "SOPInstanceUID")),
        series_uid=SeriesUid(_uid(ds, "SeriesInstanceUID")),
        patient=_patient(ds),
        study=_study(ds),
        header=_header(ds, Frames(ds), pixels),
    )


def _patient(ds: Dataset) -> Patient:
    birth_date = _text(ds, "PatientBirthDate")
    return Patient(
        patient_id=_text(ds, "PatientID"),
        name=_text(ds, "PatientName"),
        birth_date=birth_date,
        sex=_text(ds, "PatientSex"),
        age_years=_age(_text(ds, "PatientAge"), birth_date, _text(ds, "StudyDate")),
    )


def _study(ds: Dataset) -> StudyHeader:
    return StudyHeader(
        study_uid=StudyUid(_uid(ds, "StudyInstanceUID")),
        accession_number=_text(ds, "AccessionNumber"),
        study_id=_text(ds, "StudyID"),
        study_date=_text(ds, "StudyDate"),
        study_time=_text(ds, "StudyTime"),
        description=_text(ds, "StudyDescription"),
        referring_physician=_text(ds, "ReferringPhysicianName"),
    )


def _header(ds: Dataset, frames: Frames, has_pixels: bool) -> InstanceHeader:
    spacing = frames.value(0, "PixelSpacing", "PixelMeasuresSequence")
    return InstanceHeader(
        modality=_text(ds, "Modality"),
        sop_class=_uid(ds, "SOPClassUID"),
        image_type=_texts(frames.value(0, "FrameType", "CTImageFrameTypeSequence") or value_of(ds, "ImageType")),
        body_part=_body_part(ds, frames),
        series_description=_text(ds, "SeriesDescription"),
        study_description=_text(ds, "StudyDescription"),
        protocol=_text(ds, "ProtocolName"),
        manufacturer=_text(ds, "Manufacturer"),
        model=_text(ds, "ManufacturerModelName"),
        kernel=_clean(first_of(frames.value(0, "ConvolutionKernel", "CTReconstructionSequence"))),
        series_number=whole(value_of(ds, "SeriesNumber")),
        instance_number=whole(value_of(ds, "InstanceNumber")),
        acquisition_number=whole(frames.value(0, "AcquisitionNumber")),
        time_point=_time_point(frames),
        kvp=number(frames.value(0, "KVP", "CTXRayDetailsSequence")),
        tilt_degrees=number(frames.value(0, "GantryDetectorTilt", "CTAcquisitionDetailsSequence")),
        contrast_agent=_contrast(ds),
        row_mm=_nth(spacing, 0),
        column_mm=_nth(spacing, 1),
        rows=whole(value_of(ds, "Rows")),
        columns=whole(value_of(ds, "Columns")),
        images_in_acquisition=whole(frames.value(0, "ImagesInAcquisition")),
        series_related_instances=whole(value_of(ds, "NumberOfSeriesRelatedInstances")),
        frame_of_reference=_uid(ds, "FrameOfReferenceUID"),
        padding_value=_padding(ds),
        bits_stored=whole(value_of(ds, "BitsStored")),
        signed=_signed(ds),
        intercept=number(frames.value(0, "RescaleIntercept", "PixelValueTransformationSequence")),
        lossy=_text(ds, "LossyImageCompression") == LOSSY,
        has_pixels=has_pixels,
        slices=_places(ds, frames, has_pixels),
    )


def _places(ds: Dataset, frames: Frames, has_pixels: bool) -> tuple[SlicePlace, ...]:
    """One place per frame of an enhanced object, one for a classic picture, none for a document."""
    if not (has_pixels or "Rows" in ds):
        return ()
    return tuple(_place(frames, frame) for frame in range(frames.count if frames.has_groups else 1))


def _place(frames: Frames, frame: int) -> SlicePlace:
    cosines = frames.value(frame, "ImageOrientationPatient", "PlaneOrientationSequence")
    return SlicePlace(
        frame=frame,
        position=vector(frames.value(frame, "ImagePositionPatient", "PlanePositionSequence")),
        row_cosine=vector(cosines),
        column_cosine=vector(cosines, 3),
        thickness=number(frames.value(frame, "SliceThickness", "PixelMeasuresSequence")),
    )


def _padding(ds: Dataset) -> int | None:
    """Return the padding value in stored units, its sign as PixelRepresentation says (it is sometimes written US)."""
    return as_stored(whole(value_of(ds, "PixelPaddingValue")), ds)


def _signed(ds: Dataset) -> bool | None:
    told = whole(value_of(ds, "PixelRepresentation"))
    return None if told is None else bool(told)


def _time_point(frames: Frames) -> str:
    """Return the temporal position all frames share; several in one object show up as slices at the same place."""
    last = frames.count - 1 if frames.has_groups else 0
    for keyword in ("TemporalPositionIdentifier", "TemporalPositionIndex"):
        first = frames.value(0, keyword, "FrameContentSequence")
        if first is not None:
            return _clean(first_of(first)) if frames.value(last, keyword, "FrameContentSequence") == first else ""
    return ""


def _body_part(ds: Dataset, frames: Frames) -> str:
    """Return the body part; enhanced objects code the region instead (PS3.3 C.7.6.16.2.8)."""
    plain_text = _text(ds, "BodyPartExamined")
    if plain_text:
        return plain_text
    region = frames.value(0, "AnatomicRegionSequence", "FrameAnatomySequence")
    for item in region or ():
        return _text(item, "CodeMeaning") if isinstance(item, Dataset) else ""
    return ""


def _contrast(ds: Dataset) -> str:
    agent = _text(ds, "ContrastBolusAgent")
    coded = [_text(item, "CodeMeaning") or "coded agent" for item in items_of(ds, "ContrastBolusAgentSequence")]
    return agent or ", ".join(coded)


def _age(text: str, birth_date: str, study_date: str) -> float | None:
    told = AGE.fullmatch(text.upper())
    if told:
        return int(told[1]) / PER_YEAR[told[2]]
    try:
        born, seen = (datetime.strptime(one[:8], "%Y%m%d") for one in (birth_date, study_date))
    except ValueError:
        return None
    days = (seen - born).days
    return days / DAYS_PER_YEAR if days >= 0 else None


def _nth(values: Any, at: int) -> float | None:
    try:
        found = number(values[at])
    except BAD_VALUE:
        return None
    return found if found is not None and found > 0 else None


def _texts(values: Any) -> tuple[str, ...]:
    several = values if isinstance(values, list | tuple) or hasattr(values, "append") else [values]
    return tuple(_clean(one) for one in several if one is not None)


def _text(ds: Dataset, keyword: str) -> str:
    return _clean(first_of(value_of(ds, keyword)))


def _clean(value: Any) -> str:
    return "" if value is None else str(value).replace("\0", "").strip()


def _uid(ds: Dataset, keyword: str) -> str:
    return _text(ds, keyword)
