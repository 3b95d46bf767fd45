"""A phantom as a DICOM CT series with its truth beside it; the same phantom makes the same bytes and UIDs."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID

from models.phantom import FINDINGS, PHANTOM_VERSION, Phantom
from service.dicom import uids
from service.errors import Unavailable
from service.practice.habits import HABITS, Habits

#: goes into the UIDs: a change to what is written makes other instances, never other bytes under a known UID
WRITER_VERSION = "2"
INSTITUTION = "Ichor practice (synthetic, not a patient)"
FIRST_DAY = date(2025, 1, 1)
BRAIN_WINDOW = (40, 80)


@dataclass(frozen=True)
class SeriesUids:
    """The UIDs of one synthetic study with one series, all derived from ``root``."""

    root: str

    def uid(self, *parts: str) -> str:
        """Return the UID of a part of the study."""
        return uids.derived_uid("practice", self.root, *parts)


def write_series(
    phantom: Phantom, out: Path, *, fresh: bool = False, progress: Callable[[int, int], None] | None = None
) -> list[Path]:
    """Write CT files, truth.json and truth.npz into ``out``; ``fresh`` makes a new study instead of the same again."""
    names = SeriesUids(uuid4().hex if fresh else _fingerprint(phantom))
    try:
        out.mkdir(parents=True, exist_ok=True)
        paths = []
        for at in range(len(phantom.hu)):
            paths.append(_write_slice(phantom, at, names, out))
            if progress:
                progress(len(paths), len(phantom.hu))
        _write_truth(phantom, names, out)
    except OSError as problem:
        raise Unavailable(f"cannot write to {out}: {problem.strerror}; name another folder") from None
    return paths


def _fingerprint(phantom: Phantom) -> str:
    """Name what is in the pixels and in the header."""
    parts = (PHANTOM_VERSION, WRITER_VERSION, phantom.finding, phantom.seed, phantom.vendor, phantom.thickness)
    digest = hashlib.sha256("\0".join(map(str, parts)).encode())
    digest.update(phantom.hu.tobytes())
    return digest.hexdigest()


def _write_slice(phantom: Phantom, at: int, names: SeriesUids, out: Path) -> Path:
    habits = HABITS[phantom.vendor]
    data = Dataset()
    _patient_and_study(data, phantom, names)
    _series_and_equipment(data, phantom, names, habits)
    _image(data, phantom, at, names)
    _acquisition(data, phantom, habits)
    _pixels(data, phantom.hu[at], habits)
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = UID(uids.EXPLICIT_LE)
    data.file_meta.ImplementationClassUID = UID(uids.IMPLEMENTATION_CLASS_UID)
    data.file_meta.ImplementationVersionName = uids.IMPLEMENTATION_VERSION_NAME
    path = out / f"CT{at + 1:04d}.dcm"
    data.save_as(path, enforce_file_format=True)
    return path


def _patient_and_study(data: Dataset, phantom: Phantom, names: SeriesUids) -> None:
    """PS3.3 C.7.1.1, C.7.2.1, C.7.2.2."""
    data.SpecificCharacterSet = "ISO_IR 100"
    data.PatientName = f"PRACTICE^{phantom.finding.upper()}"
    data.PatientID = f"PRACTICE-{phantom.seed}"
    data.PatientBirthDate = ""
    data.PatientSex = "O"
    data.PatientAge = f"{phantom.age:03d}Y"
    data.StudyInstanceUID = names.uid("study")
    data.StudyDate = (FIRST_DAY + timedelta(days=phantom.seed % 365)).strftime("%Y%m%d")
    data.StudyTime = f"{phantom.seed % 24:02d}0000"
    data.AccessionNumber = f"PRACTICE{phantom.seed}"[:16]
    data.StudyID = str(phantom.seed)[:16]
    data.StudyDescription = "CT HEAD WITHOUT CONTRAST"
    data.ReferringPhysicianName = ""


def _series_and_equipment(data: Dataset, phantom: Phantom, names: SeriesUids, habits: Habits) -> None:
    """PS3.3 C.7.3.1, C.7.4.1, C.7.5.1."""
    data.Modality = "CT"
    data.SeriesInstanceUID = names.uid("series")
    data.SeriesNumber = 2
    data.SeriesDate, data.SeriesTime = data.StudyDate, data.StudyTime
    data.SeriesDescription = habits.series_description
    data.ProtocolName = habits.protocol
    data.BodyPartExamined = "HEAD"
    data.PatientPosition = "HFS"
    data.FrameOfReferenceUID = names.uid("frame of reference")
    data.PositionReferenceIndicator = ""
    data.Manufacturer = habits.manufacturer
    data.ManufacturerModelName = habits.model
    data.SoftwareVersions = habits.software
    data.InstitutionName = INSTITUTION
    data.StationName = "PRACTICE"


def _image(data: Dataset, phantom: Phantom, at: int, names: SeriesUids) -> None:
    """PS3.3 C.7.6.1, C.7.6.2, C.12.1."""
    data.SOPClassUID = uids.CT_IMAGE
    data.SOPInstanceUID = names.uid("slice", str(at))
    data.InstanceNumber = at + 1
    data.AcquisitionNumber = 1
    data.ContentDate, data.ContentTime = data.StudyDate, data.StudyTime
    data.AcquisitionDate, data.AcquisitionTime = data.StudyDate, data.StudyTime
    rows, columns = phantom.hu.shape[1:]
    tilt = math.radians(phantom.tilt_degrees)
    table = float(phantom.positions[at]) / math.cos(tilt)
    across = (0.5 - columns / 2) * phantom.col_mm
    down = (0.5 - rows / 2) * phantom.row_mm
    position = (across, down * math.cos(tilt), table + down * math.sin(tilt))
    data.ImagePositionPatient = [_decimal(one) for one in position]
    data.ImageOrientationPatient = [_decimal(one) for one in (1, 0, 0, 0, math.cos(tilt), math.sin(tilt))]
    data.PixelSpacing = [_decimal(phantom.row_mm), _decimal(phantom.col_mm)]
    data.SliceThickness = _decimal(phantom.thickness)
    data.SliceLocation = _decimal(table)


def _acquisition(data: Dataset, phantom: Phantom, habits: Habits) -> None:
    """PS3.3 C.8.2.1; a positive gantry tilt leans the other way than our angle, as on real scanners."""
    data.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL", *habits.image_type_tail]
    data.KVP = _decimal(phantom.kvp)
    data.GantryDetectorTilt = _decimal(-phantom.tilt_degrees or 0.0)
    data.ConvolutionKernel = phantom.kernel
    data.FilterType = habits.filter_type
    data.RotationDirection = "CW"
    data.ReconstructionDiameter = _decimal(phantom.hu.shape[2] * phantom.col_mm)
    data.XRayTubeCurrent = 200
    data.ExposureTime = 1000
    if habits.scan_options:
        data.ScanOptions = habits.scan_options
    if habits.announces:
        data.ImagesInAcquisition = len(phantom.hu)


def _pixels(data: Dataset, hu: NDArray[np.int16], habits: Habits) -> None:
    """PS3.3 C.7.6.3: stored = HU - intercept, with the maker's padding outside the reconstruction circle."""
    stored = hu.astype(np.int32) - habits.intercept
    if habits.padding is not None:
        stored[outside_circle(hu.shape)] = habits.padding
    data.SamplesPerPixel = 1
    data.PhotometricInterpretation = "MONOCHROME2"
    data.Rows, data.Columns = hu.shape
    data.BitsAllocated = 16
    data.BitsStored = habits.bits_stored
    data.HighBit = habits.bits_stored - 1
    data.PixelRepresentation = int(habits.signed)
    if habits.padding is not None:
        data.add_new("PixelPaddingValue", "SS", habits.padding)
    data.RescaleIntercept = habits.intercept
    data.RescaleSlope = 1
    data.RescaleType = "HU"
    data.WindowCenter, data.WindowWidth = BRAIN_WINDOW
    data.PixelData = stored.astype("<i2" if habits.signed else "<u2").tobytes()


def outside_circle(shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Tell which pixels the scanner never measured."""
    rows, columns = shape
    y = (np.arange(rows) + 0.5) / rows * 2 - 1
    x = (np.arange(columns) + 0.5) / columns * 2 - 1
    return np.asarray(y[:, None] ** 2 + x[None, :] ** 2 > 1)


def _decimal(value: float) -> str:
    """Return a Decimal String of at most 16 characters (PS3.5 6.2)."""
    text = f"{value:.6f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def _write_truth(phantom: Phantom, names: SeriesUids, out: Path) -> None:
    truth = {
        "finding": phantom.finding,
        "kinds": list(phantom.kinds),
        "volume_ml": round(phantom.volume_ml, 3),
        "volumes_ml": {kind: round(volume, 3) for kind, volume in phantom.volumes.items()},
        "content": list(phantom.content),
        "phantom_version": PHANTOM_VERSION,
        "seed": phantom.seed,
        "study_instance_uid": names.uid("study"),
        "slices": [
            {
                "sop_instance_uid": names.uid("slice", str(at)),
                "instance_number": at + 1,
                "voxels": int((labels > 0).sum()),
                "kinds": [FINDINGS[label] for label in np.unique(labels) if label],
            }
            for at, labels in enumerate(phantom.truth)
        ],
        "notice": "synthetic, not a patient; research use only, not for diagnosis",
    }
    (out / "truth.json").write_text(json.dumps(truth, indent=1) + "\n", encoding="utf-8")
    np.savez_compressed(out / "truth.npz", truth=phantom.truth)
