"""The other half of Storage Commitment: telling the node what the practice archive keeps (PS3.4 J.3.3)."""

from __future__ import annotations

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pynetdicom import build_role

from service.delivery.association import associate
from service.delivery.commit import commitment_context
from service.dicom.statuses import Status, name_of
from service.dicom.uids import STORAGE_COMMITMENT_INSTANCE, STORAGE_COMMITMENT_PUSH_MODEL
from service.errors import DestinationDown
from service.settings import Destination

#: PS3.4 Table J.3-2
ALL_KEPT, SOME_LOST = 1, 2


def report_to(ae_title: str, node: Destination, transaction_uid: str, verdict: dict[tuple[str, str], bool]) -> None:
    """Send the N-EVENT-REPORT over an association of its own; DestinationDown when the node does not take it."""
    role = build_role(STORAGE_COMMITMENT_PUSH_MODEL, scp_role=True)
    with associate(ae_title, node, [commitment_context()], roles=[role]) as association:
        if not any(one.abstract_syntax == STORAGE_COMMITMENT_PUSH_MODEL for one in association.accepted_contexts):
            raise DestinationDown(f"{node.name} takes no Storage Commitment reports")
        answer, _ = association.send_n_event_report(
            report_of(transaction_uid, verdict),
            ALL_KEPT if all(verdict.values()) else SOME_LOST,
            STORAGE_COMMITMENT_PUSH_MODEL,
            STORAGE_COMMITMENT_INSTANCE,
        )
        if answer.get("Status") != Status.SUCCESS:
            raise DestinationDown(f"{node.name} answered the report with {name_of(answer.get('Status'))!r}")


def report_of(transaction_uid: str, verdict: dict[tuple[str, str], bool]) -> Dataset:
    """Return the event information: what is kept, and what is not with its reason."""
    report = Dataset()
    report.TransactionUID = transaction_uid
    report.ReferencedSOPSequence = Sequence([_item(*one) for one, kept in verdict.items() if kept])
    lost = [_item(*one) for one, kept in verdict.items() if not kept]
    for one in lost:
        one.FailureReason = int(Status.NO_SUCH_INSTANCE)
    if lost:
        report.FailedSOPSequence = Sequence(lost)
    return report


def _item(sop_class: str, sop_uid: str) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = sop_class
    item.ReferencedSOPInstanceUID = sop_uid
    return item
