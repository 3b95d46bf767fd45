"""A modality at a node's door: DCMTK's storescu, a sender of any bytes under any name, and what the node then has."""

from __future__ import annotations

import sqlite3
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom
from nodes import Node, wait_until
from peers import ENVIRONMENT, find_program
from pydicom.filereader import _read_file_meta_info, read_preamble
from pynetdicom import AE
from pynetdicom.dimse_primitives import C_STORE

from service.dicom.part10 import hash_of
from service.dicom.statuses import Status
from service.store.files import FileStore

TITLE = "MODALITY"


@dataclass(frozen=True)
class Travelling:
    """A file as it goes over the wire: names, syntax and the data set's bytes, untouched."""

    sop_class: str
    sop_uid: str
    syntax: str
    encoded: bytes

    @property
    def content_hash(self) -> str:
        """Return the name the store gives these bytes."""
        return hash_of(self.syntax, self.encoded)


def travelling(path: Path) -> Travelling:
    """Cut a Part 10 file into its parts; where the data set has no name, its file meta has."""
    with path.open("rb") as file:
        read_preamble(file, False)
        meta, encoded = _read_file_meta_info(file), file.read()
    ds = pydicom.dcmread(path, stop_before_pixels=True)
    return Travelling(
        sop_class=str(ds.get("SOPClassUID") or meta.MediaStorageSOPClassUID),
        sop_uid=str(ds.get("SOPInstanceUID") or meta.MediaStorageSOPInstanceUID),
        syntax=str(meta.TransferSyntaxUID),
        encoded=encoded,
    )


def storescu(node: Node, files: Iterable[Path], *options: str) -> str:
    """Send as a scanner does, over one association; all must be acknowledged, and then kept. Returns what it said."""
    paths = list(files)
    proposed = () if "-xf" in options else ("-R",)
    command = [find_program("storescu"), "-v", *proposed, "-aet", TITLE, "-aec", "ICHOR", *options]
    done = subprocess.run(
        [*command, "127.0.0.1", str(node.dicom), *map(str, paths)],
        capture_output=True, text=True, env=ENVIRONMENT, timeout=60, check=False, errors="replace",
    )  # fmt: skip
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert {travelling(one).sop_uid for one in paths} <= kept(node).keys()
    return said


@contextmanager
def calling(node: Node, sop_class: str, syntax: str) -> Iterator[Any]:
    """Hold an association with one context."""
    entity = AE(TITLE)
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = 20
    entity.add_requested_context(sop_class, syntax)
    association = entity.associate("127.0.0.1", node.dicom, ae_title="ICHOR")
    assert association.is_established
    try:
        yield association
    finally:
        association.release()


def store_bytes(node: Node, thing: Travelling) -> tuple[int, str]:
    """Send bytes no honest tool would send; returns the status and the words that came with it."""
    with calling(node, thing.sop_class, thing.syntax) as association:
        request = C_STORE()
        request.MessageID, request.Priority = 1, 2
        request.AffectedSOPClassUID, request.AffectedSOPInstanceUID = thing.sop_class, thing.sop_uid
        request.DataSet = BytesIO(thing.encoded)
        association._reactor_checkpoint.clear()
        try:
            association.dimse.send_msg(request, association.accepted_contexts[0].context_id)
            _, answer = association.dimse.get_msg(block=True)
        finally:
            association._reactor_checkpoint.set()
    assert answer is not None, "no answer"
    assert answer.Status != Status.SUCCESS or thing.sop_uid in kept(node)
    return int(answer.Status), str(answer.ErrorComment or "")


def acknowledged(node: Node, paths: Iterable[Path]) -> None:
    """Send files byte by byte, each in its own syntax; every one must be taken."""
    for path in paths:
        assert store_bytes(node, travelling(path)) == (Status.SUCCESS, ""), path.name


def kept(node: Node) -> dict[str, Path]:
    """Give the file of every instance the ledger knows; not one may be missing from the store."""
    ledger = f"file:{node.folder / 'data' / 'ledger.sqlite3'}?mode=ro"
    store = FileStore(node.folder / "data")
    with closing(sqlite3.connect(ledger, uri=True)) as connection:
        rows = connection.execute("SELECT sop_uid, content_hash FROM instances").fetchall()
    found = {uid: store.path(content_hash) for uid, content_hash in rows}
    missing = [uid for uid, path in found.items() if not path.is_file()]
    assert not missing, f"acknowledged, but not in the store: {missing}"
    return found


def all_concluded(node: Node, study_uid: str, number: int, seconds: float = 60) -> dict[str, Any]:
    """Wait until so many series of a study have a verdict; give the study."""

    def look() -> dict[str, Any] | None:
        try:
            study = node.study(study_uid)
        except OSError:
            return None
        return study if sum(one["verdict"] is not None for one in study["series"]) == number else None

    found: dict[str, Any] = wait_until(look, seconds, f"{number} concluded series in {study_uid}")
    return found
