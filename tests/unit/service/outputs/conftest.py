"""A small valid head CT made with pydicom alone, and the verdict that a reader might give about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.config import IGNORE
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.tag import Tag
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from service.domain.ids import ContentHash, PackHash, SeriesUid, SopUid, StudyUid
from service.domain.pack import PackFacts
from service.domain.reading import ActivationMap
from service.domain.series import Check, Evidence, EvidenceKind
from service.domain.verdict import Decision, Priority, SeriesConclusion, SliceScore, StudyVerdict, Verdict
from service.outputs.source import KeySlice, Reference, ResultSource, SourceSeries

STUDY, SERIES, FRAME = "2.25.101", "2.25.102", "2.25.103"
SIDE, SLICES, MM = 256, 12, 0.9
LABELS = ("any", "epidural", "intraparenchymal", "intraventricular", "subarachnoid", "subdural")
PEAK_SLICE = 7
#: where the bleed and the hot spot lie, in source pixels (row, column)
BLEED = (100, 160)
REGION = (8.0, 8.0, 248.0, 248.0)
CELLS = 12


def slice_uid(at: int) -> str:
    return f"2.25.2{at:03d}"


@cache
def head_hu(at: int, side: int = SIDE) -> NDArray[np.float32]:
    """An egg of brain in a ring of bone, with a bright patch around PEAK_SLICE."""
    y, x = np.mgrid[0:side, 0:side] / side * SIDE - SIDE / 2
    radius = np.hypot(x / 88, y / 108)
    noise = np.random.default_rng(at).normal(0, 4, (side, side))
    hu = np.where(radius < 1.0, 34 + noise, np.where(radius < 1.09, 1100, np.where(radius < 1.14, 20, -1000)))
    ventricles = np.hypot((np.abs(x) - 14) / 9, (y + 8) / 26) < 1
    hu = np.where(ventricles & (radius < 1), 8 + noise, hu)
    patch = np.hypot(y + SIDE / 2 - BLEED[0], x + SIDE / 2 - BLEED[1]) < 20 - 5 * abs(at - PEAK_SLICE)
    return np.asarray(np.where(patch, 68 + noise, hu), np.float32)


def ct_slice(at: int, **changed: Any) -> Dataset:
    """One CT Image Storage instance with everything PS3.3 A.3 asks for."""
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 100"
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.SOPClassUID, ds.SOPInstanceUID = CTImageStorage, slice_uid(at)
    ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.FrameOfReferenceUID = STUDY, SERIES, FRAME
    ds.StudyDate = ds.SeriesDate = ds.AcquisitionDate = ds.ContentDate = "20260301"
    ds.StudyTime = ds.SeriesTime = ds.AcquisitionTime = ds.ContentTime = "101500"
    ds.AccessionNumber, ds.StudyID, ds.SeriesNumber, ds.InstanceNumber = "ACC-7", "41", 2, at + 1
    ds.Modality, ds.Manufacturer, ds.BodyPartExamined = "CT", "Test Works", "HEAD"
    ds.StudyDescription, ds.SeriesDescription = "CT Sch\xe4del nativ", "AXIAL 5.0 H31s"
    ds.PatientName, ds.PatientID = "M\xfcller^J\xf6rg^^Dr.", "PID-1"
    ds.PatientBirthDate, ds.PatientSex, ds.PatientAge = "19500102", "M", "076Y"
    ds.ReferringPhysicianName, ds.PatientPosition, ds.PositionReferenceIndicator = "House^Gregory", "HFS", None
    ds.KVP, ds.SliceThickness, ds.AcquisitionNumber = 120, 5, 1
    ds.ImageOrientationPatient, ds.ImagePositionPatient = [1, 0, 0, 0, 1, 0], [-115, -115, 5.0 * at]
    ds.PixelSpacing, ds.Rows, ds.Columns = [MM, MM], SIDE, SIDE
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = -1024, 1, "HU"
    ds.PixelData = (head_hu(at) + 1024).clip(0, 4095).astype("<u2").tobytes()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    for keyword, value in changed.items():
        if value is None:
            ds.pop(keyword, None)
        else:
            tag = Tag(keyword)
            ds[tag] = DataElement(tag, dictionary_VR(tag), value, validation_mode=IGNORE)
    return ds


def as_read(ds: Dataset) -> Dataset:
    """The header as a reader gets it from the store: undecoded elements, no pixels."""
    buffer = BytesIO()
    ds.save_as(buffer, enforce_file_format=True)
    buffer.seek(0)
    return dcmread(buffer, stop_before_pixels=True)


def hot_spot(row: float, column: float, strength: float = 3.0) -> ActivationMap:
    """Activation of every label around one source pixel."""
    top, left, bottom, right = REGION
    y, x = np.mgrid[0:CELLS, 0:CELLS] + 0.5
    cell = ((row - top) / (bottom - top) * CELLS, (column - left) / (right - left) * CELLS)
    plane = strength * np.exp(-((y - cell[0]) ** 2 + (x - cell[1]) ** 2) / 2.0)
    planes = np.repeat(plane[None], len(LABELS), axis=0).astype(np.float16)
    return ActivationMap(labels=len(LABELS), rows=CELLS, columns=CELLS, region=REGION, data=planes.tobytes())


def score(at: int, probability: float) -> SliceScore:
    return SliceScore(
        sop_uid=SopUid(slice_uid(at)),
        frame=0,
        content_hash=ContentHash(f"{at:064d}"),
        instance_number=at + 1,
        place_mm=5.0 * at,
        probability=probability,
        positive=probability > 0.5,
    )


@dataclass
class Study:
    """A verdict with the source it stands on; ``headers`` are the whole CT files."""

    verdict: StudyVerdict
    source: ResultSource
    headers: list[Dataset] = field(default_factory=list)


def _conclusion(positive: bool) -> SeriesConclusion:
    scores = [max(0.02, 0.97 - 0.17 * abs(at - PEAK_SLICE)) if positive else 0.03 + 0.01 * at for at in range(SLICES)]
    slices = tuple(score(at, value) for at, value in enumerate(scores))
    kinds = (0.97, 0.08, 0.93, 0.31, 0.12, 0.22) if positive else (0.14, 0.02, 0.05, 0.01, 0.03, 0.04)
    above = sum(one.positive for one in slices)
    sentence = (
        f"Contiguous run: {above} neighbouring slices above 0.50 span {above * 5} mm; the site asks for at least 10 mm."
    )
    return SeriesConclusion(
        series_uid=SeriesUid(SERIES),
        verdict=Verdict.POSITIVE if positive else Verdict.NEGATIVE,
        probability=kinds[0],
        why=sentence,
        pack_name="default",
        pack_version="1.0.0",
        pack_hash=PackHash("ab" * 32),
        evidence=Evidence(
            kind=EvidenceKind.ANNOUNCED,
            received=SLICES,
            expected=SLICES,
            sentence=f"all {SLICES} images that the acquisition announced have arrived, even spacing of 5 mm",
        ),
        suitability=(
            Check(name="modality", passed=True, found="CT", wanted="CT"),
            Check(name="slice thickness", passed=True, found="5 mm", wanted="0.5 to 10 mm"),
            Check(name="kVp", passed=False, found="\u2013", wanted="70 to 150", reason="the header names no kVp"),
        ),
        decision=Decision(
            rule="run",
            positive=positive,
            sentence=sentence,
            threshold=0.5,
            positive_slices=above,
            read_slices=SLICES,
        ),
        findings=tuple(zip(LABELS, kinds, strict=True)),
        slices=slices,
        key_slices=(PEAK_SLICE, PEAK_SLICE - 1, PEAK_SLICE + 1) if positive else (SLICES - 1,),
        modality="CT",
        description="AXIAL 5.0 H31s",
    )


def _key(header: Dataset, one: SliceScore, activation: ActivationMap | None) -> KeySlice:
    at = int(header.InstanceNumber) - 1
    return KeySlice(score=one, hu=head_hu(at), row_mm=MM, column_mm=MM, activation=activation, header=header)


def build(positive: bool = True, **changed: Any) -> Study:
    """A study; ``changed`` sets header attributes of every slice, None removes one."""
    headers = [ct_slice(at, **changed) for at in range(SLICES)]
    conclusion = _conclusion(positive)
    verdict = StudyVerdict(
        study_uid=StudyUid(STUDY),
        verdict=conclusion.verdict,
        priority=Priority.HIGH if positive else Priority.LOW,
        probability=conclusion.probability,
        why=conclusion.why,
        policy="any series positive makes the study positive",
        leading_series=conclusion.series_uid,
        conclusions=(conclusion,),
        fingerprint="f" * 64,
        answer=conclusion.verdict.value,
    )
    source = ResultSource(
        header=as_read(headers[0]),
        key_slices=tuple(
            _key(as_read(headers[at]), conclusion.slices[at], hot_spot(*BLEED)) for at in conclusion.key_slices
        ),
        referenced=(
            SourceSeries(
                series_uid=SeriesUid(SERIES),
                instances=tuple(
                    Reference(sop_class=CTImageStorage, sop_uid=SopUid(slice_uid(at))) for at in range(SLICES)
                ),
            ),
        ),
        pack=PackFacts(
            name="default",
            version="1.0.0",
            pack_hash=PackHash("ab" * 32),
            labels=LABELS,
            slice_threshold=0.5,
            rule="run",
            rule_numbers=(("run_mm", 10.0),),
        ),
    )
    return Study(verdict, source, headers)


def first_key(study: Study, **changed: Any) -> Study:
    """The same study with its most telling key slice changed."""
    first, *rest = study.source.key_slices
    return replace(study, source=replace(study.source, key_slices=(replace(first, **changed), *rest)))


@pytest.fixture
def study() -> Study:
    return build()


@pytest.fixture
def clear_study() -> Study:
    return build(positive=False)


@pytest.fixture
def make_study() -> Callable[..., Study]:
    return build


@pytest.fixture
def with_first_key() -> Callable[..., Study]:
    return first_key


@pytest.fixture
def activation_at() -> Callable[..., ActivationMap]:
    return hot_spot
