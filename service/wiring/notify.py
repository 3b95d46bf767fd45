"""Builders of the telling: messengers for the deliver role and the doctor, addressees for the worker."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from service.domain.notice import Addressee, NoticeKind
from service.domain.verdict import Verdict
from service.errors import BadSettings, IchorError
from service.ledger import scans
from service.ledger.book import Ledger
from service.notify.ports import Messenger
from service.notify.send import NoticeRound
from service.settings import Settings
from service.targets import NoticeTarget


def addressees(settings: Settings) -> tuple[Addressee, ...]:
    """Name whom the worker writes notices for."""
    by_kind: dict[NoticeKind, Iterable[NoticeTarget]] = {
        NoticeKind.HL7: settings.hl7,
        NoticeKind.WEBHOOK: settings.webhooks,
        NoticeKind.MAIL: settings.mails,
        NoticeKind.UPS: settings.ups,
    }
    return tuple(
        Addressee(name=one.name, kind=kind, on=frozenset(Verdict(word) for word in one.on))
        for kind, targets in by_kind.items()
        for one in targets
    )


def messengers(settings: Settings, ledger: Ledger | None = None) -> list[Messenger]:
    """Build one teller per target; without a ledger they can only look whether the target is there."""
    from service.notify.mail import MailMessenger
    from service.notify.mllp import Hl7Messenger
    from service.notify.ups_rs import UpsMessenger
    from service.notify.webhook import WebhookMessenger

    def instances_of(series_uid: str) -> Sequence[tuple[str, str]]:
        found = scans.view(ledger, series_uid).instances if ledger else ()
        return [(one.header.sop_class, one.sop_uid) for one in found]

    return [
        *(Hl7Messenger(one) for one in settings.hl7),
        *(WebhookMessenger(one) for one in settings.webhooks),
        *(MailMessenger(one) for one in settings.mails),
        *(UpsMessenger(one, instances_of) for one in settings.ups),
    ]


def notice_round(settings: Settings, ledger: Ledger) -> NoticeRound:
    """Put the telling together."""
    return NoticeRound(messengers(settings, ledger), ledger, settings.notify, settings.web.public_url)


def require_usable(settings: Settings) -> None:
    """Find out before the start what no target could be told with: secrets, certificates, templates."""
    for one in messengers(settings):
        try:
            one.prove()
        except IchorError as problem:
            raise BadSettings(str(problem)) from None
