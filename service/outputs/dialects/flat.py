"""What the flat dialects share: one container under a title that says what this is, sentences and images in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from highdicom.sr import (
    ContainerContentItem,
    ContentItem,
    ContentSequence,
    ImageContentItem,
    LanguageOfContentItemAndDescendants,
    RelationshipTypeValues,
    TextContentItem,
)

from service.outputs import concepts
from service.outputs.finding import Finding, KeyImage, Statement
from service.outputs.frame import Task
from service.outputs.observer import observer
from service.outputs.rules import ready

CONTAINS = RelationshipTypeValues.CONTAINS


def document(task: Task, finding: Finding, answer: Iterable[ContentItem], checks: Iterable[str]) -> ContentSequence:
    """Lay the answer between its purpose and its reasons, after the language and who says it (TID 1204, TID 1002)."""
    head = [*LanguageOfContentItemAndDescendants(language=concepts.ENGLISH), *observer(task)]
    purpose = told(Statement(topic=concepts.INTENDED_USE, text=finding.purpose))
    summary = told(Statement(topic=concepts.SUMMARY, text=finding.headline))
    body = [*_key_images(finding), *_reasons(finding, checks), *_algorithm(finding)]
    root = ContainerContentItem(name=concepts.TRIAGE_NOTE)
    root.ContentSequence = ContentSequence([*head, purpose, summary, *answer, *body])
    return ContentSequence([root], is_root=True)


def told(statement: Statement) -> TextContentItem:
    """Write one sentence, ready to be read out."""
    return TextContentItem(statement.topic, ready(statement.text), CONTAINS)


def _reasons(finding: Finding, checks: Iterable[str]) -> Iterator[TextContentItem]:
    """Write what the answer rests on, each sentence once."""
    said: set[str] = set()
    for one in (*finding.statements, *(Statement(topic=concepts.SUITABILITY, text=text) for text in checks)):
        if one.text not in said:
            yield told(one)
        said.add(one.text)


def _algorithm(finding: Finding) -> Iterator[ContentItem]:
    """Say which node and pack said it."""
    one = finding.algorithm
    yield TextContentItem(concepts.ALGORITHM_NAME, one.name, CONTAINS)
    yield TextContentItem(concepts.ALGORITHM_VERSION, one.version, CONTAINS)
    for parameter in one.parameters:
        yield TextContentItem(concepts.ALGORITHM_PARAMETERS, parameter, CONTAINS)


def _key_images(finding: Finding) -> Iterator[ContentItem]:
    """Give each key slice its sentence and, right after it, the image."""
    for one in finding.key_images:
        yield told(Statement(topic=concepts.KEY_SLICE, text=one.words))
        yield _image(one)


def _image(one: KeyImage) -> ImageContentItem:
    return ImageContentItem(concepts.KEY_SLICE, one.sop_class, one.sop_uid, one.frame, relationship_type=CONTAINS)
