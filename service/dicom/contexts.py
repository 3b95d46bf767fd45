"""What the door accepts: every storage class that may travel with a study, in every syntax a scanner or PACS uses."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydicom import uid as known
from pydicom.uid import AllTransferSyntaxes
from pynetdicom import AllStoragePresentationContexts
from pynetdicom.presentation import PresentationContext, build_context

from service.dicom import uids

#: kept as they came and decoded; the order is our preference when a sender offers several in one context
READ_SYNTAXES = (
    uids.EXPLICIT_LE,
    uids.IMPLICIT_LE,
    uids.DEFLATED_LE,
    uids.EXPLICIT_BE,
    uids.RLE,
    uids.JPEG_LOSSLESS_SV1,
    uids.JPEG_LOSSLESS,
    uids.JPEG_LS,
    uids.J2K_LOSSLESS,
    uids.J2K,
    uids.JPEG_LS_NEAR,
    uids.JPEG_EXTENDED,
    uids.JPEG_BASELINE,
)
#: kept as they came, never decoded: HTJ2K, multi-component J2K, MPEG, HEVC (JPIP and SMPTE hold no pixels to keep)
KEPT_SYNTAXES = tuple(
    str(one)
    for one in AllTransferSyntaxes
    if one.is_encapsulated and one not in READ_SYNTAXES and not one.name.startswith(("JPIP", "SMPTE"))
)
TRANSFER_SYNTAXES = READ_SYNTAXES + KEPT_SYNTAXES


class SharedContexts(list[PresentationContext]):
    """Contexts that nobody changes: pynetdicom deep-copies its list for every association, which costs tens of ms."""

    def __deepcopy__(self, memo: dict[int, Any]) -> SharedContexts:
        return self


def verification_contexts(extra: Iterable[PresentationContext] = ()) -> SharedContexts:
    """Return Verification and what other rooms serve: the door to those who may not store."""
    return SharedContexts([build_context(uids.VERIFICATION), *extra])


def storage_contexts(extra: Iterable[PresentationContext] = ()) -> SharedContexts:
    """Return the contexts of the door: verification, all storage classes of pynetdicom and what other rooms serve."""
    syntaxes = [known.UID(one) for one in TRANSFER_SYNTAXES]
    door = verification_contexts()
    for one in AllStoragePresentationContexts:
        context = PresentationContext()
        context.abstract_syntax = one.abstract_syntax
        # one list for all contexts: the setter would validate and copy it for each
        context._transfer_syntax = syntaxes
        door.append(context)
    door.extend(extra)
    return door
