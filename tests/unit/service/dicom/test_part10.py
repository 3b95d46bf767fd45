"""The file head, the hash, and reading back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread

from service.dicom import uids
from service.dicom.part10 import file_head, hash_of, read_file
from service.errors import Undecodable

Encode = Callable[[Dataset, str], bytes]
MakeCt = Callable[..., Dataset]


@pytest.mark.parametrize("syntax", [uids.IMPLICIT_LE, uids.EXPLICIT_LE, uids.EXPLICIT_BE, uids.DEFLATED_LE])
@pytest.mark.parametrize("calling_ae", ["", "CT1", "SIXTEEN_LETTERS_"])
def test_head_and_bytes_make_a_file(
    tmp_path: Path, make_ct: MakeCt, encoded: Encode, syntax: str, calling_ae: str
) -> None:
    file = tmp_path / "x.dcm"
    file.write_bytes(file_head(uids.CT_IMAGE, "2.25.1", syntax, calling_ae) + encoded(make_ct(), syntax))
    back = dcmread(file)
    assert back.file_meta.TransferSyntaxUID == syntax
    assert back.file_meta.MediaStorageSOPClassUID == uids.CT_IMAGE
    assert back.file_meta.MediaStorageSOPInstanceUID == "2.25.1"
    assert back.file_meta.ImplementationClassUID == uids.IMPLEMENTATION_CLASS_UID
    assert back.file_meta.get("SourceApplicationEntityTitle", "") == calling_ae
    assert back.PatientName == "Doe^Jane" and back.PixelData == make_ct().PixelData
    assert "PixelData" not in read_file(file, pixels=False)


def test_the_hash_tells_syntax_and_bytes_apart_and_nothing_else() -> None:
    assert hash_of("1.2", b"abc") == hash_of("1.2", b"abc")
    assert len({hash_of("1.2", b"abc"), hash_of("1.2", b"abd"), hash_of("1.3", b"abc"), hash_of("1", b".2abc")}) == 4
    assert len(hash_of("1.2", b"")) == 64


@pytest.mark.parametrize("content", [b"", b"not dicom", b"\0" * 128 + b"DICM", b"\0" * 200])
def test_what_is_no_file_says_so(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "x.dcm"
    file.write_bytes(content)
    if content.endswith(b"DICM"):
        assert len(read_file(file)) == 0
        return
    with pytest.raises(Undecodable, match=r"x\.dcm"):
        read_file(file)
