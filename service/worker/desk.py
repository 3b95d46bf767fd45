"""What a walk works with: the rooms, the pack and the site's policy."""

from __future__ import annotations

from dataclasses import dataclass

from service.domain.pack import PackFacts
from service.inference.read_slices import SliceReader
from service.settings import Destination, PolicySettings, SuitabilitySettings
from service.store.files import FileStore


@dataclass(frozen=True, kw_only=True)
class Desk:
    """One worker's rooms."""

    slices: SliceReader
    pack: PackFacts
    device: str
    store: FileStore
    suitability: SuitabilitySettings
    policy: PolicySettings
    destinations: tuple[Destination, ...]
