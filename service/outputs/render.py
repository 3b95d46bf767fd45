"""Turn a verdict into the objects that go to the PACS; the same inputs and moment give the same bytes."""

from __future__ import annotations

import logging

from pydicom.dataset import Dataset

from service.domain.verdict import StudyVerdict, Verdict
from service.outputs.capture import capture, key_item, source_item
from service.outputs.frame import Task
from service.outputs.key_picture import draw_key_slice, prepare
from service.outputs.report import report
from service.outputs.rules import leading
from service.outputs.source import Predecessor, RenderedObject, ResultSource
from service.outputs.summary_picture import draw_summary

log = logging.getLogger(__name__)


def render(
    verdict: StudyVerdict, source: ResultSource, predecessor: Predecessor | None, made_at: float
) -> list[RenderedObject]:
    """Return summary, key slices and report, in this order; nothing for a study that was not analysed."""
    conclusion = leading(verdict)
    if verdict.verdict is Verdict.NOT_ANALYSED or conclusion is None:
        return []
    task = Task(verdict, conclusion, source, made_at)
    objects = [*_pictures(task), report(task, predecessor)]
    log.info("rendered study=%s verdict=%s objects=%d", verdict.study_uid, verdict.verdict.value, len(objects))
    return objects


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
