"""CQ500: three readers per scan in reads.csv, one folder of DICOM series per case; labels hold for the scan alone.

Relied on: columns `name` (CQ500-CT-<n>), `Category` and R1:ICH .. R3:SAH with 0 or 1; the folder is `CQ500CT<n>
CQ500CT<n>` with series folders inside; a finding counts when at least two of the three readers saw it. Most cases
have the same scan as several series (thick, thin, bone kernel, after contrast): read is the plain one whose slices
are nearest to 5 mm.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from models.datasets.nouns import Case
from models.datasets.stacks import Left, Stack, case_from, headers_in, stacks_of
from models.datasets.tables import require, rows
from models.errors import DatasetUnusable

NAME = "cq500"
TABLE = "reads.csv"
COLUMNS = {
    "any": "ICH", "epidural": "EDH", "intraparenchymal": "IPH", "intraventricular": "IVH", "subarachnoid": "SAH",
    "subdural": "SDH",
}  # fmt: skip
READERS = ("R1", "R2", "R3")
NUMBER = re.compile(r"CQ500[-_ ]?CT[-_ ]?(\d+)", re.IGNORECASE)
CONTRAST = re.compile(r"post|contrast|cect|angio|\bct c\b", re.IGNORECASE)
BEFORE = re.compile(r"\b(pre|plain|without|non)\b", re.IGNORECASE)
BONE = re.compile(r"bone|hi ?res|hrct|detail|\b3d\b", re.IGNORECASE)
WISHED_MM = 5.0


def table_in(folder: Path) -> Path | None:
    """The label file, if this is such a tree."""
    return folder / TABLE if (folder / TABLE).is_file() else None


def find(folder: Path, left: Left) -> list[Case]:
    """One series per labelled case."""
    reads = read_majority(folder / TABLE)
    trees = _folders(folder)
    left["labelled cases without a folder"] += len(reads.keys() - trees.keys())
    left["folders without a label"] += len(trees.keys() - reads.keys())
    wanted = {tree: number for number in reads.keys() & trees.keys() for tree in trees[number]}
    files = [path for tree in sorted(wanted) for path in sorted(tree.rglob("*")) if path.is_file()]
    by_case: dict[int, list[Stack]] = defaultdict(list)
    for stack in stacks_of(headers_in(files, left), left):
        by_case[next(wanted[parent] for parent in stack.first.path.parents if parent in wanted)].append(stack)
    left["labelled cases without an axial series"] += len(set(wanted.values()) - by_case.keys())
    left["other series of the same scan"] += sum(len(stacks) - 1 for stacks in by_case.values())
    cases = [case_from(choose(by_case[number]), NAME, None, reads[number]) for number in sorted(by_case)]
    if not cases:
        why = f"none of the {len(reads)} labelled cases has pictures"
        raise DatasetUnusable(folder, why, "unpack the folders 'CQ500CT<n> CQ500CT<n>' beside reads.csv")
    return cases


def read_majority(table: Path) -> dict[int, Mapping[str, int]]:
    """Findings by case number: 1 where at least two readers say so."""
    wanted = tuple(f"{reader}:{name}".lower() for reader in READERS for name in COLUMNS.values())
    require(table, ("name", *wanted))
    found: dict[int, Mapping[str, int]] = {}
    for row in rows(table):
        match = NUMBER.search(row["name"])
        if match is None:
            raise DatasetUnusable(table.parent, f"{TABLE} names a case '{row['name']}'", "names are CQ500-CT-<number>")
        votes = Counter({
            label: sum(row.get(f"{reader}:{name}".lower()) == "1" for reader in READERS)
            for label, name in COLUMNS.items()
        })  # fmt: skip
        found[int(match[1])] = {label: int(votes[label] >= 2) for label in COLUMNS}
    return found


def _folders(folder: Path) -> dict[int, list[Path]]:
    """Case folders by number, here or one level down (the download comes in parts)."""
    found = defaultdict(list)
    for path in sorted([*folder.glob("*"), *folder.glob("*/*")]):
        match = NUMBER.match(path.name) if path.is_dir() else None
        if match and not NUMBER.match(path.parent.name):
            found[int(match[1])].append(path)
    return dict(found)


def choose(stacks: Sequence[Stack]) -> Stack:
    """The plain series nearest to 5 mm; of two alike the longer one."""
    return min(stacks, key=lambda one: (*_drawbacks(one), -len(one.headers), one.first.series))


def _drawbacks(stack: Stack) -> tuple[int, int, float]:
    first = stack.first
    words = f"{first.description} {first.path.parent.name}"
    after = first.contrast or bool(CONTRAST.search(words) and not BEFORE.search(words))
    return int(after), int(bool(BONE.search(f"{words} {first.kernel}"))), abs(stack.thickness_mm - WISHED_MM)
