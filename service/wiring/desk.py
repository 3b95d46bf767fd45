"""Puts a worker's desk together; the only builder that loads the model."""

from __future__ import annotations

from service.inference.pack import facts_of, load_reader
from service.inference.read_slices import SliceReader
from service.settings import Settings
from service.store.files import FileStore
from service.wiring.notify import addressees
from service.worker.desk import WorkerDesk


def build_desk(settings: Settings, store: FileStore) -> WorkerDesk:
    """Load the pack and lay out the rooms."""
    reader = load_reader(settings.model)
    return WorkerDesk(
        slices=SliceReader(reader, store, settings.model.repair_wrap),
        pack=facts_of(reader.card),
        device=reader.device,
        store=store,
        suitability=settings.suitability,
        policy=settings.policy,
        destinations=settings.destinations,
        addressees=addressees(settings),
    )
