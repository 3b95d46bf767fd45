"""The key slices as a Grayscale Softcopy Presentation State: window, the heat's outline and the notice (PS3.3 A.33.1).

It changes no pixel: a viewer lays it over the source images and can take it off again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from highdicom import ModalityLUTTransformation
from highdicom.color import CIELabColor
from highdicom.pr import (
    GraphicLayer,
    GraphicObject,
    GrayscaleSoftcopyPresentationState,
    SoftcopyVOILUTTransformation,
    TextObject,
)
from pydicom.dataset import Dataset
from pydicom.valuerep import DSfloat

from service.dicom.functional_groups import Frames, number
from service.domain.delivery import Form, ObjectKind
from service.outputs.contour import outlines
from service.outputs.frame import MANUFACTURER, SERIES_NUMBERS, Task, finish, ichor_version
from service.outputs.heat import BRAIN_CENTRE, BRAIN_WIDTH, FLOOR, heat_of
from service.outputs.library import library_images
from service.outputs.placement import frame_number
from service.outputs.rules import (
    BANNER,
    NO_OUTLINE_NOTE,
    OUTLINE_NOTE,
    STATE_DESCRIPTION,
    STATE_LABEL,
    STATE_SERIES,
    probability_words,
)
from service.outputs.source import KeySlice, RenderedObject

STATE = Form(ObjectKind.GSPS)
#: the line encloses where the heat is at least this share of the slice's highest
OUTLINE_SHARE = 0.5
MOST_LOOPS = 8
#: left, top, right, bottom of the picture as shown, between 0 and 1: away from the corners that viewers write into
TOP_LINE = (0.1, 0.01, 0.9, 0.045)
NOTE_LINE = (0.05, 0.045, 0.95, 0.08)
BANNER_LINE = (0.05, 0.955, 0.95, 0.99)
HEAT_LAYER = GraphicLayer("HEAT", 1, "outline of the network's heat", display_color=CIELabColor.from_rgb(250, 132, 36))
NOTICE_LAYER = GraphicLayer(
    "NOTICE", 2, "research use only, probability", display_color=CIELabColor.from_rgb(250, 196, 64)
)


@dataclass(frozen=True)
class Look:
    """What all images of one presentation state must share: how values become HU, size and spacing."""

    slope: float
    intercept: float
    shape: tuple[int, ...]
    spacing: tuple[float, float]


def presentation_states(task: Task) -> list[RenderedObject]:
    """Make one state for all key slices; more only where the slices differ in what a state can say but once."""
    groups: dict[Look, list[KeySlice]] = {}
    for key in task.source.key_slices:
        groups.setdefault(_look(key), []).append(key)
    return [_state(task, look, keys, at) for at, (look, keys) in enumerate(groups.items(), 1)]


def _look(key: KeySlice) -> Look:
    """Read the rescaling as the reader does (PS3.3 C.11.1); in a state without it viewers would window raw values."""
    groups, frame = Frames(key.header), key.score.frame
    slope = number(groups.value(frame, "RescaleSlope", "PixelValueTransformationSequence"))
    intercept = number(groups.value(frame, "RescaleIntercept", "PixelValueTransformationSequence"))
    return Look(slope or 1.0, intercept or 0.0, key.hu.shape, (key.row_mm, key.column_mm))


def _state(task: Task, look: Look, keys: Sequence[KeySlice], at: int) -> RenderedObject:
    images = {str(one.SOPInstanceUID): one for one in library_images(task)}
    chosen = {str(key.score.sop_uid): images[str(key.score.sop_uid)] for key in keys}
    for one in chosen.values():
        one.SamplesPerPixel = 1
    state = GrayscaleSoftcopyPresentationState(
        referenced_images=list(chosen.values()),
        series_instance_uid=task.series_uid(STATE),
        series_number=SERIES_NUMBERS[ObjectKind.GSPS],
        sop_instance_uid=task.sop_uid(STATE, at),
        instance_number=at,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=MANUFACTURER,
        software_versions=ichor_version(),
        device_serial_number="0",
        content_label=STATE_LABEL,
        content_description=STATE_DESCRIPTION,
        graphic_layers=[HEAT_LAYER, NOTICE_LAYER],
        modality_lut_transformation=ModalityLUTTransformation(look.intercept, look.slope, "HU"),
        voi_lut_transformations=[SoftcopyVOILUTTransformation(BRAIN_CENTRE, BRAIN_WIDTH, "BRAIN")],
        series_description=STATE_SERIES,
    )
    _annotate(state, task, keys)
    _describe(state, look)
    return finish(state, task, STATE, at)


def _annotate(state: Dataset, task: Task, keys: Sequence[KeySlice]) -> None:
    """Lay lines and words over each key slice; by frame in multi-frame images, which highdicom cannot do here."""
    frames: dict[str, list[int]] = {}
    annotations = []
    for key in keys:
        frame = frame_number(key, task.sop_class(key))
        frames.setdefault(str(key.score.sop_uid), []).extend([] if frame is None else [frame])
        annotations += _annotations(key, _reference(task, key, frame), task.source.pack.labels)
    state.GraphicAnnotationSequence = annotations
    for series in state.ReferencedSeriesSequence:
        for image in series.ReferencedImageSequence:
            if frames[str(image.ReferencedSOPInstanceUID)]:
                image.ReferencedFrameNumber = frames[str(image.ReferencedSOPInstanceUID)]


def _reference(task: Task, key: KeySlice, frame: int | None) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = task.sop_class(key)
    item.ReferencedSOPInstanceUID = key.score.sop_uid
    if frame is not None:
        item.ReferencedFrameNumber = frame
    return item


def _annotations(key: KeySlice, image: Dataset, labels: tuple[str, ...]) -> list[Dataset]:
    lines = _lines(key, labels)
    words = Dataset()
    words.GraphicLayer, words.ReferencedImageSequence = NOTICE_LAYER.GraphicLayer, [image]
    words.TextObjectSequence = _texts(key, bool(lines))
    if not lines:
        return [words]
    drawn = Dataset()
    drawn.GraphicLayer, drawn.ReferencedImageSequence = HEAT_LAYER.GraphicLayer, [image]
    drawn.GraphicObjectSequence = lines
    return [drawn, words]


def _lines(key: KeySlice, labels: tuple[str, ...]) -> list[GraphicObject]:
    heat = heat_of(key.activation, labels, key.score.probability, (key.hu.shape[0], key.hu.shape[1]))
    peak = float(heat.max(initial=0.0))
    if peak <= FLOOR:
        return []
    return [GraphicObject("POLYLINE", loop, "PIXEL") for loop in outlines(heat, peak * OUTLINE_SHARE)[:MOST_LOOPS]]


def _texts(key: KeySlice, outlined: bool) -> list[TextObject]:
    chance = f"Ichor: slice probability {probability_words(key.score.probability)}"
    lines = ((TOP_LINE, chance), (NOTE_LINE, OUTLINE_NOTE if outlined else NO_OUTLINE_NOTE), (BANNER_LINE, BANNER))
    return [TextObject(text, "DISPLAY", bounding_box=box) for box, text in lines]


def _describe(state: Dataset, look: Look) -> None:
    # without it Laterality would be required
    state.BodyPartExamined = "HEAD"
    for area in state.DisplayedAreaSelectionSequence:
        # of whole-slide images only
        area.pop("PixelOriginInterpretation", None)
        if all(look.spacing):
            area.pop("PresentationPixelAspectRatio", None)
            area.PresentationPixelSpacing = [DSfloat(mm, auto_format=True) for mm in look.spacing]
