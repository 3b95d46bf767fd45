"""Whole or not whole: the walk over elements."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence

from service.dicom import uids
from service.dicom.headers import decode
from service.dicom.structure import outline, plain
from service.errors import Undecodable

Encode = Callable[[Dataset, str], bytes]
MakeCt = Callable[..., Dataset]
SYNTAXES = [uids.IMPLICIT_LE, uids.EXPLICIT_LE, uids.EXPLICIT_BE, uids.DEFLATED_LE]


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_a_whole_data_set_is_walked_to_its_pixels(make_ct: MakeCt, encoded: Encode, syntax: str) -> None:
    data = plain(encoded(make_ct(), syntax), syntax)
    found = outline(data, syntax)
    assert found.has_pixels
    assert len(data) - found.header_end in (12 + 8, 12 + 12)  # value and the head of the element


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_every_cut_is_noticed(make_ct: MakeCt, encoded: Encode, syntax: str) -> None:
    whole = encoded(make_ct(), syntax)
    for end in range(1, len(whole)):
        try:
            has_pixels = decode(whole[:end], syntax)[1]
        except Undecodable:
            continue
        # a cut between two elements leaves a smaller whole data set: then the pixels are not there, or no study is
        assert not has_pixels, end


def test_a_cut_inside_fragments_is_noticed(make_ct: MakeCt, encoded: Encode) -> None:
    ds = make_ct(PixelData=encapsulate([b"\xff\xd8" + b"x" * 40]))
    ds["PixelData"].is_undefined_length = True
    ds["PixelData"].VR = "OB"
    whole = encoded(ds, uids.JPEG_LOSSLESS_SV1)
    assert outline(whole, uids.JPEG_LOSSLESS_SV1).has_pixels
    for cut in (1, 8, 9, 30, 50):
        with pytest.raises(Undecodable):
            outline(whole[:-cut], uids.JPEG_LOSSLESS_SV1)


@pytest.mark.parametrize("written", SYNTAXES)
@pytest.mark.parametrize("negotiated", SYNTAXES)
def test_another_syntax_than_negotiated_is_noticed(
    make_ct: MakeCt, encoded: Encode, written: str, negotiated: str
) -> None:
    data = encoded(make_ct(), written)
    if written == negotiated:
        decode(data, negotiated)
        return
    with pytest.raises(Undecodable):
        decode(data, negotiated)


@pytest.mark.parametrize("undefined", [True, False])
@pytest.mark.parametrize("syntax", SYNTAXES)
def test_nested_sequences_are_walked(make_ct: MakeCt, encoded: Encode, syntax: str, undefined: bool) -> None:
    inner = make_ct(PixelData=None)
    outer = make_ct(PixelData=None, ReferencedImageSequence=Sequence([inner, make_ct(PixelData=None)]))
    ds = make_ct(SourceImageSequence=Sequence([outer]))
    for sequence in (ds["SourceImageSequence"], outer["ReferencedImageSequence"]):
        sequence.is_undefined_length = undefined
        for one in sequence.value:
            one.is_undefined_length_sequence_item = undefined
    found, has_pixels = decode(encoded(ds, syntax), syntax)
    assert has_pixels and len(found.SourceImageSequence[0].ReferencedImageSequence) == 2


def test_unknown_elements_of_undefined_length_are_implicit_inside() -> None:
    inside = b"\x10\x00\x10\x00\x04\x00\x00\x00Doe "
    items = b"\xfe\xff\x00\xe0\xff\xff\xff\xff" + inside + b"\xfe\xff\x0d\xe0\0\0\0\0" + b"\xfe\xff\xdd\xe0\0\0\0\0"
    data = b"\x09\x00\x01\x10UN\0\0\xff\xff\xff\xff" + items
    assert outline(data, uids.EXPLICIT_LE).header_end == len(data)


@pytest.mark.parametrize(
    "data",
    [
        b"\0" * 64,
        b"\x08\0\x18\0UI\x04\x001.2\0" * 2,
        b"\x10\0\x10\0LO\x02\0ab" + b"\x08\0\x18\0UI\x04\x001.2\0",
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x08\0\x18",
    ],
)
def test_what_is_no_data_set_is_refused(data: bytes) -> None:
    for syntax in (uids.EXPLICIT_LE, uids.IMPLICIT_LE):
        with pytest.raises(Undecodable):
            outline(data, syntax)


def test_deep_nesting_is_refused_before_the_stack_ends() -> None:
    data = b"\x08\0\x40\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\xff\xff\xff\xff" * 5000
    with pytest.raises(Undecodable, match="too deep"):
        outline(data, uids.EXPLICIT_LE)


def test_a_damaged_or_short_deflated_stream_is_refused(make_ct: MakeCt, encoded: Encode) -> None:
    whole = encoded(make_ct(), uids.DEFLATED_LE)
    assert plain(whole + b"\0", uids.DEFLATED_LE)  # padding to even length
    for broken in (whole[:-1], b"\xff" * 20, zlib.compress(b"with a zlib head"), b""):
        with pytest.raises(Undecodable):
            plain(broken, uids.DEFLATED_LE)


@given(st.binary(max_size=200), st.sampled_from(SYNTAXES))
def test_noise_never_raises_anything_else(noise: bytes, syntax: str) -> None:
    with suppress(Undecodable):
        decode(noise, syntax)
