"""The ways an object leaves: C-STORE over an association, or STOW-RS over HTTP; each gives the same kind of answer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from pydicom.errors import InvalidDicomError
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import build_context
from pynetdicom.association import Association
from pynetdicom.presentation import PresentationContext

from service.delivery import answers
from service.delivery.answers import Outcome
from service.delivery.association import associate, store_file
from service.delivery.stow import StowCarrier
from service.delivery.web_client import web_service
from service.dicom.statuses import stored
from service.dicom.uids import uid_name
from service.domain.delivery import Delivery
from service.peers import Destination

SYNTAXES = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)


class Carrier(Protocol):
    """Takes one object after the other to a destination."""

    def carry(self, delivery: Delivery, path: Path) -> Outcome:
        """Bring one file; DestinationDown when no answer came."""


@contextmanager
def way_to(peer: Destination, group: Sequence[Delivery], calling_ae: str) -> Iterator[Carrier]:
    """Open the way to a destination; DestinationDown says what is wrong with it and the mend."""
    if peer.url:
        with web_service(peer) as service:
            yield StowCarrier(service, peer)
        return
    with associate(calling_ae, peer, contexts_for(group)) as association:
        yield StoreCarrier(association)


class StoreCarrier:
    """C-STORE (PS3.4 B)."""

    def __init__(self, association: Association) -> None:
        self._association = association
        self._classes = {str(one.abstract_syntax) for one in association.accepted_contexts}

    def carry(self, delivery: Delivery, path: Path) -> Outcome:
        """Send one file, unless the peer does not take its class."""
        if delivery.obj.sop_class not in self._classes:
            return Outcome(False, answers.not_negotiated(delivery.destination, uid_name(delivery.obj.sop_class)))
        try:
            status = store_file(self._association, path, delivery.destination)
        except (ValueError, AttributeError, InvalidDicomError) as problem:
            return Outcome(False, answers.unsendable(problem))
        if stored(status):
            return Outcome(True, answers.warning(delivery.destination, status))
        return Outcome(False, answers.refusal(delivery.destination, status))


def contexts_for(group: Iterable[Delivery]) -> list[PresentationContext]:
    """Propose each class once, explicit VR first, the default transfer syntax behind it (PS3.5 10.1)."""
    classes = sorted({one.obj.sop_class for one in group})
    return [build_context(one, list(SYNTAXES)) for one in classes]
