"""Synthetic head CT: seeded, versioned, numpy only. No patient data in, none out.

anatomy (head, skull, brain), bleeds and mimics (what goes wrong in it, and what only looks so) and scanner (how it is
seen) are separate; `priors` holds every range, `make` joins them.
"""

from models.phantom.make import PHANTOM_VERSION, make_phantom
from models.phantom.nouns import FINDINGS, VENDORS, Phantom, kinds_of

__all__ = ["FINDINGS", "PHANTOM_VERSION", "VENDORS", "Phantom", "kinds_of", "make_phantom"]
