"""How pauses between tries grow; pure arithmetic, times in seconds."""

from __future__ import annotations

#: a pause is stretched or shortened by at most this share, so that nodes do not knock in step
JITTER_SHARE = 0.2
#: doubling beyond this exponent changes nothing but overflows
MOST_DOUBLINGS = 30


def grown_pause(attempt: int, first: float, longest: float, jitter: float) -> float:
    """Double the first pause ``attempt`` times, up to the longest; ``jitter`` in [0, 1) moves it by up to a fifth."""
    shift = 1 + JITTER_SHARE * (2 * jitter - 1)
    return min(first * 2.0 ** min(attempt, MOST_DOUBLINGS) * shift, longest)
