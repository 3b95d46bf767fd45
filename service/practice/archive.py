"""The practice archive: a real small Storage SCP that keeps what it gets and can prove it (PS3.4 B, J)."""

from __future__ import annotations

import hashlib
import logging
import os
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from uuid import uuid4

from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.transport import ThreadedAssociationServer

from service.delivery.commit import report_context
from service.dicom.contexts import storage_contexts
from service.dicom.part10 import file_head
from service.dicom.statuses import Status
from service.errors import DestinationDown, Unavailable
from service.peers import Destination
from service.practice.prove import report_to

log = logging.getLogger(__name__)

NAME_LENGTH = 32
IDLE_SECONDS = 60


class PracticeArchive:
    """Listens on loopback; objects lie as Part 10 files in one folder per study, named by hashes of their UIDs."""

    def __init__(self, folder: Path, host: str, port: int, ae_title: str, node: Destination | None = None) -> None:
        self.folder = folder
        self._host = host
        self._port = port
        self._ae_title = ae_title
        self._node = node
        self._server: ThreadedAssociationServer | None = None
        self._reports: list[threading.Thread] = []

    @property
    def port(self) -> int:
        """Return the port it listens on, also when it was told to choose one (0)."""
        return int(self._server.server_address[1]) if self._server else self._port

    def start(self) -> None:
        """Open the door; Unavailable when the port is taken."""
        self.folder.mkdir(parents=True, exist_ok=True)
        entity = AE(ae_title=self._ae_title)
        entity.supported_contexts = storage_contexts([report_context()])
        entity.network_timeout = IDLE_SECONDS
        handlers: list[Any] = [(evt.EVT_C_STORE, self._keep), (evt.EVT_N_ACTION, self._commit)]
        try:
            self._server = entity.start_server((self._host, self._port), block=False, evt_handlers=handlers)
        except OSError as problem:
            raise Unavailable(
                f"the practice archive cannot listen on {self._host}:{self._port} ({problem.strerror}): free that port"
            ) from None
        log.info("practice archive %s listens on %s:%d", self._ae_title, self._host, self.port)

    def stop(self) -> None:
        """Close the door and wait for reports under way; what was kept stays."""
        if self._server is not None:
            self._server.shutdown()
            self._server = None
        for report in self._reports:
            report.join()

    def files(self) -> list[Path]:
        """List everything that was kept."""
        return sorted(self.folder.glob("*/*.dcm"))

    def has(self, sop_uid: str) -> bool:
        """Tell whether an object is kept."""
        return next(self.folder.glob(f"*/{name_of_uid(sop_uid)}.dcm"), None) is not None

    def _keep(self, event: Any) -> int:
        """Answer success when the object lies on disk, and not before."""
        try:
            data = event.dataset
            sop_uid, study_uid = str(data.SOPInstanceUID), str(data.StudyInstanceUID)
        except (AttributeError, ValueError, OSError, NotImplementedError):
            return Status.CANNOT_UNDERSTAND
        if sop_uid != event.request.AffectedSOPInstanceUID:
            return Status.DATA_SET_MISMATCH
        head = file_head(str(data.SOPClassUID), sop_uid, str(event.context.transfer_syntax))
        target = self.folder / name_of_uid(study_uid) / f"{name_of_uid(sop_uid)}.dcm"
        try:
            _write(target, (head, event.encoded_dataset(include_meta=False)))
        except OSError as problem:
            log.error("the practice archive cannot write: %s", problem)
            return Status.OUT_OF_RESOURCES
        return Status.SUCCESS

    def _commit(self, event: Any) -> tuple[int, Dataset | None]:
        """Accept the request, and report over a new association, as most archives do."""
        if self._node is None:
            return Status.PROCESSING_FAILURE, None
        request = event.action_information
        asked = [
            (str(one.ReferencedSOPClassUID), str(one.ReferencedSOPInstanceUID)) for one in request.ReferencedSOPSequence
        ]
        verdict = {one: self.has(one[1]) for one in asked}
        arguments = (self._ae_title, self._node, str(request.TransactionUID), verdict)
        report = threading.Thread(target=_report, args=arguments, name="practice-report")
        self._reports = [one for one in self._reports if one.is_alive()] + [report]
        report.start()
        return Status.SUCCESS, None


def name_of_uid(uid: str) -> str:
    """Return a file name for a received UID; the received text itself never becomes a name."""
    return hashlib.sha256(uid.encode()).hexdigest()[:NAME_LENGTH]


def _report(ae_title: str, node: Destination, transaction_uid: str, verdict: dict[tuple[str, str], bool]) -> None:
    try:
        report_to(ae_title, node, transaction_uid, verdict)
    except DestinationDown as problem:
        log.warning("the practice archive could not report, the node will ask again: %s", problem)


def _write(target: Path, parts: Iterable[bytes]) -> None:
    target.parent.mkdir(exist_ok=True)
    draft = target.with_name(f"{uuid4().hex}.part")
    try:
        with draft.open("xb") as file:
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
