"""Cases written down: which case is in which part of a training run. A run is itself a layout: of what it left.

The file names patients, instances and paths; it belongs where the data belong.
"""

import gzip
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from models.datasets.nouns import Case, Wish
from models.datasets.stacks import Left
from models.errors import DatasetUnusable

NAME = "run"
TABLE = "cases.json.gz"
LEFT_FOR_JUDGING = 2  #: training and validation come first


def table_in(folder: Path) -> Path | None:
    """The file, if this is the folder of a run."""
    return folder / TABLE if (folder / TABLE).is_file() else None


def find(folder: Path, left: Left) -> list[Case]:
    """The part that no training and no choice has seen."""
    parts = kept_cases(folder) or ()
    if len(parts) <= LEFT_FOR_JUDGING or not parts[LEFT_FOR_JUDGING]:
        mend = "train with three shares, such as shares = [0.8, 0.1, 0.1] in the recipe"
        raise DatasetUnusable(folder, "this run left no patients for judging", mend)
    left["series of the parts that the run learnt from or chose on"] += sum(map(len, parts[:LEFT_FOR_JUDGING]))
    return list(parts[LEFT_FOR_JUDGING])


def keep_cases(parts: Sequence[Sequence[Case]], folder: Path) -> None:
    """Write them whole, so that a resumed run learns from the very same."""
    fresh = folder / f"new-{TABLE}"
    with gzip.open(fresh, "wt", encoding="utf-8") as file:
        json.dump([[asdict(case) for case in part] for part in parts], file, default=str)
    fresh.replace(folder / TABLE)


def kept_cases(folder: Path) -> tuple[tuple[Case, ...], ...] | None:
    """What an earlier start of the run wrote."""
    if table_in(folder) is None:
        return None
    with gzip.open(folder / TABLE, "rt", encoding="utf-8") as file:
        return tuple(tuple(_case(one) for one in part) for part in json.load(file))


def _case(raw: dict[str, Any]) -> Case:
    labels, wish, mask = raw["labels"], raw["wish"], raw["mask"]
    plain = Case(**raw | {"labels": None, "wish": None, "mask": None})
    return replace(
        plain,
        files=tuple(Path(one) for one in raw["files"]),
        sop_uids=tuple(raw["sop_uids"]),
        positions_mm=tuple(raw["positions_mm"]),
        labels=None if labels is None else {uid: tuple(row) for uid, row in labels.items()},
        wish=Wish(**wish) if wish else None,
        mask=Path(mask) if mask else None,
    )
