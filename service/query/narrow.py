"""From the keys of a query to what the ledger looks at: never less than what matches; pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from service.domain.verdict import Priority
from service.errors import BadQuery
from service.ledger.inquiry import Inquiry
from service.query.matching import EVERYTHING, bare_name, texts
from service.query.spans import span_of
from service.settings import QuerySettings

#: a list of study UIDs may have so many
MOST_UIDS = 1000
SECONDS_PER_DAY = 24 * 3600
WILD = frozenset("*?")
#: who asks for one of these looks for something, not through the list
NAMING = ("StudyInstanceUID", "PatientID", "PatientName", "AccessionNumber", "StudyDate")


@dataclass(frozen=True, kw_only=True)
class Policy:
    """What the site lets be listed, at one moment."""

    settings: QuerySettings
    now: float


def inquiry_of(keys: Dataset, policy: Policy) -> Inquiry:
    """Return what may match; without any key that names something, what the site wants listed by itself."""
    flagged = policy.settings.studies == "flagged"
    first, last = _dates(keys)
    found = Inquiry(
        flagged=flagged,
        study_uids=_uids(keys),
        patient_id=_exact(keys, "PatientID"),
        accession_number=_exact(keys, "AccessionNumber"),
        name_like=_like(keys),
        first_date=first,
        last_date=last,
        priority=_priority(keys),
    )
    names_something = any(True for keyword in NAMING for _ in _named(keys, keyword))
    if names_something or not policy.settings.days:
        return found
    return replace(found, since=policy.now - policy.settings.days * SECONDS_PER_DAY)


def _named(keys: Dataset, keyword: str) -> Iterator[DataElement]:
    """Give every element of this name that asks for something, in sequences too."""
    for element in keys.iterall():
        if element.keyword == keyword and not all(one in EVERYTHING for one in texts(element)):
            yield element


def _first(keys: Dataset, keyword: str) -> list[str]:
    return next((texts(one) for one in _named(keys, keyword)), [])


def _uids(keys: Dataset) -> tuple[str, ...]:
    wanted = tuple(dict.fromkeys(_first(keys, "StudyInstanceUID")))
    if len(wanted) > MOST_UIDS:
        raise BadQuery(f"at most {MOST_UIDS} study UIDs in one query")
    return wanted


def _exact(keys: Dataset, keyword: str) -> str:
    wanted = _first(keys, keyword)
    return wanted[0] if len(wanted) == 1 and not WILD & set(wanted[0]) else ""


def _like(keys: Dataset) -> str:
    """Return a LIKE pattern; databases fold the case of ASCII alone, so other letters match anything."""
    wanted = _first(keys, "PatientName")
    if len(wanted) != 1:
        return ""
    return f"%{''.join(_like_sign(one) for one in bare_name(wanted[0]))}%"


def _like_sign(sign: str) -> str:
    if sign in "%_\\":
        return f"\\{sign}"
    if sign == "?":
        return "_"
    return "%" if sign == "*" or not sign.isascii() else sign


def _dates(keys: Dataset) -> tuple[str, str]:
    """Return the first and last day asked for, as YYYYMMDD."""
    wanted = _first(keys, "StudyDate")
    if len(wanted) != 1:
        return "", ""
    text = wanted[0]
    try:
        span_of("DA", text)
    except ValueError:
        raise BadQuery("StudyDate is no date or range of dates") from None
    begin, _, end = text.partition("-")
    return begin, end if "-" in text else text


def _priority(keys: Dataset) -> Priority | None:
    wanted = _first(keys, "ScheduledProcedureStepPriority")
    known = [one for one in Priority if one.value in wanted]
    return known[0] if len(known) == len(wanted) == 1 else None
