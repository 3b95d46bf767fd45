"""How far what is learnt in one world holds in another, and what brings it nearer: the same net, the same steps.

python -m models.train.transfer --pools runs/default --templates ../shared/data/ct-templates --out runs/transfer
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from models import load
from models.card import Card
from models.judge.curves import areas
from models.judge.levels import levels
from models.judge.nouns import CaseReading
from models.judge.shelf import Shelf
from models.train.bent_cases import read_bent
from models.train.calibrate import read_phantoms
from models.train.compose import Mix, Pool, Pools
from models.train.data import read
from models.train.fit import Plan, fit
from models.train.recipe import write_pack

PHANTOM_SEED, BENT_SEED = 960_000, 730_000


@dataclass(frozen=True)
class Trial:
    """One way to teach the net."""

    name: str
    phantoms: bool
    bent: bool
    mix: Mix


TRIALS = (
    Trial("phantoms, hardly augmented", True, False, Mix(0, 0, plain=True)),
    Trial("phantoms", True, False, Mix(0, 0)),
    Trial("bent heads", False, True, Mix(1, 0)),
    Trial("phantoms and bent heads, hardly augmented", True, True, Mix(0.5, 0, plain=True)),
    Trial("phantoms and bent heads", True, True, Mix(0.5, 0)),
    Trial("phantoms, bent heads and flat drawings", True, True, Mix(0.5, 0.125)),
)


@dataclass(frozen=True)
class Outcome:
    """Areas of one trial on either world, with their intervals: by slice, by series."""

    trial: str
    phantoms: tuple[str, str]
    bent: tuple[str, str]


@dataclass(frozen=True)
class Means:
    """What the trials share."""

    pools: Path
    templates: Path
    out: Path
    steps: int = 1000
    cases: int = 60
    only: tuple[int, ...] = ()  #: trials to run, by number; none = all


def compare(means: Means, trials: Sequence[Trial] = TRIALS) -> list[Outcome]:
    """Teach, read both worlds, tell; a trial that is told already is not run again."""
    outcomes = []
    for number, trial in enumerate(trials):
        if means.only and number not in means.only:
            continue
        folder = means.out / f"trial-{number}"
        told = folder / "outcome.json"
        if not told.exists():
            told.write_text(json.dumps(asdict(_run(means, trial, folder))), "utf-8")
        outcomes.append(Outcome(**json.loads(told.read_text("utf-8"))))
    return outcomes


def _run(means: Means, trial: Trial, folder: Path) -> Outcome:
    folder.mkdir(parents=True, exist_ok=True)
    pools = Pools(
        Pool.of(read(means.pools / "phantoms" / "all")) if trial.phantoms else None,
        Pool.of(read(means.pools / "bent" / "all")) if trial.bent else None,
    )
    checkpoint = fit(Plan(folder, means.steps, 2e-3, trial.mix, 3), pools)
    write_pack(folder / "pack", checkpoint, {"temperature": 1.0, "slice_threshold": 0.5})
    reader = load(Card.load(folder / "pack"), "cpu", 1)
    phantoms = read_phantoms(reader, Shelf(means.out / "shelf", 1), means.cases, PHANTOM_SEED)
    bent = read_bent(reader, means.templates, means.cases, BENT_SEED)
    return Outcome(trial.name, _aucs(phantoms, reader.card), _aucs(bent, reader.card))


def _aucs(cases: Sequence[CaseReading], card: Card) -> tuple[str, str]:
    """By slice and by series; bootstrap of patients."""
    units = levels(cases, card)
    return areas(units["slice"]).roc.text(), areas(units["series"]).roc.text()


def table(outcomes: Sequence[Outcome]) -> str:
    """Markdown."""
    head = (
        "| taught on | fresh phantoms: AUC of slices | of series | fresh bent heads: AUC of slices | of series |\n"
        "|---|---|---|---|---|\n"
    )
    rows = ([each.trial, *each.phantoms, *each.bent] for each in outcomes)
    return head + "".join(f"| {' | '.join(row)} |\n" for row in rows)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("pools", "templates", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--cases", type=int, default=60)
    parser.add_argument("--only", type=int, nargs="*", default=(), help="numbers of trials, to share them out")
    asked = vars(parser.parse_args())
    means = Means(**(asked | {"only": tuple(asked["only"])}))
    print(table(compare(means)))


if __name__ == "__main__":
    main()
