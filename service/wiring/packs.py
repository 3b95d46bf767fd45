"""Builders of ``ichor pack``."""

from __future__ import annotations

from collections.abc import Iterator

from service.inference.pack import card_named, known_packs
from service.inference.pack_proof import Proof, proofs
from service.inference.pack_words import card_lines, listed


def names() -> list[str]:
    """Name the bundled packs, each in one line."""
    return [listed(card_named(name)) for name in known_packs()]


def card(name: str) -> list[tuple[str, str]]:
    """Give a pack's card line by line."""
    return card_lines(card_named(name))


def verify(name: str) -> Iterator[Proof]:
    """Prove a pack's weights and graphs against its card, part by part."""
    return proofs(name)


def identity(name: str) -> str:
    """Name a pack by name, version and hash."""
    found = card_named(name)
    return f"{found.name} {found.version}: pack hash {found.pack_hash}"
