"""When to try again and when to stop; pure arithmetic, times in seconds."""

from __future__ import annotations

from service.settings import DeliverySettings

#: a pause is stretched or shortened by at most this share, so that nodes do not knock in step
JITTER_SHARE = 0.2
#: a destination that does not answer is looked at again at least this often: a positive must not wait for a long pause
LONGEST_REST_SECONDS = 60.0
#: doubling beyond this exponent changes nothing but overflows
MOST_DOUBLINGS = 30
#: a commitment is asked for again with doubling pauses until this long has been waited: about eleven times
LONGEST_WAIT_SECONDS = 24 * 3600.0
SECONDS_PER_HOUR = 3600


def next_pause(attempt: int, settings: DeliverySettings, jitter: float) -> float:
    """Return the pause after failure number ``attempt`` (from 0); ``jitter`` in [0, 1) moves it by up to a fifth."""
    grown = settings.first_pause_seconds * 2.0 ** min(attempt, MOST_DOUBLINGS)
    shift = 1 + JITTER_SHARE * (2 * jitter - 1)
    return min(grown * shift, settings.longest_pause_seconds)


def rest_of(failures: int, settings: DeliverySettings, jitter: float) -> float:
    """Return how long a destination that does not answer is left alone."""
    return min(next_pause(failures, settings, jitter), LONGEST_REST_SECONDS)


def is_exhausted(queued_at: float, now: float, settings: DeliverySettings) -> bool:
    """Tell whether a delivery that fails now has been tried for long enough."""
    return now - queued_at >= settings.give_up_after_hours * SECONDS_PER_HOUR


def is_commitment_hopeless(waited: float) -> bool:
    """Tell whether a destination has left a commitment unanswered for so long that it never will answer."""
    return waited >= LONGEST_WAIT_SECONDS
