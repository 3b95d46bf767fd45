"""The report in each dialect, unverified and preliminary by construction (PS3.3 A.35.1, A.35.2, A.35.13)."""

from __future__ import annotations

from collections.abc import Callable

from highdicom.sr import Comprehensive3DSR, ContentSequence, EnhancedSR
from pydicom.dataset import Dataset
from pydicom.uid import UID

from service.dicom.uids import BASIC_TEXT_SR, COMPREHENSIVE_3D_SR, ENHANCED_SR
from service.domain.delivery import Dialect, Form, ObjectKind
from service.outputs import concepts
from service.outputs.dialects import basic, enhanced, tid1500
from service.outputs.finding import Finding, finding_of
from service.outputs.frame import MANUFACTURER, SERIES_NUMBERS, Task, finish, lay_frame_of_reference
from service.outputs.library import evidence, predecessor_item
from service.outputs.rules import REPORT_SERIES, evidence_words, plain
from service.outputs.source import Predecessor, RenderedObject

TRANSLATORS: dict[Dialect, Callable[[Task, Finding], ContentSequence]] = {
    Dialect.TID1500: tid1500.content,
    Dialect.ENHANCED: enhanced.content,
    Dialect.BASIC: basic.content,
}
SOP_CLASSES = {
    Dialect.TID1500: COMPREHENSIVE_3D_SR,
    Dialect.ENHANCED: ENHANCED_SR,
    Dialect.BASIC: BASIC_TEXT_SR,
}


def report(task: Task, dialect: Dialect, predecessor: Predecessor | None) -> RenderedObject:
    """Build the report; it supersedes ``predecessor`` where there is one."""
    form = Form(ObjectKind.SR, dialect)
    # highdicom has no class for Basic Text: the modules are those of Enhanced SR, the content decides
    document_class = Comprehensive3DSR if dialect is Dialect.TID1500 else EnhancedSR
    document = document_class(
        evidence=evidence(task),
        content=TRANSLATORS[dialect](task, finding_of(task)),
        series_instance_uid=task.series_uid(form),
        series_number=SERIES_NUMBERS[ObjectKind.SR],
        sop_instance_uid=task.sop_uid(form, 1),
        instance_number=1,
        manufacturer=MANUFACTURER,
        is_complete=not _gaps(task),
        is_final=False,
        is_verified=False,
        previous_versions=[predecessor_item(predecessor)] if predecessor else None,
        series_description=REPORT_SERIES,
    )
    document.SOPClassUID = UID(SOP_CLASSES[dialect])
    _describe(document, task)
    if dialect is Dialect.TID1500:
        lay_frame_of_reference(document, task)
    return finish(document, task, form, 1)


def _describe(document: Dataset, task: Task) -> None:
    document.CodingSchemeIdentificationSequence = [concepts.declared_scheme()]
    document.CompletionFlagDescription = plain(evidence_words(task.conclusion), 64)


def _gaps(task: Task) -> bool:
    return bool(task.conclusion.evidence and task.conclusion.evidence.gaps)
