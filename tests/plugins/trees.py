"""Small made-up data sets in the published layouts: heads of 128 x 128 pixels, a few patients, the usual oddities."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from models.phantom import Phantom, make_phantom
from service.practice.write_series import write_series

SLICES, THICKNESS, SIDE = 10, 14.0, 128
KINDS = ("epidural", "intraparenchymal", "intraventricular", "subarachnoid", "subdural")
ANY_KINDS = ("any", *KINDS)
Heads = Mapping[str, Phantom]


@pytest.fixture(scope="session")
def small_heads() -> Heads:
    """Two heads, one with a bleed, made once and shrunk."""
    return {finding: shrunk(make_phantom(finding, 41, SLICES, THICKNESS)) for finding in ("subdural", "none")}


def shrunk(phantom: Phantom) -> Phantom:
    """The phantom on a coarser grid."""
    step = phantom.hu.shape[1] // SIDE
    hu = phantom.hu.reshape(len(phantom.hu), SIDE, step, SIDE, step).mean(axis=(2, 4))
    return replace(
        phantom, hu=np.rint(hu).astype(np.int16), truth=np.ascontiguousarray(phantom.truth[:, ::step, ::step]),
        row_mm=phantom.row_mm * step, col_mm=phantom.col_mm * step,
    )  # fmt: skip


def bleeding(phantom: Phantom) -> list[int]:
    """1 for each slice with blood to be seen; the head is drawn so that there are no mere traces."""
    areas = [float((one > 0).sum() * phantom.row_mm * phantom.col_mm) for one in phantom.truth]
    assert not any(4 < area < 25 for area in areas), areas
    return [int(area >= 25) for area in areas]


def write_ct(path: Path, hu: np.ndarray, at: int, wrapped: bool = False, **tags: object) -> None:
    """One axial CT slice, `at` slices above the lowest; `wrapped` damages it as some RSNA files are."""
    ds = Dataset()
    ds.SOPClassUID, ds.Modality, ds.Manufacturer = CTImageStorage, "CT", "SIEMENS"
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.ImagePositionPatient, ds.ImageOrientationPatient = [-110, -110, at * THICKNESS], [1, 0, 0, 0, 1, 0]
    ds.PixelSpacing, ds.SliceThickness, ds.InstanceNumber = [1.8, 1.8], THICKNESS, at + 1
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Rows, ds.Columns = hu.shape
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    ds.RescaleSlope, ds.RescaleIntercept = 1, 0 if wrapped else -1024
    stored = np.clip(hu, -1000, 3000).astype(int)
    ds.PixelData = ((stored % 4096) if wrapped else stored + 1024).astype("<u2").tobytes()
    for name, value in tags.items():
        setattr(ds, name, value)
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    path.parent.mkdir(parents=True, exist_ok=True)
    ds.save_as(path, enforce_file_format=True)


def write_table(path: Path, lines: Sequence[Sequence[object]], separator: str = ",") -> None:
    with path.open("w", newline="") as file:
        csv.writer(file, delimiter=separator).writerows(lines)


#: patient, series, finding; the first patient was scanned twice
RSNA_SERIES = (("ID_p1", "ID_s1", "subdural"), ("ID_p1", "ID_s2", "none"), ("ID_p2", "ID_s3", "none"),
               ("ID_p3", "ID_s4", "subdural"))  # fmt: skip


def rsna_tree(folder: Path, heads: Heads) -> Path:
    """Four series of three patients in files named by slice; one line twice, one labelled slice without a file."""
    lines: list[list[object]] = [["ID", "Label"]]
    for number, (patient, series, finding) in enumerate(RSNA_SERIES):
        for at, (hu, hit) in enumerate(zip(heads[finding].hu, bleeding(heads[finding]), strict=True)):
            sop = f"ID_{number:04x}{at:08x}"
            path = folder / "stage_2_train" / f"{sop}.dcm"
            uids = {"PatientID": patient, "StudyInstanceUID": f"{series}x", "SeriesInstanceUID": series}
            write_ct(path, hu, at, wrapped=number == 3, SOPInstanceUID=sop, **uids)
            lines += [[f"{sop}_{kind}", int(hit and kind in ("any", "subdural"))] for kind in (*KINDS, "any")]
    lines += [lines[1], *([f"ID_ffffffffffff_{kind}", 0] for kind in (*KINDS, "any"))]
    write_table(folder / "stage_2_train.csv", lines)
    return folder


CQ500_KINDS = {"ICH": "any", "IPH": "intraparenchymal", "IVH": "intraventricular", "SDH": "subdural",
               "EDH": "epidural", "SAH": "subarachnoid"}  # fmt: skip
#: series folder, reconstruction thickness in the header, what else
CQ500_SERIES = (
    ("CT Thin Plain", 0.625, {}),
    ("CT Plain", 5.0, {}),
    ("CT BONE", 5.0, {"ConvolutionKernel": "BONE"}),
    ("CT POST CONTRAST", 5.0, {"ContrastBolusAgent": "IV"}),
)


def cq500_tree(folder: Path, heads: Heads) -> Path:
    """Two cases with four series each, a scout, and a labelled case that was not unpacked."""
    names = [f"R{reader}:{name}" for reader in (1, 2, 3) for name in CQ500_KINDS]
    lines: list[list[object]] = [["name", "Category", *names]]
    for number, finding in ((0, "subdural"), (7, "none"), (9, "none")):
        # the third reader sees nothing and is outvoted; the first one alone sees an SAH
        seen = {"ICH", "SDH"} if finding == "subdural" else set()
        votes = [int((name in seen and reader < 3) or (name == "SAH" and reader == 1 and bool(seen)))
                 for reader in (1, 2, 3) for name in CQ500_KINDS]  # fmt: skip
        lines.append([f"CQ500-CT-{number}", "B1", *votes])
        if number == 9:
            continue
        for count, (name, thickness, extra) in enumerate(CQ500_SERIES):
            where = folder / f"CQ500CT{number} CQ500CT{number}" / "Unknown Study" / name
            series = f"1.2.{number}.{count}"
            shared = {"PatientID": f"CQ500-CT-{number}", "StudyInstanceUID": f"1.2.{number}",
                      "SeriesInstanceUID": series, "SliceThickness": thickness}  # fmt: skip
            for at, hu in enumerate(heads[finding].hu):
                write_ct(where / f"CT{at:06d}.dcm", hu, at, SOPInstanceUID=f"{series}.{at}", **shared, **extra)
        scout = {**shared, "SeriesInstanceUID": f"1.2.{number}.99", "ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}
        write_ct(where.parent / "CT scout" / "CT000000.dcm", hu, 0, SOPInstanceUID=f"1.2.{number}.99.1", **scout)
    write_table(folder / "reads.csv", lines)
    return folder


def ct_ich_tree(folder: Path, heads: Heads) -> Path:
    """Two scans with masks, stored from above to below; a patient whose scan is missing."""
    import nibabel

    columns = ["Intraventricular", "Intraparenchymal", "Subarachnoid", "Epidural", "Subdural", "No_Hemorrhage",
               "Fracture_Yes_No"]  # fmt: skip
    lines: list[list[object]] = [["PatientNumber", "SliceNumber", *columns]]
    for patient, finding in ((49, "subdural"), (50, "none")):
        head, hits = heads[finding], bleeding(heads[finding])
        affine = np.diag([-head.col_mm, -head.row_mm, -head.spacing, 1.0])
        for name, voxels in (("ct_scans", head.hu), ("masks", (head.truth > 0).astype(np.int16) * 255)):
            (folder / name).mkdir(parents=True, exist_ok=True)
            stored = voxels[::-1].transpose(2, 1, 0)
            nibabel.save(nibabel.Nifti1Image(stored, affine), folder / name / f"{patient:03d}.nii")
        for number, hit in enumerate(reversed(hits), 1):
            lines.append([patient, number, 0, 0, 0, 0, hit, int(not hit), 0])
    lines.append([59, 1, 0, 0, 0, 0, 0, 1, 0])
    write_table(folder / "hemorrhage_diagnosis_raw_ct.csv", lines)
    write_table(folder / "patient_demographics.csv", [["Patient Number", "Age"], [49, 30], [50, 31]])
    return folder


def truth_tree(folder: Path, heads: Heads) -> Path:
    """Plain DICOM with truth.csv: one series labelled by slice, one by patient, one not at all, and a text file."""
    lines: list[list[object]] = [["patient_id", "series_instance_uid", "sop_instance_uid", *ANY_KINDS]]
    for number, finding in enumerate(("subdural", "none", "none")):
        for at, hu in enumerate(heads[finding].hu):
            sop = f"1.3.{number}.1.{at}"
            write_ct(
                folder / f"patient {number}" / f"{at}.dcm", hu, at, SOPInstanceUID=sop, PatientID=f"P{number}",
                StudyInstanceUID=f"1.3.{number}", SeriesInstanceUID=f"1.3.{number}.1",
            )  # fmt: skip
            if number == 0:
                hit = bleeding(heads[finding])[at]
                lines.append(["P0", "", sop, hit, *(hit if kind == finding else 0 for kind in KINDS)])
    lines.append(["P1", "", "", 0, "", "", "", "", ""])
    write_table(folder / "truth.csv", lines, ";")
    (folder / "readme.txt").write_text("no DICOM")
    return folder


def phantom_tree(folder: Path, heads: Heads) -> Path:
    """What `ichor phantom` leaves, twice."""
    for finding, phantom in heads.items():
        write_series(phantom, folder / finding)
    return folder


TREES: Mapping[str, Callable[[Path, Heads], Path]] = {
    "rsna": rsna_tree, "cq500": cq500_tree, "ct-ich": ct_ich_tree, "folder": truth_tree, "phantoms": phantom_tree,
}  # fmt: skip


@pytest.fixture(scope="session")
def trees(small_heads: Heads, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Each tree by name, written when first asked for; tests that change one copy it."""
    made: dict[str, Path] = {}

    def tree(name: str) -> Path:
        if name not in made:
            made[name] = TREES[name](tmp_path_factory.mktemp(f"tree-{name}"), small_heads)
        return made[name]

    return tree
