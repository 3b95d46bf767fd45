"""Who may come in and what may be kept; pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

from service.dicom.headers import Parsed
from service.dicom.statuses import Status
from service.dicom.uids import is_valid_uid
from service.domain.ids import SopUid
from service.domain.scan import AssociationEnd
from service.errors import BadUid, NoRoom, Refused, Undecodable, WrongClass, WrongIdentity
from service.peers import Destination, Querier, Sender

#: PS3.4 B.2.3 and PS3.7 C.5: what each refusal is called on the wire
STATUS_OF: dict[type[Refused], Status] = {
    NoRoom: Status.OUT_OF_RESOURCES,
    WrongIdentity: Status.DATA_SET_MISMATCH,
    WrongClass: Status.DATA_SET_MISMATCH,
    BadUid: Status.INVALID_INSTANCE,
    Undecodable: Status.CANNOT_UNDERSTAND,
}


@dataclass(frozen=True, kw_only=True)
class StoreCommand:
    """What the C-STORE-RQ says beside its data set (PS3.7 9.1.1)."""

    sop_class: str
    sop_uid: str
    #: abstract and transfer syntax of the presentation context
    context_class: str
    transfer_syntax: str


class Right(StrEnum):
    """What a caller may do at the door; who may do anything may ask for a sign of life."""

    SEND = "send"
    QUERY = "query"
    PROVE = "prove"


#: the list of the settings that gives each right
LIST_OF = {Right.SEND: "[[senders]]", Right.QUERY: "[[queriers]]", Right.PROVE: "[[destinations]] with commit"}


@dataclass(frozen=True, kw_only=True)
class Callers:
    """Who may call for what. Without senders anyone may, on loopback only; see ``may``."""

    senders: tuple[Sender, ...] = ()
    queriers: tuple[Querier, ...] = ()
    #: destinations call to report on Storage Commitment
    provers: tuple[Destination, ...] = ()

    def named(self, right: Right) -> tuple[Sender | Querier | Destination, ...]:
        """Return the entries that give a right."""
        named: dict[Right, tuple[Sender | Querier | Destination, ...]] = {
            Right.SEND: self.senders,
            Right.QUERY: self.queriers,
            Right.PROVE: self.provers,
        }
        return named[right]

    def open_to_all(self, right: Right) -> bool:
        """Tell whether nobody was named, so that anyone may; naming queriers alone closes the list, not the door."""
        return not self.senders and not (right is Right.QUERY and self.queriers)


def admits(
    entries: Sequence[Sender | Querier | Destination],
    addresses: Collection[Collection[str]],
    calling_ae: str,
    address: str,
) -> bool:
    """Tell whether one of the entries names the caller; ``addresses`` are those of each, none standing for any."""
    return any(
        entry.ae_title.strip() == calling_ae.strip() and (not places or address in places)
        for entry, places in zip(entries, addresses, strict=True)
    )


def check_command(command: StoreCommand) -> None:
    """Refuse what the command alone gives away."""
    if not is_valid_uid(command.sop_uid):
        raise BadUid("the Affected SOP Instance UID is not a UID")
    if command.sop_class != command.context_class:
        raise WrongClass("the Affected SOP Class UID is not that of the presentation context")


def check_data_set(command: StoreCommand, parsed: Parsed) -> None:
    """Refuse a data set that is not what the command announced; empty is forgiven, different is not."""
    if parsed.sop_uid not in ("", command.sop_uid):
        raise WrongIdentity("SOP Instance UID of data set and command differ")
    if parsed.header.sop_class not in ("", command.sop_class):
        raise WrongClass("SOP Class UID of data set and command differ")
    for name, uid in (("Study", parsed.study.study_uid), ("Series", parsed.series_uid)):
        if not uid:
            raise Undecodable(f"the data set has no {name} Instance UID")
        if not is_valid_uid(uid):
            raise BadUid(f"the {name} Instance UID is not a UID")


def checked_uid(command: StoreCommand) -> SopUid:
    """Return the instance's name: the command's, which the data set did not contradict."""
    return SopUid(command.sop_uid)


def end_of(*, released: bool, aborted_by_word: bool) -> AssociationEnd:
    """Name how a visit ended; a connection that just went away is lost (PS3.8 7.2 to 7.4)."""
    if released:
        return AssociationEnd.RELEASED
    return AssociationEnd.ABORTED if aborted_by_word else AssociationEnd.LOST
