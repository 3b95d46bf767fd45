"""When to tell again and when to stop; pure arithmetic, times in seconds."""

from __future__ import annotations

from service.domain.pauses import grown_pause
from service.targets import NotifySettings

#: a target that does not answer is looked at again at least this often: a positive must not wait for a long pause
LONGEST_REST_SECONDS = 60.0
#: a lease outlives the longest try by this much
LEASE_MARGIN_SECONDS = 15.0
SECONDS_PER_HOUR = 3600


def next_pause(attempt: int, settings: NotifySettings, jitter: float) -> float:
    """Return the pause after failure number ``attempt`` (from 0) of one notice."""
    return grown_pause(attempt, settings.first_pause_seconds, settings.longest_pause_seconds, jitter)


def rest_of(failures: int, settings: NotifySettings, jitter: float) -> float:
    """Return how long a target that does not answer is left alone."""
    return min(next_pause(failures, settings, jitter), LONGEST_REST_SECONDS)


def is_exhausted(queued_at: float, now: float, settings: NotifySettings) -> bool:
    """Tell whether a notice that fails now has been tried for long enough."""
    return now - queued_at >= settings.give_up_after_hours * SECONDS_PER_HOUR
