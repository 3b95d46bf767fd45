"""Who may come in and what may be kept; pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from service.dicom.headers import Parsed
from service.dicom.statuses import Status
from service.dicom.uids import is_valid_uid
from service.domain.ids import SopUid
from service.domain.scan import AssociationEnd
from service.errors import BadUid, NoRoom, Refused, Undecodable, WrongClass, WrongIdentity
from service.settings import Sender

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


def admits(senders: Sequence[Sender], addresses: Collection[Collection[str]], calling_ae: str, address: str) -> bool:
    """Tell whether a sender may come in; ``addresses`` are those of each sender, none standing for any."""
    if not senders:
        return True
    return any(
        sender.ae_title.strip() == calling_ae.strip() and (not places or address in places)
        for sender, places in zip(senders, addresses, strict=True)
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
