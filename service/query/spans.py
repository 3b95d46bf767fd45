"""Dates, times and ranges of them as spans of microseconds, both ends included (PS3.4 C.2.2.2.5); pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from functools import cache

DATE = re.compile(r"(\d{4})(\d{2})(\d{2})")
TIME = re.compile(r"(\d{2})(?::?(\d{2})(?::?(\d{2})(?:\.(\d{1,6}))?)?)?")
MOMENT = re.compile(r"(\d{4})(\d{2})?(\d{2})?(\d{2})?(\d{2})?(\d{2})?(?:\.(\d{1,6}))?([+-]\d{4})?")
MICROSECONDS = 1_000_000
MINUTE = 60 * MICROSECONDS
HOUR = 60 * MINUTE
DAY = 24 * HOUR
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: where a moment starts whose month, day, hour ... is not given
STARTS = (1, 1, 1, 0, 0, 0)
#: PS3.5 6.2: offsets reach from -1200 to +1400
FARTHEST_OFFSET = timedelta(hours=14)
NO_LAST_YEAR = 9999

Span = tuple[int | None, int | None]


@cache
def span_of(vr: str, text: str) -> Span:
    """Return the first and last microsecond of a value or range; None for an open end, ValueError for nonsense."""
    single = {"DA": _date, "TM": _time, "DT": _moment}[vr]
    try:
        return single(text)
    except ValueError:
        if "-" not in text or text == "-":
            raise
    # a moment may itself hold a hyphen, before its offset: the first cut that makes sense holds
    for cut in (at for at, sign in enumerate(text) if sign == "-"):
        begin, end = text[:cut], text[cut + 1 :]
        try:
            return single(begin)[0] if begin else None, single(end)[1] if end else None
        except ValueError:
            continue
    raise ValueError(f"neither a value nor a range: {text!r}")


def _date(text: str) -> Span:
    found = DATE.fullmatch(text)
    if not found:
        raise ValueError("not a date")
    year, month, day = map(int, found.groups())
    begin = _since_epoch(datetime(year, month, day, tzinfo=UTC))
    return begin, begin + DAY - 1


def _time(text: str) -> Span:
    found = TIME.fullmatch(text)
    if not found:
        raise ValueError("not a time")
    hour, minute, second = (int(one) if one else 0 for one in found.groups()[:3])
    # 60 is a leap second
    if hour > 23 or minute > 59 or second > 60:
        raise ValueError("not a time of day")
    begin = hour * HOUR + minute * MINUTE + second * MICROSECONDS + _fraction(found[4])
    return begin, begin + _resolution(found, (HOUR, MINUTE, MICROSECONDS), found[4]) - 1


def _moment(text: str) -> Span:
    found = MOMENT.fullmatch(text)
    if not found or (found[7] and not found[6]):
        raise ValueError("not a date and time")
    given = [int(one) for one in found.groups()[:6] if one]
    year, month, day, hour, minute, second = (*given, *STARTS[len(given) :])
    start = datetime(year, month, day, hour, minute, second, tzinfo=_zone(found[8]))
    begin = _since_epoch(start) + _fraction(found[7])
    if len(given) < 3:
        return begin, _since_epoch(_following(start, months=len(given) == 2)) - 1
    steps = (0, 0, DAY, HOUR, MINUTE, MICROSECONDS)
    return begin, begin + _resolution(found, steps, found[7]) - 1


def _following(start: datetime, *, months: bool) -> datetime:
    if months:
        return (start + timedelta(days=31)).replace(day=1)
    return start.replace(year=min(start.year + 1, NO_LAST_YEAR))


def _zone(text: str | None) -> timezone:
    """Return the offset; a moment without one is taken as UTC."""
    if not text:
        return UTC
    offset = timedelta(hours=int(text[1:3]), minutes=int(text[3:]))
    if offset > FARTHEST_OFFSET:
        raise ValueError("not an offset from UTC")
    return timezone(-offset if text[0] == "-" else offset)


def _resolution(found: re.Match[str], steps: tuple[int, ...], fraction: str | None) -> int:
    if fraction:
        return int(10 ** (6 - len(fraction)))
    return steps[sum(one is not None for one in found.groups()[: len(steps)]) - 1]


def _fraction(text: str | None) -> int:
    return int(text.ljust(6, "0")) if text else 0


def _since_epoch(at: datetime) -> int:
    return (at - EPOCH) // timedelta(microseconds=1)
