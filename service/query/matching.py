"""Does a candidate match the keys of a query, and what of it is answered (PS3.4 C.2.2.2); pure.

Single value, list of UID, universal, wildcard, range and sequence matching. Names are compared without regard to case,
each of their component groups by itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from service.errors import BadQuery
from service.query.spans import span_of

#: control the query and are no keys
CONTROL = frozenset({"SpecificCharacterSet", "QueryRetrieveLevel", "TimezoneOffsetFromUTC"})
SPANNING = frozenset({"DA", "TM", "DT"})
EVERYTHING = ("", "*")


def check(keys: Dataset) -> None:
    """Refuse dates and times that are none; BadQuery names the attribute."""
    for element in keys:
        if element.VR == "SQ":
            for item in element.value:
                check(item)
        elif element.VR in SPANNING and not _is_universal(element):
            for wanted in texts(element):
                _span(element, wanted)


def matches(keys: Dataset, candidate: Dataset) -> bool:
    """Tell whether every key that the candidate knows is met; what it does not know asks for nothing."""
    return all(
        _met(element, candidate[element.tag])
        for element in keys
        if element.keyword not in CONTROL and element.tag in candidate
    )


def asks_for_unknown(keys: Dataset, candidate: Dataset) -> bool:
    """Tell whether an attribute was asked for that is not kept here."""
    return any(element.keyword not in CONTROL and element.tag not in candidate for element in keys)


def selected(keys: Dataset, candidate: Dataset) -> Dataset:
    """Return of a candidate what the keys ask for; an empty sequence key asks for whole items."""
    answer = Dataset()
    for element in keys:
        if element.keyword in CONTROL or element.tag not in candidate:
            continue
        found = candidate[element.tag]
        if element.VR == "SQ" and element.value and len(element.value[0]):
            found = DataElement(element.tag, "SQ", [selected(element.value[0], item) for item in found.value])
        answer.add(found)
    return answer


def texts(element: DataElement) -> list[str]:
    """Return the values as text, without padding."""
    value = element.value
    several = value if isinstance(value, MultiValue | list) else [value]
    return [str(one).strip(" \0") for one in several if one is not None]


def _met(key: DataElement, found: DataElement) -> bool:
    if key.VR == "SQ":
        return _sequence_met(key, found)
    if _is_universal(key):
        return True
    rule: Callable[[str, str], bool] = _name_met if found.VR == "PN" else _text_met
    if found.VR in SPANNING:
        return any(_span_met(key, wanted, one) for wanted in texts(key) for one in texts(found))
    if found.VR == "UI":
        return any(wanted == one for wanted in texts(key) for one in texts(found))
    return any(rule(wanted, one) for wanted in texts(key) for one in texts(found))


def _sequence_met(key: DataElement, found: DataElement) -> bool:
    wanted = key.value[0] if key.value else Dataset()
    return _asks_nothing(wanted) or any(matches(wanted, item) for item in found.value)


def _asks_nothing(item: Dataset) -> bool:
    return all(
        all(_asks_nothing(one) for one in element.value) if element.VR == "SQ" else _is_universal(element)
        for element in item
    )


def _is_universal(element: DataElement) -> bool:
    return all(one in EVERYTHING for one in texts(element))


def _text_met(wanted: str, found: str) -> bool:
    return _pattern(wanted).fullmatch(found) is not None


def _name_met(wanted: str, found: str) -> bool:
    wanted, groups = bare_name(wanted).casefold(), [bare_name(one) for one in found.split("=")]
    return any(_text_met(wanted, one.casefold()) for one in ("=".join(groups), *groups))


def bare_name(name: str) -> str:
    """Return a name without the delimiters that end it."""
    return name.rstrip("^= ")


@cache
def _pattern(wanted: str) -> re.Pattern[str]:
    parts = {"*": ".*", "?": "."}
    return re.compile("".join(parts.get(one) or re.escape(one) for one in wanted), re.DOTALL)


def _span_met(key: DataElement, wanted: str, found: str) -> bool:
    first, last = _span(key, wanted)
    try:
        begin, _ = span_of(key.VR, found)
    except ValueError:
        return False
    return (first is None or begin >= first) and (last is None or begin <= last) if begin is not None else False


def _span(key: DataElement, wanted: str) -> tuple[int | None, int | None]:
    try:
        return span_of(key.VR, wanted)
    except ValueError:
        raise BadQuery(f"{key.keyword} is no date, time or range of them") from None
