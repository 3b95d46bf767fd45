"""A pack proven part by part: the weights of both stages, and that each graph is what the card says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import models
from models.errors import ModelError
from service.inference.pack import card_named, require_runtime


@dataclass(frozen=True, kw_only=True)
class Proof:
    """One part of a pack and whether it holds."""

    subject: str
    well: bool
    text: str


def proofs(pack: str) -> Iterator[Proof]:
    """Prove every part that can be tried; a graph is tried only when its weights are the card's."""
    require_runtime()
    card = card_named(pack)
    alone = replace(card, sequence=None)
    weights = _try("slice weights", _written_for(alone), lambda: models.verify(alone))
    graph = _graph("slice graph", alone, weights)
    yield from (weights, graph)
    if card.sequence is None:
        return
    stage = replace(alone, weights=card.sequence.weights, sha256=card.sequence.sha256)
    second = _try("sequence weights", _written_for(stage), lambda: models.verify(stage))
    yield from (second, _graph("sequence graph", card, weights, graph, second))


def _written_for(card: models.Card) -> str:
    return f"{card.weights} is the file the card was written for ({card.sha256[:16]}...)"


def _graph(subject: str, card: models.Card, *needed: Proof) -> Proof:
    missing = [one.subject for one in needed if not one.well]
    if missing:
        return Proof(subject=subject, well=False, text=f"not tried, for it needs the {missing[0]}")
    spec, count = card.preprocess, len(card.labels)
    text = f"reads {spec.channels} x {spec.size} x {spec.size}, tells {count} {'label' if count == 1 else 'labels'}"
    if card.sequence:
        text = f"reads {', '.join(card.sequence.inputs)} of a scan"
    return _try(subject, f"{text}, as the card says", lambda: models.load(card, "cpu", 1))


def _try(subject: str, well: str, check: Callable[[], object]) -> Proof:
    try:
        check()
    except ModelError as problem:
        return Proof(subject=subject, well=False, text=str(problem))
    return Proof(subject=subject, well=True, text=well)
