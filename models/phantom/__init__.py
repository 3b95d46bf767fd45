"""Synthetic head CT: seeded, versioned, numpy only. No patient data in, none out.

anatomy (what a head is made of), bleeds (what goes wrong in it) and scanner (how it is seen) are separate; `make`
joins them.
"""

from models.phantom.make import PHANTOM_VERSION, make_phantom
from models.phantom.nouns import FINDINGS, VENDORS, Phantom

__all__ = ["FINDINGS", "PHANTOM_VERSION", "VENDORS", "Phantom", "make_phantom"]
