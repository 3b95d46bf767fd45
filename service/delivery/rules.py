"""When to try again and when to stop; pure arithmetic, times in seconds."""

from __future__ import annotations

from service.domain.pauses import grown_pause
from service.settings import DeliverySettings

#: a destination that does not answer is looked at again at least this often: a positive must not wait for a long pause
LONGEST_REST_SECONDS = 60.0
#: a commitment is asked for again with doubling pauses until this long has been waited: about eleven times
LONGEST_WAIT_SECONDS = 24 * 3600.0
SECONDS_PER_HOUR = 3600


def next_pause(attempt: int, settings: DeliverySettings, jitter: float) -> float:
    """Return the pause after failure number ``attempt`` (from 0); ``jitter`` in [0, 1) moves it by up to a fifth."""
    return grown_pause(attempt, settings.first_pause_seconds, settings.longest_pause_seconds, jitter)


def rest_of(failures: int, settings: DeliverySettings, jitter: float) -> float:
    """Return how long a destination that does not answer is left alone."""
    return min(next_pause(failures, settings, jitter), LONGEST_REST_SECONDS)


def is_exhausted(queued_at: float, now: float, settings: DeliverySettings) -> bool:
    """Tell whether a delivery that fails now has been tried for long enough."""
    return now - queued_at >= settings.give_up_after_hours * SECONDS_PER_HOUR


def is_commitment_hopeless(waited: float) -> bool:
    """Tell whether a destination has left a commitment unanswered for so long that it never will answer."""
    return waited >= LONGEST_WAIT_SECONDS
