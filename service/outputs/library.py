"""The images behind a report, as highdicom wants them: header extracts that are whole, and references to the rest."""

from __future__ import annotations

import math

from pydicom.dataset import Dataset

from service.domain.ids import SopUid
from service.outputs.frame import Task
from service.outputs.placement import frame_of_reference
from service.outputs.source import KeySlice, Predecessor

#: what TID 1604 asks of a cross-sectional image, with the number of values each must have
GEOMETRY = {"PixelSpacing": 2, "SliceThickness": 1, "ImageOrientationPatient": 6, "ImagePositionPatient": 3}


def library_images(task: Task) -> list[Dataset]:
    """Return one extract per key image for the Image Library (TID 1600)."""
    by_uid = {key.score.sop_uid: key for key in task.source.key_slices}
    return [_extract(task, key) for key in by_uid.values()]


def evidence(task: Task) -> list[Dataset]:
    """Return every instance that was read, and the key images, by reference."""
    seen: dict[SopUid, Dataset] = {}
    for series in task.source.referenced:
        for one in series.instances:
            seen[one.sop_uid] = _reference(task, series.series_uid, one.sop_class, one.sop_uid)
    for key in task.source.key_slices:
        uid = key.score.sop_uid
        if uid not in seen:
            seen[uid] = _reference(task, task.conclusion.series_uid, task.sop_class(key), uid)
    return list(seen.values())


def predecessor_item(predecessor: Predecessor) -> Dataset:
    """Name an earlier report the way highdicom groups it into Predecessor Documents Sequence."""
    item = Dataset()
    item.StudyInstanceUID = predecessor.study_uid
    item.SeriesInstanceUID = predecessor.series_uid
    item.SOPClassUID = predecessor.sop_class
    item.SOPInstanceUID = predecessor.sop_uid
    return item


def _reference(task: Task, series_uid: str, sop_class: str, sop_uid: str) -> Dataset:
    item = Dataset()
    item.StudyInstanceUID = task.verdict.study_uid
    item.SeriesInstanceUID = series_uid
    item.SOPClassUID = sop_class
    item.SOPInstanceUID = sop_uid
    # highdicom reads these from the first one; the real values are laid in at the end
    for keyword in ("PatientID", "PatientName", "PatientBirthDate", "PatientSex"):
        setattr(item, keyword, None)
    for keyword in ("AccessionNumber", "StudyID", "StudyDate", "StudyTime"):
        setattr(item, keyword, None)
    return item


def _extract(task: Task, key: KeySlice) -> Dataset:
    extract = _reference(task, task.conclusion.series_uid, task.sop_class(key), key.score.sop_uid)
    extract.Rows, extract.Columns = key.hu.shape
    reference = frame_of_reference(key.header)
    if reference:
        extract.FrameOfReferenceUID = reference
    values = {keyword: _numbers(key.header, keyword, count) for keyword, count in GEOMETRY.items()}
    whole = all(value is not None for value in values.values())
    # without its whole geometry an image is listed by modality and size alone
    extract.Modality = "CT" if whole else "OT"
    for keyword, value in values.items():
        if whole and value is not None:
            setattr(extract, keyword, value if len(value) > 1 else value[0])
    return extract


def _numbers(header: Dataset, keyword: str, count: int) -> list[float] | None:
    try:
        value = header.get(keyword)
        listed = value if count > 1 else [value]
        numbers = [float(one) for one in listed]
    except (TypeError, ValueError):
        return None
    return numbers if len(numbers) == count and all(map(math.isfinite, numbers)) else None
