"""Builders of ``ichor pack``."""

from __future__ import annotations

from service.inference.pack import card_lines, find_card, known_packs, load_reader
from service.settings import ModelSettings


def names() -> list[str]:
    """Name the bundled packs with their version."""
    return [f"{name}\t{find_card(name).version}" for name in known_packs()]


def card(name: str) -> list[tuple[str, str]]:
    """Give a pack's card line by line."""
    return card_lines(find_card(name))


def verify(name: str) -> str:
    """Check a pack's weights and graph against its card."""
    found = load_reader(ModelSettings(pack=name, device="cpu", threads=1)).card
    return (
        f"{found.name} {found.version}: weights and graphs match the card ({found.sha256[:16]}...), "
        f"pack hash {found.pack_hash}"
    )
