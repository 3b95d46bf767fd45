"""A changed answer becomes files in the store and a publication for the ledger; an unchanged one becomes nothing."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

from service.domain.delivery import Form, ResultObject
from service.domain.ids import SeriesUid, StudyUid
from service.domain.verdict import StudyVerdict
from service.ledger import readings
from service.ledger.book import Ledger
from service.ledger.conclusions import Publication, StudyView
from service.outputs.render import fits, render
from service.outputs.rules import leading
from service.outputs.source import Order, Predecessor, RenderedObject
from service.worker.desk import WorkerDesk
from service.worker.gather import Material, gather


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to make of a verdict, and the earlier reports that it supersedes."""

    answer: str
    forms: tuple[Form, ...]
    superseded: tuple[ResultObject, ...]
    made_at: float


def publication_of(
    ledger: Ledger, desk: WorkerDesk, seen: StudyView, material: Material, made_at: float
) -> Publication | None:
    """Render and keep a changed answer; of an unchanged one only the forms that somebody asks for by now."""
    answer, standing = answer_of(material.verdict, desk), seen.published
    if standing is None or answer != seen.published_answer:
        superseded = standing.reports if standing else ()
        plan = Plan(answer=answer, forms=desk.forms, superseded=superseded, made_at=made_at)
        return _make(ledger, desk, material, plan)
    missing = tuple(one for one in desk.forms if one not in standing.forms and fits(one, standing.verdict))
    if not missing:
        return None
    plan = Plan(answer=answer, forms=missing, superseded=standing.earlier_reports, made_at=made_at)
    # what is added to a set tells what the set tells, not what was concluded since
    return _make(ledger, desk, replace(material, verdict=standing.verdict), plan)


def _make(ledger: Ledger, desk: WorkerDesk, material: Material, plan: Plan) -> Publication | None:
    verdict, lead = material.verdict, leading(material.verdict)
    if lead is None or lead.series_uid not in material.instances:
        return None
    maps = readings.of_series(ledger, lead.series_uid, lead.pack_hash) | dict(material.readings)
    source = gather(desk, desk.store, replace(material, readings=maps))
    # a report supersedes the one of its own dialect: that is the one its readers have
    earlier = {one.form: _predecessor(verdict.study_uid, one) for one in plan.superseded}
    rendered = render(verdict, source, Order(forms=plan.forms, predecessors=earlier), plan.made_at)
    objects = tuple(_keep(desk, one) for one in rendered)
    made = {one.form for one in rendered}
    unmade = tuple(one for one in plan.forms if one not in made and fits(one, verdict))
    return Publication(answer=plan.answer, verdict=verdict, objects=objects, unmade=unmade) if objects else None


def answer_of(verdict: StudyVerdict, desk: WorkerDesk) -> str:
    """Name what would make a new result set worth sending: another answer, or another pack that read some of it."""
    packs = {one.pack_hash for one in verdict.conclusions if one.slices} or {desk.pack.pack_hash}
    return hashlib.sha256(f"{verdict.answer}|{'+'.join(sorted(packs))}".encode()).hexdigest()


def _predecessor(study_uid: StudyUid, earlier: ResultObject) -> Predecessor:
    return Predecessor(
        study_uid=study_uid,
        series_uid=SeriesUid(earlier.series_uid),
        sop_class=earlier.sop_class,
        sop_uid=earlier.sop_uid,
    )


def _keep(desk: WorkerDesk, one: RenderedObject) -> ResultObject:
    content_hash = hashlib.sha256(one.payload).hexdigest()
    desk.store.keep([one.payload], content_hash)
    return ResultObject(
        sop_uid=one.sop_uid,
        sop_class=one.sop_class,
        series_uid=one.series_uid,
        kind=one.kind,
        content_hash=content_hash,
        number=one.number,
        dialect=one.form.dialect,
    )
