"""Turn a verdict into the objects that go to the PACS; the same inputs and moment give the same bytes."""

from __future__ import annotations

import logging
from collections.abc import Callable

from pydicom.dataset import Dataset

from service.domain.delivery import HOUSE_FORMS, POSITIVE_ONLY, Dialect, Form, ObjectKind
from service.domain.verdict import StudyVerdict, Verdict
from service.outputs.capture import capture, key_item, source_item
from service.outputs.frame import Task
from service.outputs.key_objects import key_objects
from service.outputs.key_picture import draw_key_slice, prepare
from service.outputs.presentation import presentation_states
from service.outputs.report import report
from service.outputs.rules import leading
from service.outputs.source import Order, RenderedObject, ResultSource
from service.outputs.summary_picture import draw_summary

log = logging.getLogger(__name__)
#: what highdicom and pydicom raise over a header that they do not like
UNBUILDABLE = (ValueError, TypeError, AttributeError, KeyError, OverflowError)


def render(verdict: StudyVerdict, source: ResultSource, order: Order, made_at: float) -> list[RenderedObject]:
    """Return what was ordered, form by form; nothing for a study that was not analysed."""
    conclusion = leading(verdict)
    if verdict.verdict is Verdict.NOT_ANALYSED or conclusion is None:
        return []
    task = Task(verdict, conclusion, source, made_at)
    objects = [one for form in order.forms if fits(form, verdict) for one in _build_safely(task, form, order)]
    log.info("rendered study=%s verdict=%s objects=%d", verdict.study_uid, verdict.verdict.value, len(objects))
    return objects


def fits(form: Form, verdict: StudyVerdict) -> bool:
    """Tell whether this verdict is told in this form at all."""
    return verdict.verdict is Verdict.POSITIVE or form.kind not in POSITIVE_ONLY


def _build_safely(task: Task, form: Form, order: Order) -> list[RenderedObject]:
    """Build a form; one that was asked for beside those of the house must not hold them up when it cannot be made."""
    try:
        return _build(task, form, order)
    except UNBUILDABLE:
        if form in HOUSE_FORMS:
            raise
        log.exception("study=%s cannot be told as %s", task.verdict.study_uid, form.name)
        return []


def _build(task: Task, form: Form, order: Order) -> list[RenderedObject]:
    if form.kind is ObjectKind.SR:
        return [report(task, form.dialect or Dialect.TID1500, order.predecessors.get(form))]
    return BUILDERS[form.kind](task)


def _pictures(task: Task) -> list[RenderedObject]:
    prepared = [prepare(key, task.source.pack.labels) for key in task.source.key_slices]
    summary = draw_summary(task.verdict, task.conclusion, prepared)
    pictures = [capture(task, summary, 1, _summary_sources(task))]
    # a clear study gets the summary alone
    shown = prepared if task.verdict.verdict is Verdict.POSITIVE else []
    for at, one in enumerate(shown, 1):
        canvas = draw_key_slice(one, task.conclusion, (at, len(shown)))
        pictures.append(capture(task, canvas, at + 1, [key_item(task, one.key)]))
    return pictures


def _summary_sources(task: Task) -> list[Dataset]:
    series = [one for one in task.source.referenced if one.series_uid == task.conclusion.series_uid]
    return [source_item(image.sop_class, image.sop_uid) for one in series for image in one.instances]


BUILDERS: dict[ObjectKind, Callable[[Task], list[RenderedObject]]] = {
    ObjectKind.SC: _pictures,
    ObjectKind.KO: key_objects,
    ObjectKind.GSPS: presentation_states,
}
