"""The finding as a flat, coded Enhanced SR: for systems that read codes and numbers but know no TID 1500."""

from __future__ import annotations

from collections.abc import Iterator

from highdicom.sr import (
    CodeContentItem,
    CodedConcept,
    ContentItem,
    ContentSequence,
    NumContentItem,
    RelationshipTypeValues,
)

from service.outputs import concepts
from service.outputs.dialects.flat import CONTAINS, document
from service.outputs.finding import Finding
from service.outputs.frame import Task
from service.outputs.rules import plain


def content(task: Task, finding: Finding) -> ContentSequence:
    """Write one level of items; what a number or code is about hangs on it as its modifier."""
    return document(task, finding, _codes(finding), finding.suitability.checks)


def _codes(finding: Finding) -> Iterator[ContentItem]:
    context = concepts.PRESENT if finding.present else concepts.ABSENT
    yield _about(CodeContentItem(concepts.FINDING, concepts.HEMORRHAGE, CONTAINS), concepts.FINDING_CONTEXT, context)
    if finding.probability is not None:
        yield _certainty(concepts.HEMORRHAGE, finding.probability)
    for label, probability in finding.kinds:
        yield _certainty(concepts.kind_of_bleed(plain(label)), probability)


def _certainty(what: CodedConcept, probability: float) -> ContentItem:
    number = NumContentItem(concepts.CERTAINTY, round(float(probability), 4), concepts.NO_UNITS, None, CONTAINS)
    return _about(number, concepts.FINDING, what)


def _about(item: ContentItem, name: CodedConcept, value: CodedConcept) -> ContentItem:
    """Hang a modifier on an item: a finding without its context would read as present."""
    item.ContentSequence = ContentSequence([CodeContentItem(name, value, RelationshipTypeValues.HAS_CONCEPT_MOD)])
    return item
