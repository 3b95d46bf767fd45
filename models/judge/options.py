"""What `ichor evaluate` is asked for."""

from dataclasses import dataclass
from pathlib import Path

FIRST_SEED = 900_000  #: no recipe of this project trains or calibrates on phantoms from here on


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions:
    """Either `path` (a data set) or `phantoms` (how many to draw), or both one after the other."""

    out: Path
    path: Path | None = None
    layout: str = "auto"
    phantoms: int = 0
    seed: int = FIRST_SEED
    pack: str = "default"
    device: str = "auto"
    threads: int | None = None  #: of the reader; None = the pack's own choice
    workers: int = 2  #: processes that draw phantoms
    pictures: bool = False  #: worst cases of a data set too, not only of phantoms
    resamples: int = 2000
