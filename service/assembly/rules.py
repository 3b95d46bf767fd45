"""When a series is complete: by evidence, strongest first, and by patience last. Pure; seconds and mm."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from service.domain.geometry import Geometry, geometry_of
from service.domain.scan import AssociationEnd, InstanceHeader, StoredInstance
from service.domain.series import Evidence, EvidenceKind
from service.settings import CompletionSettings

#: values of ImageType that mark a planning picture, which is no stack
LOCALISER_TYPES = frozenset({"LOCALIZER", "SCOUT", "TOPOGRAM", "SURVIEW"})
#: a gantry tilt below this is rounding
LEVEL_DEGREES = 0.5
#: no gantry tilts further; steeper slices are reformats
STEEPEST_DEGREES = 45.0
#: a sentence names this many gaps, the evidence all of them
GAPS_NAMED = 3


@dataclass(frozen=True, kw_only=True)
class Visits:
    """The associations that brought something of a series, taken together."""

    ends: frozenset[AssociationEnd]
    last_arrival_at: float
    last_closed_at: float | None


@dataclass(frozen=True, kw_only=True)
class SeriesFacts:
    """All that the judge knows of one series."""

    received: int
    #: Number of Series Related Instances, the largest any header or sender announced
    announced: int | None
    #: Images in Acquisition, summed over the acquisitions; other series may share them
    acquired: int | None
    #: what a query peer counts
    queried: int | None
    geometry: Geometry
    instance_numbers: tuple[int, ...]
    association_ends: frozenset[AssociationEnd]
    last_arrival_at: float
    last_association_closed_at: float | None
    #: slices with a place are expected; False for reports, captures and localisers
    is_image_stack: bool
    #: Pixel Padding Values in use
    padding: tuple[int, ...] = ()
    #: slices that were compressed with loss
    lossy: int = 0

    @property
    def expected(self) -> int | None:
        """Return the count that somebody stands up for."""
        return max((one for one in (self.announced, self.queried) if one), default=None)

    @property
    def outdone(self) -> bool:
        """Tell whether somebody names more than came."""
        return max(self.expected or 0, self.acquired or 0) > self.received


def facts_of(instances: Sequence[StoredInstance], visits: Visits, queried: int | None = None) -> SeriesFacts:
    """Gather the facts from what lies in the ledger."""
    headers = [one.header for one in instances]
    geometry = geometry_of(instances)
    return SeriesFacts(
        received=len(instances),
        announced=max((one.series_related_instances or 0 for one in headers), default=0) or None,
        acquired=_acquired(headers),
        queried=queried,
        geometry=geometry,
        instance_numbers=tuple(sorted(one.instance_number for one in headers if one.instance_number is not None)),
        association_ends=visits.ends,
        last_arrival_at=visits.last_arrival_at,
        last_association_closed_at=visits.last_closed_at,
        is_image_stack=bool(geometry.slices) and not any(_is_localiser(one) for one in headers),
        padding=tuple(sorted({one.padding_value for one in headers if one.padding_value is not None})),
        lossy=sum(one.lossy for one in headers),
    )


def judge(facts: SeriesFacts, settings: CompletionSettings, now: float) -> Evidence | None:
    """Return the strongest evidence that the series is whole, None while there is none.

    A clock that stepped back counts by its distance, so that it delays a case by twice the pause at most.
    """
    if _announced(facts):
        return _evidence(
            facts, EvidenceKind.ANNOUNCED, f"{facts.received} of {facts.announced} announced by the sender"
        )
    if now - _last_sign(facts) >= settings.settle_seconds and (settled := _when_settled(facts, settings)):
        return _evidence(facts, *settled)
    if abs(now - facts.last_arrival_at) >= settings.quiet_seconds:
        return _quiet(facts, settings)
    return None


def next_check_at(facts: SeriesFacts, settings: CompletionSettings) -> float:
    """Return when ``judge`` can first answer otherwise, unless something comes; in the past when it can now.

    A clock that is before ``last_arrival_at`` has stepped back: judge at once.
    """
    if _announced(facts):
        return facts.last_arrival_at
    quiet_at = facts.last_arrival_at + settings.quiet_seconds
    if _when_settled(facts, settings):
        return min(quiet_at, _last_sign(facts) + settings.settle_seconds)
    return quiet_at


def ask_at(facts: SeriesFacts, settings: CompletionSettings) -> float | None:
    """Return when to ask a query peer: the sender has left, nothing stirred, no count is known or it is old."""
    known = max(facts.announced or 0, facts.queried or 0) >= facts.received
    if known or AssociationEnd.OPEN in facts.association_ends:
        return None
    return _last_sign(facts) + settings.settle_seconds


def _announced(facts: SeriesFacts) -> bool:
    """Tell whether exactly what was announced is here; a count that was exceeded was wrong and says nothing."""
    return facts.announced == facts.received == facts.expected


def _last_sign(facts: SeriesFacts) -> float:
    return max(facts.last_arrival_at, facts.last_association_closed_at or 0.0)


def _when_settled(facts: SeriesFacts, settings: CompletionSettings) -> tuple[EvidenceKind, str] | None:
    """Return what will count once nothing stirred for the settling time; while a sender still talks, nothing does."""
    if AssociationEnd.OPEN in facts.association_ends or facts.received < (facts.expected or 0):
        return None
    if facts.queried == facts.received:
        return EvidenceKind.QUERIED, f"{facts.received} of {facts.queried} counted by the query peer"
    if facts.acquired == facts.received and not facts.geometry.gap_after:
        return EvidenceKind.ANNOUNCED, f"{facts.received} of {facts.acquired} images of the acquisition"
    if facts.association_ends == {AssociationEnd.RELEASED} and not facts.outdone and _whole(facts, settings):
        return EvidenceKind.CONTIGUOUS, f"association released, {_what_came(facts)}"
    return None


def _whole(facts: SeriesFacts, settings: CompletionSettings) -> bool:
    """Tell whether the slices themselves look like all there is; what is no stack is whole as it came."""
    stack = facts.geometry
    return not facts.is_image_stack or (
        len(stack.slices) > 1
        and not (stack.unplaced or stack.astray or stack.gap_after)
        and stack.touching()
        and _unbroken(facts.instance_numbers)
        and stack.extent_mm >= settings.head_extent_mm
    )


def _unbroken(numbers: Sequence[int]) -> bool:
    return bool(numbers) and min(numbers) <= 1 and not _numbers_missing(numbers)


def _numbers_missing(numbers: Sequence[int]) -> int:
    return max(numbers) - min(numbers) + 1 - len(set(numbers)) if numbers else 0


def _what_came(facts: SeriesFacts) -> str:
    if not facts.is_image_stack:
        what = "1 object that is" if facts.received == 1 else f"{facts.received} objects that are"
        return f"{what} no stack of slices"
    return f"{len(facts.geometry.slices)} slices touch, {facts.geometry.spacing_sentence}"


def _evidence(facts: SeriesFacts, kind: EvidenceKind, sentence: str) -> Evidence:
    named = [one for one in (*_peculiar(facts), *_listed_gaps(facts)) if one not in sentence]
    return Evidence(
        kind=kind,
        received=facts.received,
        expected=facts.expected,
        sentence="; ".join([sentence, *named]),
        gaps=facts.geometry.gaps,
    )


def _quiet(facts: SeriesFacts, settings: CompletionSettings) -> Evidence:
    why = [f"nothing came for {settings.quiet_seconds:g} s", *_shortfalls(facts), *_bad_ends(facts)]
    missing = _numbers_missing(facts.instance_numbers)
    if missing and facts.is_image_stack and not facts.geometry.gap_after:
        why.append(f"{missing} instance {'number is' if missing == 1 else 'numbers are'} missing in the run")
    return _evidence(facts, EvidenceKind.QUIET, "; ".join(why))


def _shortfalls(facts: SeriesFacts) -> Iterator[str]:
    named = {
        "announced": facts.announced,
        "counted by the query peer": facts.queried,
        "images of the acquisition": facts.acquired,
    }
    return (f"{facts.received} of {count} {by}" for by, count in named.items() if count and count > facts.received)


def _bad_ends(facts: SeriesFacts) -> Iterator[str]:
    words = {
        AssociationEnd.OPEN: "an association is still open",
        AssociationEnd.ABORTED: "an association was aborted",
        AssociationEnd.LOST: "an association was lost when the node stopped",
    }
    return (text for end, text in words.items() if end in facts.association_ends)


def _peculiar(facts: SeriesFacts) -> Iterator[str]:
    """Name what a reader should know about the stack though it does not stand in the way."""
    if not facts.is_image_stack:
        return
    if facts.geometry.spacing_sentence.startswith("uneven"):
        yield facts.geometry.spacing_sentence
    if LEVEL_DEGREES <= (facts.geometry.tilt_degrees or 0.0) <= STEEPEST_DEGREES:
        yield f"gantry tilted {facts.geometry.tilt_degrees:.1f} degrees"
    if facts.padding:
        yield f"padding value {', '.join(str(one) for one in facts.padding)}"
    if facts.lossy:
        yield f"{facts.lossy} of {facts.received} compressed with loss"


def _listed_gaps(facts: SeriesFacts) -> list[str]:
    gaps = list(facts.geometry.gaps)
    rest = len(gaps) - GAPS_NAMED
    return [*gaps[:GAPS_NAMED], f"{rest} more gaps"] if rest > 1 else gaps


def _acquired(headers: Sequence[InstanceHeader]) -> int | None:
    """Sum Images in Acquisition over the acquisitions; None where a header is silent."""
    counts: dict[int | None, int] = {}
    for one in headers:
        if not one.images_in_acquisition:
            return None
        counts[one.acquisition_number] = max(counts.get(one.acquisition_number, 0), one.images_in_acquisition)
    return sum(counts.values()) or None


def _is_localiser(header: InstanceHeader) -> bool:
    return not LOCALISER_TYPES.isdisjoint(value.upper() for value in header.image_type)
