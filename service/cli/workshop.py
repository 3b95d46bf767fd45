"""``train``, ``evaluate`` and ``export``: the readers' workshop, which needs the ``train`` extra."""

from __future__ import annotations

import importlib.util

from service.cli.program import verb
from service.errors import NotInstalled
from service.settings import Settings


def _refuse(name: str) -> None:
    if importlib.util.find_spec("torch") is None:
        raise NotInstalled(f'{name} needs the train extra: pip install ".[train]" in the source folder')
    raise NotInstalled(f"{name} is not part of this version; the bundled pack's recipe is in models/train")


@verb("train", help="Train a reader (train extra).")
def train(settings: Settings) -> None:
    """Say what is missing."""
    _refuse("train")


@verb("evaluate", help="Judge a reader (train extra).")
def evaluate(settings: Settings) -> None:
    """Say what is missing."""
    _refuse("evaluate")


@verb("export", help="Export a reader to a pack (train extra).")
def export(settings: Settings) -> None:
    """Say what is missing."""
    _refuse("export")
