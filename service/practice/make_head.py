"""A synthetic head on request: the maker by its short name, errors with the mend."""

from __future__ import annotations

from models.phantom import Phantom, kinds_of, make_phantom
from service.errors import BadUsage
from service.practice.habits import SHORT_NAMES, vendor_named

MOST_SLICES = 512


def make_head(  # noqa: PLR0913 - what a user names
    finding: str, seed: int, slices: int = 32, thickness: float = 5.0, vendor: str = "ge", *, variety: float = 0.0
) -> Phantom:
    """Make the phantom asked for, ``thickness`` in mm; the same wish makes the same voxels."""
    try:
        kinds_of(finding)
    except ValueError as problem:
        raise BadUsage(str(problem)) from None
    maker = vendor_named(vendor)
    if maker is None:
        raise BadUsage(f"no such vendor: {vendor!r}; known are {', '.join(SHORT_NAMES)}")
    if seed < 0 or not 1 <= slices <= MOST_SLICES or thickness <= 0:
        raise BadUsage(f"seed from 0, slices from 1 to {MOST_SLICES}, thickness above 0 mm")
    if not 0 <= variety <= 1:
        raise BadUsage("variety goes from 0, a clear case, to 1, the full spread")
    return make_phantom(finding, seed, slices, thickness, maker, variety=variety)
