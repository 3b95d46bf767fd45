"""What is judged: one series as far as it came and was read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from service.domain.geometry import Geometry
from service.domain.reading import HeadLook
from service.domain.scan import InstanceHeader
from service.domain.series import Check
from service.settings import SuitabilitySettings


@dataclass(frozen=True, kw_only=True)
class SeriesToJudge:
    """The facts of a series.

    ``looks`` runs along ``geometry.slices``, None for a slice that could not be decoded; empty while nothing was read.
    ``problems`` holds one sentence per slice that could not be decoded.
    """

    headers: tuple[InstanceHeader, ...]
    geometry: Geometry
    looks: tuple[HeadLook | None, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def images(self) -> int:
        """Return how many frames came, in place or not; an object without frames counts as one."""
        return sum(len(one.slices) or 1 for one in self.headers)

    def texts(self, *fields: str) -> tuple[str, ...]:
        """Return the different non-empty values of text fields, field by field."""
        found = (getattr(one, field) for field in fields for one in self.headers)
        return tuple(dict.fromkeys(text for text in found if text))

    def mostly(self, holds: Callable[[InstanceHeader], bool]) -> bool:
        """Tell whether something holds for at least half of the objects; a stray one does not speak for the series."""
        return 2 * sum(holds(one) for one in self.headers) >= len(self.headers) > 0


Rule = Callable[[SeriesToJudge, SuitabilitySettings], Check]
