"""The other half of Storage Commitment: telling the node what the practice archive keeps (PS3.4 J.3.3)."""

from __future__ import annotations

from service.delivery.report import Voucher, send_report
from service.dicom.statuses import Status
from service.peers import Destination


def report_to(ae_title: str, node: Destination, transaction_uid: str, verdict: dict[tuple[str, str], bool]) -> None:
    """Bring the report over an association of its own; DestinationDown when the node does not take it."""
    voucher = Voucher(
        kept=tuple(one for one, kept in verdict.items() if kept),
        lost=tuple((one, Status.NO_SUCH_INSTANCE) for one, kept in verdict.items() if not kept),
    )
    send_report(ae_title, node, transaction_uid, voucher)
