"""The plan of the house is enforced: imports, sizes, the map, and a command line that loads no torch."""

from __future__ import annotations

import ast
import re
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
#: 2026-11-20: a migration is a written-out list of tables; nobody edits it again
MIGRATIONS = set(ROOT.glob("service/ledger/migrations/versions/*.py"))
SOURCES = sorted({*ROOT.glob("service/**/*.py"), *ROOT.glob("models/**/*.py")} - MIGRATIONS)
LONGEST_FILE = 400
LONGEST_FUNCTION = 60
#: at most this share of the functions may have more than 40 lines
LONG_SHARE = 0.03
MEDIAN_LINES = 7


def lines_of(function: ast.FunctionDef) -> int:
    """Count a function's lines without its docstring."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def functions() -> list[tuple[str, int]]:
    found = []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef):
                found.append((f"{path.relative_to(ROOT)}:{node.name}", lines_of(node)))
    return found


def test_imports_follow_the_plan() -> None:
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert re.search(r"Contracts: [1-9]\d* kept, 0 broken", done.stdout)


def test_no_file_is_long() -> None:
    long = {
        str(path.relative_to(ROOT)): n
        for path in SOURCES
        if (n := len(path.read_text("utf-8").splitlines())) > LONGEST_FILE
    }
    assert not long


def test_functions_are_short() -> None:
    sizes = functions()
    assert not [one for one in sizes if one[1] > LONGEST_FUNCTION]
    assert statistics.median(size for _, size in sizes) <= MEDIAN_LINES
    over = [one for one in sizes if one[1] > 40]
    assert len(over) <= LONG_SHARE * len(sizes), over


def test_no_global_statement() -> None:
    assert not [path for path in SOURCES if re.search(r"^\s+global ", path.read_text("utf-8"), re.MULTILINE)]


@pytest.mark.parametrize("module", ["service.cli", "service.wiring", "service.intake.scp", "service.worklist.app"])
def test_the_command_line_loads_no_torch(module: str) -> None:
    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-P", "-c", code], cwd=ROOT, check=False).returncode == 0


def test_the_map_names_every_room() -> None:
    rooms = {path.name for path in (ROOT / "service").iterdir() if path.is_dir() and path.name != "__pycache__"}
    import service

    for text in (service.__doc__ or "", (ROOT / "docs/corridor.md").read_text("utf-8")):
        missing = {room for room in rooms if not re.search(rf"^\W*{room}\b", text, re.MULTILINE)}
        assert not missing
