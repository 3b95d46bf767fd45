"""Is this byte string one whole data set in its transfer syntax? Walks elements (PS3.5 7.1), never values."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

from service.dicom import uids
from service.errors import Undecodable

UNDEFINED = 0xFFFFFFFF
ITEM = 0xFFFEE000
ITEM_END = 0xFFFEE00D
SEQUENCE_END = 0xFFFEE0DD
FIRST_TAG = 0x00080000
PIXEL_TAGS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
#: PS3.5 7.1.2: these carry two reserved bytes and a 32-bit length
LONG_VRS = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"})
DEEPEST = 64
#: no inflated data set is larger, or it is a bomb
INFLATED_LIMIT = 1024**3


@dataclass(frozen=True, kw_only=True)
class Encoding:
    """How elements are written (PS3.5 10)."""

    implicit: bool
    big_endian: bool

    @property
    def order(self) -> str:
        """Return the byte order as struct writes it."""
        return ">" if self.big_endian else "<"


IMPLICIT = Encoding(implicit=True, big_endian=False)


@dataclass(frozen=True, kw_only=True)
class Outline:
    """Where a whole data set has its parts: elements before the pixels end at ``header_end``."""

    header_end: int
    has_pixels: bool


@dataclass(frozen=True, kw_only=True)
class _Element:
    tag: int
    vr: bytes
    start: int
    length: int


def encoding_of(transfer_syntax: str) -> Encoding:
    """Return how elements are written in a syntax; encapsulated ones are explicit little endian (PS3.5 A.4)."""
    return Encoding(
        implicit=transfer_syntax == uids.IMPLICIT_LE,
        big_endian=transfer_syntax == uids.EXPLICIT_BE,
    )


def plain(encoded: bytes, transfer_syntax: str) -> bytes:
    """Return the data set as elements, inflated where the syntax is the deflated one (PS3.5 A.5)."""
    if transfer_syntax != uids.DEFLATED_LE:
        return encoded
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        inflated = inflater.decompress(encoded, INFLATED_LIMIT)
    except zlib.error as problem:
        raise Undecodable("the deflated data set is damaged") from problem
    if not inflater.eof:
        raise Undecodable("the deflated data set ends too early")
    return inflated


def outline(data: bytes, transfer_syntax: str) -> Outline:
    """Walk a plain data set to its last byte; Undecodable says where it stops being one."""
    walker = _Walker(data, encoding_of(transfer_syntax))
    at, before, header_end, pixels = 0, FIRST_TAG - 1, len(data), False
    while at < len(data):
        element = walker.element(at)
        if element.tag <= before:
            raise Undecodable(f"element {_shown(element.tag)} at byte {at} is out of order")
        if element.tag in PIXEL_TAGS:
            header_end, pixels = min(header_end, at), pixels or element.length != 0
        before = element.tag
        at = walker.skip(element, 0)
    return Outline(header_end=header_end, has_pixels=pixels)


class _Walker:
    """Steps over elements; every length is checked against the bytes that are really there."""

    def __init__(self, data: bytes, encoding: Encoding) -> None:
        self._data = data
        self._encoding = encoding
        self._tag = struct.Struct(encoding.order + "HH")
        self._long = struct.Struct(encoding.order + "L")
        self._word = struct.Struct(encoding.order + "H")

    def element(self, at: int) -> _Element:
        """Read tag, VR and length at a position."""
        group, number = self._read(self._tag, at)
        tag = group << 16 | number
        word = self._read(self._long, at + 4)[0]
        if self._encoding.implicit or group == ITEM >> 16:
            return _Element(tag=tag, vr=b"", start=at + 8, length=word)
        vr = self._data[at + 4 : at + 6]
        if vr in LONG_VRS:
            return _Element(tag=tag, vr=vr, start=at + 12, length=self._read(self._long, at + 8)[0])
        if not (vr.isalpha() and vr.isupper()):
            raise Undecodable(f"element {_shown(tag)} at byte {at} has no VR: another transfer syntax")
        return _Element(tag=tag, vr=vr, start=at + 8, length=self._read(self._word, at + 6)[0])

    def skip(self, element: _Element, depth: int) -> int:
        """Return where the next element starts."""
        if element.length == UNDEFINED:
            return self._skip_items(element, depth + 1)
        end = element.start + element.length
        if end > len(self._data):
            missing = end - len(self._data)
            raise Undecodable(f"the data set ends {missing} bytes early, inside element {_shown(element.tag)}")
        return end

    def _skip_items(self, parent: _Element, depth: int) -> int:
        """Step over the items of a sequence, or the fragments of encapsulated pixels, of undefined length."""
        if depth > DEEPEST:
            raise Undecodable("sequences nested too deep")
        at = parent.start
        while True:
            item = self.element(at)
            if item.tag == SEQUENCE_END:
                return item.start
            if item.tag != ITEM:
                raise Undecodable(f"{_shown(item.tag)} where an item of {_shown(parent.tag)} should start")
            at = self._skip_item(parent, item, depth) if item.length == UNDEFINED else self.skip(item, depth)

    def _skip_item(self, parent: _Element, item: _Element, depth: int) -> int:
        """Step over one item of undefined length; inside UN it is implicit (PS3.5 6.2.2, CP-246)."""
        inside = self if parent.vr != b"UN" and not self._looks_implicit(item.start) else _Walker(self._data, IMPLICIT)
        at = item.start
        while True:
            element = inside.element(at)
            if element.tag == ITEM_END:
                return element.start
            at = inside.skip(element, depth)

    def _looks_implicit(self, at: int) -> bool:
        """Some devices write implicit items inside explicit private sequences; letters betray a VR."""
        vr = self._data[at + 4 : at + 6]
        is_delimiter = self._data[at : at + 2] in (b"\xfe\xff", b"\xff\xfe")
        return not (self._encoding.implicit or self._encoding.big_endian or is_delimiter or vr.isalpha())

    def _read(self, layout: struct.Struct, at: int) -> tuple[int, ...]:
        try:
            return layout.unpack_from(self._data, at)
        except struct.error:
            raise Undecodable(f"the data set ends at byte {len(self._data)}, inside an element's head") from None


def _shown(tag: int) -> str:
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
