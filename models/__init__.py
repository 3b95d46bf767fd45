"""What reads the scan: `load(card)` gives a Reader, `Reader.read(slices)` gives the parts of each slice.

Research use only, not for diagnosis; the bundled pack was trained on synthetic data.
Runs with no service, network or database. Importing this costs numpy and nothing else.
"""

from models.aggregate import SeriesScores, series_scores
from models.anatomy import HeadFacts, head_facts
from models.card import Card, bundled_packs, find_pack, verify
from models.reader import Reader, load
from models.reading import Region, SliceInput, SliceParts
from models.slab import around, thickened
from models.volume import repair_wrap, to_hu, wrap_damaged

__all__ = [
    "Card",
    "HeadFacts",
    "Reader",
    "Region",
    "SeriesScores",
    "SliceInput",
    "SliceParts",
    "around",
    "bundled_packs",
    "find_pack",
    "head_facts",
    "load",
    "repair_wrap",
    "series_scores",
    "thickened",
    "to_hu",
    "verify",
    "wrap_damaged",
]
