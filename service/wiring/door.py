"""What the door serves beside storage: proof both ways, and the list."""

from __future__ import annotations

from service.delivery import commit
from service.delivery.vouch import AddressBook, Promises
from service.intake.reactor import say_after
from service.intake.rules import Right
from service.intake.scp import ExtraService
from service.ledger.book import Ledger
from service.query import answer
from service.settings import Settings
from service.store.files import FileStore


def beside_storage(settings: Settings, ledger: Ledger, store: FileStore) -> list[ExtraService]:
    """Return the services of the other rooms, each for those who have a right to it."""
    promises = Promises(ledger, store, address_book(settings), say_after)
    desk = answer.QueryDesk(ledger, settings.query, retrieve_ae_title(settings))
    proof = ExtraService(
        rights=frozenset({Right.SEND, Right.PROVE}),
        contexts=[commit.report_context()],
        handlers=[commit.event_report_handler(ledger), promises.action_handler()],
    )
    asking = ExtraService(rights=frozenset({Right.QUERY}), contexts=answer.contexts(), handlers=desk.handlers())
    return [proof, asking]


def address_book(settings: Settings) -> AddressBook:
    """Return where those who asked for Storage Commitment get their reports."""
    return AddressBook(settings.senders, tuple(one for one in settings.destinations if not one.url))


def retrieve_ae_title(settings: Settings) -> str:
    """Return who has the images: who the site says, else the first destination called by AE title."""
    called = (one.ae_title for one in settings.destinations if one.ae_title)
    return settings.query.retrieve_ae_title or next(called, "")
