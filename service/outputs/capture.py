"""Pictures become Secondary Captures: uncompressed RGB that every PACS takes (PS3.3 A.8)."""

from __future__ import annotations

from collections.abc import Sequence

from highdicom.sc import SCImage
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from service.domain.delivery import Form, ObjectKind
from service.outputs.canvas import Canvas
from service.outputs.concepts import SOURCE_IMAGE
from service.outputs.frame import MANUFACTURER, SERIES_NUMBERS, Task, finish, lay_frame_of_reference
from service.outputs.placement import frame_number
from service.outputs.rules import DERIVATION, PICTURE_SERIES
from service.outputs.source import KeySlice, RenderedObject

PICTURE = Form(ObjectKind.SC)


def capture(task: Task, canvas: Canvas, number: int, sources: Sequence[Dataset]) -> RenderedObject:
    """Wrap one picture; ``sources`` are Source Image Sequence items."""
    image = SCImage(
        pixel_array=canvas.pixels(),
        photometric_interpretation="RGB",
        bits_allocated=8,
        coordinate_system="PATIENT",
        study_instance_uid=task.verdict.study_uid,
        series_instance_uid=task.series_uid(PICTURE),
        series_number=SERIES_NUMBERS[ObjectKind.SC],
        sop_instance_uid=task.sop_uid(PICTURE, number),
        instance_number=number,
        manufacturer=MANUFACTURER,
        series_description=PICTURE_SERIES,
        patient_orientation=("L", "P"),
        transfer_syntax_uid=ExplicitVRLittleEndian,
    )
    _describe(image, task, sources)
    lay_frame_of_reference(image, task)
    return finish(image, task, PICTURE, number)


def source_item(sop_class: str, sop_uid: str, frame_number: int | None = None) -> Dataset:
    """Reference one image that a picture was made from (PS3.3 C.7.6.1.1.4)."""
    item = Dataset()
    item.ReferencedSOPClassUID = sop_class
    item.ReferencedSOPInstanceUID = sop_uid
    if frame_number is not None:
        item.ReferencedFrameNumber = frame_number
    item.PurposeOfReferenceCodeSequence = [SOURCE_IMAGE]
    return item


def key_item(task: Task, key: KeySlice) -> Dataset:
    """Reference the image, or the one frame of it, that a key slice is."""
    sop_class = task.sop_class(key)
    return source_item(sop_class, key.score.sop_uid, frame_number(key, sop_class))


def _describe(image: Dataset, task: Task, sources: Sequence[Dataset]) -> None:
    image.ImageType = ["DERIVED", "SECONDARY"]
    image.ConversionType = "WSD"
    image.BurnedInAnnotation = "YES"
    image.BodyPartExamined = "HEAD"
    # the letters are burned in; a hanging protocol must not turn the sheet
    image.PatientOrientation = None
    image.DerivationDescription = DERIVATION
    image.SourceImageSequence = list(sources)
    image.LossyImageCompression = "00"
    image.DateOfSecondaryCapture = task.moment.strftime("%Y%m%d")
    image.TimeOfSecondaryCapture = task.moment.strftime("%H%M%S.%f")
