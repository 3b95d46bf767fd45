"""A finished run on disk: run.json says what was trained on what, weights/NAME.pt hold each network's state.

NAME is that of `models.seeds.registry.Nets.modules()`: member-0, member-1, ..., scan. Everything else in the folder is
for going on after a kill and for people: slice/ and sequence/ (checkpoints), curve.csv, features/, cases/.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.errors import RunUnusable

if TYPE_CHECKING:
    from models.seeds.registry import Nets

RECORD, WEIGHTS = "run.json", "weights"
FORMAT = 1
NOTICE = "research use only, not for diagnosis"


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """What the card of an exported pack has to say, and what it takes to train the same again."""

    system: str
    name: str  #: of the pack
    config: Mapping[str, Any]  #: models.seeds.registry.Config as a table
    preprocess: Mapping[str, Any]  #: as in a card
    recipe: Mapping[str, Any]
    data: Mapping[str, Any]  #: where cases came from and how many went where
    training_data: str  #: the same as a sentence
    synthetic: bool  #: nothing but phantoms was learnt from
    seed: int
    temperature: float  #: to be put into the slice graph; 1 where a scan stage follows (its own is in its weights)
    slice_threshold: float  #: of `any`, after the last stage
    calibration: Mapping[str, Any]  #: how temperature and threshold came about
    metrics: Mapping[str, float]  #: on the validation part, which chose checkpoint and threshold
    notice: str = NOTICE
    format: int = FORMAT

    def write(self, folder: Path) -> None:
        """Whole or not at all."""
        fresh = folder / f"new-{RECORD}"
        fresh.write_text(json.dumps(asdict(self), indent=1, sort_keys=True) + "\n", "utf-8")
        fresh.replace(folder / RECORD)


def read_run(folder: Path) -> RunRecord:
    """The record of a finished run."""
    try:
        raw = json.loads((folder / RECORD).read_text("utf-8"))
    except FileNotFoundError:
        raise RunUnusable(folder, f"no {RECORD}", "name the --out folder of a finished ichor train") from None
    except ValueError as wrong:
        raise RunUnusable(folder, f"{RECORD} is damaged ({wrong})", "train again") from wrong
    if not isinstance(raw, dict) or raw.get("format") != FORMAT:
        raise RunUnusable(folder, f"{RECORD} is not of format {FORMAT}", "train again with this version")
    return RunRecord(**raw)


def open_nets(folder: Path, record: RunRecord) -> "Nets":
    """The trained networks, ready to be read with or exported."""
    import torch

    from models.seeds.registry import Config, build

    nets = build(record.system, Config.read(record.config))
    for name, module in nets.modules().items():
        path = folder / WEIGHTS / f"{name}.pt"
        if not path.is_file():
            raise RunUnusable(folder, f"{WEIGHTS}/{name}.pt is missing", "train again, the same command goes on")
        module.load_state_dict(torch.load(path, weights_only=True, map_location="cpu"))
        module.eval()
    return nets
