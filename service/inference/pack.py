"""The pack that this node reads with: found, verified, loaded, and loud about its device."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Sequence

import numpy as np

import models
from models.errors import ModelError
from service.domain.ids import PackHash
from service.domain.pack import PackFacts
from service.domain.reading import SliceReading
from service.errors import BadSettings, NotInstalled
from service.settings import ModelSettings

log = logging.getLogger(__name__)
ANY = "any"


def find_card(pack: str) -> models.Card:
    """Find and verify a pack, or say what is wrong with it and the mend."""
    card = card_named(pack)
    try:
        models.verify(card)
    except ModelError as problem:
        raise BadSettings(f"model.pack: {problem}") from None
    return card


def card_named(pack: str) -> models.Card:
    """Find a pack and read its card; the weights are not opened."""
    try:
        return models.find_pack(pack)
    except ModelError as problem:
        raise BadSettings(f"model.pack: {problem}") from None


def facts_of(card: models.Card) -> PackFacts:
    """Say about the pack what the rooms further on need."""
    return PackFacts(
        name=card.name,
        version=card.version,
        pack_hash=PackHash(card.pack_hash),
        labels=card.labels,
        slice_threshold=card.slice_threshold,
        rule=card.rule.kind,
        rule_numbers=tuple(sorted(card.rule.numbers.items())),
        rounding=card.rule.rounding,
        refines=card.sequence is not None,
    )


def load_reader(settings: ModelSettings) -> models.Reader:
    """Load the pack; a device other than the one asked for is announced, never silent."""
    require_runtime()
    card = find_card(settings.pack)
    try:
        reader = models.load(card, settings.device, settings.threads or None)
    except ModelError as problem:
        raise BadSettings(f"model: {problem}") from None
    if reader.device_note:
        log.warning(reader.device_note)
    log.info("pack %s %s reads on %s", card.name, card.version, reader.device)
    return reader


def require_runtime() -> None:
    """Stop with the mend when no ONNX Runtime is installed."""
    if importlib.util.find_spec("onnxruntime") is None:
        raise NotInstalled(
            'no ONNX Runtime: pip install ".[cpu]" in the source folder, or ".[gpu]" where there is an NVIDIA GPU'
        )


def series_findings(
    labels: Sequence[str], readings: Sequence[SliceReading], places_mm: Sequence[float]
) -> tuple[tuple[str, float], ...]:
    """Return the series' probability by finding, ``any`` first, as the pack's own aggregation says."""
    table = np.array([[one.probability(label) for label in labels] for one in readings], np.float32)
    scores = models.series_scores(table, places_mm).series_probabilities
    found = {label: round(float(score), 6) for label, score in zip(labels, scores, strict=True)}
    ordered = sorted(found, key=lambda label: label != ANY)
    return tuple((label, found[label]) for label in ordered)


def known_packs() -> tuple[str, ...]:
    """Name the bundled packs."""
    return models.bundled_packs()
