"""A pack's card in words, one line per field; nothing of it is opened but the card."""

from __future__ import annotations

import models


def card_lines(card: models.Card) -> list[tuple[str, str]]:
    """Give a card as names and texts."""
    return [
        ("name", card.name),
        ("version", card.version),
        ("system", card.architecture),
        ("labels", ", ".join(card.labels)),
        ("preprocess", _preprocess(card)),
        ("sequence", _sequence(card)),
        ("heatmap", _heatmap(card)),
        ("slice_threshold", f"{card.slice_threshold:g}"),
        ("rule", _rule(card)),
        ("temperature", f"{card.temperature:g}, inside the graph"),
        ("metrics", ", ".join(f"{name} {value:g}" for name, value in card.metrics.items()) or "none measured"),
        ("training_data", card.training_data),
        ("limits", card.limits),
        ("intended_use", card.intended_use),
        ("licence", card.licence),
        ("weights", ", ".join(f"{name} ({size:.1f} MB)" for name, size in _sizes(card))),
        ("pack_hash", card.pack_hash),
    ]


def listed(card: models.Card) -> str:
    """Give a pack in one line: name, version, size, how many labels, system."""
    size = sum(size for _, size in _sizes(card))
    labels = f"{len(card.labels)} {'label' if len(card.labels) == 1 else 'labels'}"
    return f"{card.name}\t{card.version}\t{size:.1f} MB\t{labels}\t{card.architecture}"


def _preprocess(card: models.Card) -> str:
    spec = card.preprocess
    windows = ", ".join(f"{centre}/{width}" for centre, width in spec.windows)
    shown = "the slice with the one above and the one below" if spec.neighbours else "one slice"
    shown += f", thinner ones averaged to {spec.slab_mm:g} mm" if spec.slab_mm else ""
    scale = f"{spec.mm_per_pixel:g} mm per pixel around the head" if spec.mm_per_pixel else "the whole slice"
    parts = [f"HU windows {windows} of {shown}", f"{spec.size} x {spec.size} pixels, {scale}", f"{spec.filter} filter"]
    parts += ["8 bits"] if spec.bytes else []
    parts += ["each window spread"] if spec.spread else []
    parts += [f"the middle {spec.centre:g} of {spec.through} pixels"] if spec.through and spec.centre != 1 else []
    mean, sd = ("/".join(f"{value:g}" for value in one) for one in (spec.mean, spec.sd))
    return "; ".join([*parts, f"mean {mean}, sd {sd}"])


def _sequence(card: models.Card) -> str:
    stage = card.sequence
    if stage is None:
        return "none: each slice stands for itself"
    return f"{stage.weights} refines all slices of a scan from {', '.join(stage.inputs)}"


def _heatmap(card: models.Card) -> str:
    return "smoothed over six passes" if card.heatmap.kind == "smoothed" else "one pass, in closed form"


def _rule(card: models.Card) -> str:
    numbers = dict(card.rule.numbers)
    above = f"slices above {card.slice_threshold:g}"
    if card.rule.kind == "run":
        length = f"{numbers['run_mm']:g} mm" if "run_mm" in numbers else "the site's policy.run_mm"
        return f"run: {length} of neighbouring {above}"
    if "share_percent" not in numbers:
        return f"share: the site's policy.share_percent of the {above}, rounded {card.rule.rounding}"
    share = numbers["share_percent"]
    return f"share: {f'{share:g} % of the' if share else 'one of the'} {above}, rounded {card.rule.rounding}"


def _sizes(card: models.Card) -> list[tuple[str, float]]:
    """Name the weight files with their size in MB."""
    names = [card.weights, *([card.sequence.weights] if card.sequence else [])]
    return [(name, (card.folder / name).stat().st_size / 1e6) for name in names if (card.folder / name).is_file()]
