"""The flagged slices as a Key Object Selection Document: most viewers can show these images alone (PS3.3 A.35.4)."""

from __future__ import annotations

from highdicom.ko import KeyObjectSelection, KeyObjectSelectionDocument
from pydicom.dataset import Dataset

from service.domain.delivery import Form, ObjectKind
from service.outputs import concepts
from service.outputs.finding import Finding, finding_of
from service.outputs.frame import MANUFACTURER, SERIES_NUMBERS, Task, finish
from service.outputs.library import library_images
from service.outputs.observer import observer
from service.outputs.rules import KEY_SERIES, ready
from service.outputs.source import RenderedObject

KEY_OBJECTS = Form(ObjectKind.KO)


def key_objects(task: Task) -> list[RenderedObject]:
    """Point at the key slices of the source; nothing without any."""
    images = library_images(task)
    if not images:
        return []
    finding = finding_of(task)
    content = KeyObjectSelection(
        document_title=concepts.OF_INTEREST,
        referenced_objects=images,
        observer_device_context=observer(task),
        description=_description(finding),
    )
    _name_frames(content[0], finding)
    document = KeyObjectSelectionDocument(
        evidence=images,
        content=content,
        series_instance_uid=task.series_uid(KEY_OBJECTS),
        series_number=SERIES_NUMBERS[ObjectKind.KO],
        sop_instance_uid=task.sop_uid(KEY_OBJECTS, 1),
        instance_number=1,
        manufacturer=MANUFACTURER,
        series_description=KEY_SERIES,
    )
    return [finish(document, task, KEY_OBJECTS, 1)]


def _description(finding: Finding) -> str:
    """Say why these images, most telling first, and what the selection may be used for."""
    slices = ", ".join(one.short for one in finding.key_images)
    return f"{finding.headline} Slices to look at, most telling first: {slices}. {ready(finding.purpose)}"


def _name_frames(root: Dataset, finding: Finding) -> None:
    """Name the frames of multi-frame images, which highdicom leaves out."""
    frames: dict[str, list[int]] = {}
    for one in finding.key_images:
        frames.setdefault(one.sop_uid, []).extend([] if one.frame is None else [one.frame])
    for item in root.ContentSequence:
        for reference in item.get("ReferencedSOPSequence", []):
            numbers = frames[str(reference.ReferencedSOPInstanceUID)]
            if numbers:
                reference.ReferencedFrameNumber = numbers
