"""CSV files as people write them: any of the usual separators, a byte order mark, names in any case."""

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path

from models.datasets.nouns import UNKNOWN
from models.errors import DatasetUnusable

SEPARATORS = ",;\t"


def rows(path: Path) -> Iterator[dict[str, str]]:
    """Each line by column name, the name in lower case; the separator is the one the first line has most of."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        first = file.readline()
        separator = max(SEPARATORS, key=first.count)
        names = [name.strip().lower() for name in next(csv.reader([first], delimiter=separator), [])]
        for line in csv.reader(file, delimiter=separator):
            if any(cell.strip() for cell in line):
                yield dict(zip(names, (cell.strip() for cell in line), strict=False))


def columns(path: Path) -> tuple[str, ...]:
    """The names in the first line, in lower case."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        first = file.readline()
    return tuple(
        name.strip().lower() for name in next(csv.reader([first], delimiter=max(SEPARATORS, key=first.count)), [])
    )


def require(path: Path, names: tuple[str, ...]) -> None:
    """Stop with the missing columns named."""
    missing = [name for name in names if name not in columns(path)]
    if missing:
        raise DatasetUnusable(
            path.parent, f"{path.name} has no column {', '.join(missing)}", "take the file as published"
        )


def zero_one(row: Mapping[str, str], name: str, path: Path) -> float:
    """A label cell: 0, 1, or nan where it is empty; anything else is a mistake in the file."""
    cell = row.get(name, "").lower()
    known = {"": UNKNOWN, "0": 0.0, "1": 1.0, "0.0": 0.0, "1.0": 1.0}
    if cell not in known:
        raise DatasetUnusable(path.parent, f"{path.name} says '{cell}' in column {name}", "labels are 0, 1 or empty")
    return known[cell]
