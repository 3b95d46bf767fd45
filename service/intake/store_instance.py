"""The C-STORE handler (PS3.4 B.2): checks, file, row, and only then success."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, replace
from typing import Any

from pydicom import Dataset

from service.dicom import headers
from service.dicom.part10 import file_head, hash_of
from service.dicom.statuses import Status, refusal
from service.domain.ids import AssociationId
from service.domain.scan import Arrival, ReceivedInstance
from service.errors import NoRoom, Refused, RetryLater
from service.intake.journal import Journal
from service.intake.rules import STATUS_OF, StoreCommand, check_command, check_data_set, checked_uid
from service.store.files import FileStore

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Visit:
    """Whose association the instance came over."""

    association: AssociationId
    calling_ae: str


@dataclass(frozen=True, kw_only=True)
class StoreInstance:
    """Keeps one received object.

    Success means: the bytes are fsynced under their hash and the ledger row is committed. The same bytes again are
    success and change nothing. Other bytes under a known UID are success too, since they are safe on disk; they are
    kept aside and noted, never read, and never replace the first.
    """

    store: FileStore
    journal: Journal
    min_free_mb: float

    def answer(self, event: Any, visit: Visit) -> Status | Dataset:
        """Return the status for a pynetdicom C-STORE event; nothing escapes, since the sender must get an answer."""
        command = _command(event)
        try:
            self._keep(command, event.request.DataSet.getvalue(), visit)
        except Refused as reason:
            log.warning("refused %s from %s: %s", command.sop_uid[:64], visit.calling_ae, reason)
            return refusal(STATUS_OF[type(reason)], str(reason))
        except RetryLater as reason:
            return refusal(Status.OUT_OF_RESOURCES, str(reason))
        except Exception:
            log.exception("could not keep %s from %s", command.sop_uid[:64], visit.calling_ae)
            return refusal(Status.PROCESSING_FAILURE, "the node could not keep the object; see its log")
        return Status.SUCCESS

    def _keep(self, command: StoreCommand, encoded: bytes, visit: Visit) -> None:
        if self.store.free_mb() < self.min_free_mb:
            raise NoRoom("the node's disk is nearly full")
        check_command(command)
        dataset, has_pixels = headers.decode(encoded, command.transfer_syntax)
        parsed = headers.parse(dataset, has_pixels=has_pixels)
        check_data_set(command, parsed)
        content_hash = hash_of(command.transfer_syntax, encoded)
        head = file_head(command.sop_class, command.sop_uid, command.transfer_syntax, visit.calling_ae)
        self.store.keep((head, encoded), content_hash)
        arrival = self.journal.record(
            ReceivedInstance(
                sop_uid=checked_uid(command),
                series_uid=parsed.series_uid,
                content_hash=content_hash,
                transfer_syntax=command.transfer_syntax,
                size=len(encoded),
                association=visit.association,
                received_at=time.time(),
                patient=parsed.patient,
                study=parsed.study,
                header=replace(parsed.header, sop_class=command.sop_class),
            )
        )
        if not self.store.has(content_hash):
            # a purge took the same bytes away while their new row was on its way; now the row guards the file
            self.store.keep((head, encoded), content_hash)
        if arrival is Arrival.CONFLICT:
            log.warning("other bytes under the known UID %s: kept aside as %s", command.sop_uid, content_hash)


def _command(event: Any) -> StoreCommand:
    return StoreCommand(
        sop_class=str(event.request.AffectedSOPClassUID or ""),
        sop_uid=str(event.request.AffectedSOPInstanceUID or ""),
        context_class=str(event.context.abstract_syntax),
        transfer_syntax=str(event.context.transfer_syntax),
    )
