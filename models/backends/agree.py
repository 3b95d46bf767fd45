"""Does a graph fit its card? Pure checks of names and shapes; a fault is the reason why a pack is refused."""

from collections.abc import Mapping, Sequence

from models.card import Card
from models.sections import REFINED

Shapes = Mapping[str, Sequence[object]]  #: by name; a free dimension is no int


def slice_fault(card: Card, inputs: Shapes, outputs: Shapes) -> str:
    """Why the slice graph cannot be the card's; empty when it can."""
    if len(inputs) != 1:
        return f"graph has {len(inputs)} inputs, one is expected"
    spec, reads = card.preprocess, list(next(iter(inputs.values())))[1:]
    expected = [spec.channels, spec.size, spec.size]
    if reads != expected:
        return f"graph reads {reads}, the card prepares {expected}"
    names = card.outputs
    for name in (names.probabilities, names.features, names.cam, *([names.weighted] if names.weighted else [])):
        if name not in outputs:
            return f"graph has no output '{name}', it has {', '.join(sorted(outputs))}"
    return _columns(card, outputs, (names.probabilities, 2), (names.cam, 4))


def sequence_fault(card: Card, features: object, inputs: Shapes, outputs: Shapes) -> str:
    """Why the sequence graph cannot be the card's; `features` is the width of what the slice graph gives."""
    assert card.sequence is not None
    if set(inputs) != set(card.sequence.inputs):
        asked, given = (", ".join(sorted(names)) for names in (inputs, card.sequence.inputs))
        return f"{card.sequence.weights} asks for {asked}, the card feeds it {given}"
    if REFINED not in outputs:
        return f"{card.sequence.weights} has no output '{REFINED}', it has {', '.join(sorted(outputs))}"
    widths = {"features": features, "probabilities": len(card.labels)}
    for name, shape in inputs.items():
        if len(shape) != (2 if name == "spacing" else 3) or isinstance(shape[1], int):
            return f"input '{name}' of {card.sequence.weights} is {list(shape)}, scans of any length are expected"
        if name in widths and isinstance(shape[2], int) and shape[2] != widths[name]:
            return f"{card.sequence.weights} reads {shape[2]} {name} per slice, the slice graph gives {widths[name]}"
    return _columns(card, outputs, (REFINED, 3))


def _columns(card: Card, outputs: Shapes, *wanted: tuple[str, int]) -> str:
    """Labels are the second dimension of a slice's outputs and the last of a scan's."""
    for name, rank in wanted:
        shape = outputs[name]
        if len(shape) != rank:
            return f"output '{name}' has {len(shape)} dimensions, {rank} are expected"
        columns = shape[2] if rank == 3 else shape[1]
        if columns != len(card.labels):
            return f"output '{name}' has {columns} columns for {len(card.labels)} labels"
    return ""
