"""What a person may do by hand; the audit entry is kept before the deed, so that none goes unrecorded."""

from __future__ import annotations

import logging
from http import HTTPStatus

from service.domain.delivery import DeliveryState
from service.domain.notice import NoticeState
from service.ledger import audit, case, jobs, listing, notices, outbox
from service.ledger.audit import Deed
from service.worklist.door import Visitor
from service.worklist.ports import WorklistPorts
from service.worklist.refusal import Refusal

log = logging.getLogger(__name__)


def no_study() -> Refusal:
    """Return the answer to an unknown study UID."""
    return Refusal(HTTPStatus.NOT_FOUND, "there is no such study", "look for it in /api/worklist")


def replay(ports: WorklistPorts, visitor: Visitor, study_uid: str) -> None:
    """Have a study read and sent again."""
    if listing.one_study(ports.ledger, study_uid) is None:
        raise no_study()
    now = ports.clock()
    audit.write(ports.ledger, Deed(at=now, who=visitor.name, act="replay", subject=study_uid))
    jobs.replay(ports.ledger, study_uid, now)
    log.info("replay of study %s asked for by hand", study_uid)


def give_feedback(ports: WorklistPorts, visitor: Visitor, study_uid: str, verdict: str, comment: str) -> None:
    """Keep what a reader thinks of an answer, as an audit entry; the answer itself stays as it is."""
    if listing.one_study(ports.ledger, study_uid) is None:
        raise no_study()
    text = f"{verdict}: {comment}" if comment else verdict
    audit.write(ports.ledger, Deed(at=ports.clock(), who=visitor.name, act="feedback", subject=study_uid, text=text))
    log.info("feedback on study %s: %s", study_uid, verdict)


def retry(ports: WorklistPorts, visitor: Visitor, delivery_id: int) -> str:
    """Have a delivery sent again; return its study's UID."""
    found = case.delivery_of(ports.ledger, delivery_id)
    if found is None:
        raise Refusal(HTTPStatus.NOT_FOUND, "there is no such delivery", "GET /api/studies/{uid} names its deliveries")
    if found.state is DeliveryState.QUEUED:
        raise Refusal(HTTPStatus.CONFLICT, "this delivery is queued already", "wait for it")
    now = ports.clock()
    text = f"study {found.study_uid} to {found.destination}"
    audit.write(ports.ledger, Deed(at=now, who=visitor.name, act="retry", subject=str(delivery_id), text=text))
    outbox.retry(ports.ledger, delivery_id, now)
    log.info("retry of delivery %d asked for by hand", delivery_id)
    return found.study_uid


def tell_again(ports: WorklistPorts, visitor: Visitor, notice_id: int) -> str:
    """Have a target told again; return the study's UID."""
    found = case.notice_of(ports.ledger, notice_id)
    if found is None:
        raise Refusal(HTTPStatus.NOT_FOUND, "there is no such notice", "GET /api/studies/{uid} names its notices")
    if found.state is NoticeState.QUEUED:
        raise Refusal(HTTPStatus.CONFLICT, "this notice is queued already", "wait for it")
    now = ports.clock()
    if not notices.is_newest(ports.ledger, notice_id):
        raise Refusal(HTTPStatus.CONFLICT, "a newer notice has taken its place", "retry the newest one to this target")
    text = f"notice about study {found.study_uid} to {found.target}"
    audit.write(ports.ledger, Deed(at=now, who=visitor.name, act="retry", subject=f"notice {notice_id}", text=text))
    notices.retry(ports.ledger, notice_id, now)
    log.info("retry of notice %d asked for by hand", notice_id)
    return found.study_uid
