"""What the rooms know about the model pack without opening it."""

from __future__ import annotations

from dataclasses import dataclass

from service.domain.ids import PackHash


@dataclass(frozen=True, kw_only=True)
class PackFacts:
    """A pack by name and content, its labels in the order of its maps, and how it wants to be judged."""

    name: str
    version: str
    pack_hash: PackHash
    labels: tuple[str, ...]
    #: a slice is positive when its probability of any bleed is above this
    slice_threshold: float
    #: share or run
    rule: str
    #: (name, number) pairs of the rule
    rule_numbers: tuple[tuple[str, float], ...]
    #: of a share: half_even or ceil
    rounding: str = "half_even"
    #: slice probabilities are refined over the whole scan before they are judged
    refines: bool = False
