"""What `ichor train` is asked for."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """Learn from a data set or from phantoms; the same options again go on where a killed run stopped."""

    system: str  #: a key of models.seeds.systems.SYSTEMS
    out: Path
    data: Path | None = None
    layout: str = "auto"
    phantoms: int = 0
    seed: int = 1
    recipe: str = "published"  #: a preset's name, or a TOML file of changes to one
    epochs: int | None = None  #: of the slice stage; None = the recipe's
    steps: int | None = None  #: most steps of each stage
    device: str = "auto"
    threads: int = 0  #: 0 = torch's own choice
    start_from: Path | None = None  #: a run whose weights are taken to begin with
    pretrained: bool = True
