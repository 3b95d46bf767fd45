"""What a walk works with: the rooms, the pack and the site's policy."""

from __future__ import annotations

from dataclasses import dataclass

from service.domain.delivery import HOUSE_FORMS, Form
from service.domain.notice import Addressee
from service.domain.pack import PackFacts
from service.inference.read_slices import SliceReader
from service.peers import Destination
from service.settings import PolicySettings, SuitabilitySettings
from service.store.files import FileStore


@dataclass(frozen=True, kw_only=True)
class Desk:
    """What it takes to conclude a scan, wherever its files lie."""

    slices: SliceReader
    pack: PackFacts
    device: str
    suitability: SuitabilitySettings
    policy: PolicySettings


@dataclass(frozen=True, kw_only=True)
class WorkerDesk(Desk):
    """What it takes to publish the answer as well."""

    store: FileStore
    destinations: tuple[Destination, ...]
    #: who is told about an answer, beside the destinations of the objects
    addressees: tuple[Addressee, ...] = ()

    @property
    def forms(self) -> tuple[Form, ...]:
        """Return every form that is made: those of the house, then those any destination asks for."""
        return tuple(dict.fromkeys((*HOUSE_FORMS, *(form for one in self.destinations for form in one.forms))))
