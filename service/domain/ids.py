"""Names for the strings that travel through every room, so that one is not taken for another."""

from __future__ import annotations

from typing import NewType

StudyUid = NewType("StudyUid", str)
SeriesUid = NewType("SeriesUid", str)
SopUid = NewType("SopUid", str)
#: sha256 (hex) over transfer syntax and data set bytes as they came.
ContentHash = NewType("ContentHash", str)
#: What the reader was shown: a slice's own content hash, or a sha256 (hex) over all that went into the input.
PixelsHash = NewType("PixelsHash", str)
#: sha256 (hex) over card and weights of a pack.
PackHash = NewType("PackHash", str)
JobId = NewType("JobId", int)
DeliveryId = NewType("DeliveryId", int)
AssociationId = NewType("AssociationId", str)
