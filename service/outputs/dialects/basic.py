"""The finding as Basic Text SR: ready sentences from top to bottom, for archives and viewers that show nothing else."""

from __future__ import annotations

from collections.abc import Iterator

from highdicom.sr import ContentItem, ContentSequence

from service.outputs import concepts
from service.outputs.dialects.flat import document, told
from service.outputs.finding import Finding, Statement, kinds_words
from service.outputs.frame import Task


def content(task: Task, finding: Finding) -> ContentSequence:
    """Write the answer first, then what it rests on; no codes, since some viewers drop what hangs on them."""
    suitability = finding.suitability
    return document(task, finding, _kinds(finding), (suitability.summary, *suitability.failed))


def _kinds(finding: Finding) -> Iterator[ContentItem]:
    words = kinds_words(finding)
    if words:
        yield told(Statement(topic=concepts.KINDS, text=words))
