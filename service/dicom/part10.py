"""DICOM files (PS3.10 7.1): the head we put before received bytes, their hash, and reading a file back."""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path

from pydicom import Dataset, dcmread
from pydicom.errors import InvalidDicomError

from service.dicom.uids import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from service.domain.ids import ContentHash
from service.errors import Undecodable

PREAMBLE = b"\0" * 128 + b"DICM"
META_GROUP = 0x0002


def hash_of(transfer_syntax: str, encoded: bytes) -> ContentHash:
    """Return the name of received content: sha256 over syntax and data set, so the file head does not matter."""
    digest = hashlib.sha256(transfer_syntax.encode() + b"\0")
    digest.update(encoded)
    return ContentHash(digest.hexdigest())


def file_head(sop_class: str, sop_uid: str, transfer_syntax: str, calling_ae: str = "") -> bytes:
    """Return preamble and file meta (PS3.10 table 7.1-1) for a data set that is kept as it came."""
    elements = [
        struct.pack("<HH2s2xI2s", META_GROUP, 0x0001, b"OB", 2, b"\0\1"),
        _short(0x0002, b"UI", sop_class, b"\0"),
        _short(0x0003, b"UI", sop_uid, b"\0"),
        _short(0x0010, b"UI", transfer_syntax, b"\0"),
        _short(0x0012, b"UI", IMPLEMENTATION_CLASS_UID, b"\0"),
        _short(0x0013, b"SH", IMPLEMENTATION_VERSION_NAME, b" "),
    ]
    if calling_ae:
        elements.append(_short(0x0016, b"AE", calling_ae[:16], b" "))
    body = b"".join(elements)
    return PREAMBLE + struct.pack("<HH2sHI", META_GROUP, 0x0000, b"UL", 4, len(body)) + body


def _short(element: int, vr: bytes, text: str, padding: bytes) -> bytes:
    value = text.encode("ascii", "replace")
    value += padding * (len(value) % 2)
    return struct.pack("<HH2sH", META_GROUP, element, vr, len(value)) + value


def read_file(path: Path, *, pixels: bool = True) -> Dataset:
    """Read a Part 10 file; Undecodable when it is none."""
    try:
        return dcmread(path, stop_before_pixels=not pixels)
    except (InvalidDicomError, EOFError, OSError, ValueError, struct.error, NotImplementedError) as problem:
        if isinstance(problem, FileNotFoundError):
            raise
        raise Undecodable(f"{path.name} is not a readable DICOM file: {problem}") from problem
