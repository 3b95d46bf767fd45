"""The wheel holds the node and nothing else, and works from outside the checkout."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (made,) = folder.glob("*.whl")
    return made


def test_the_wheel_holds_only_the_two_packages(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names} == {"service", "models", "ichor_triage-0.4.0.dist-info"}
    for needed in (
        "models/packs/default/reader.onnx",
        "models/packs/default/card.toml",
        "service/ledger/migrations/versions/0001_corridor.py",
        "service/worklist/static/htmx.min.js",
        "service/worklist/templates/worklist.html",
        "ichor_triage-0.4.0.dist-info/licenses/LICENSE",
    ):
        assert needed in names, needed
    assert wheel.stat().st_size < 30 * 1024 * 1024


def test_it_works_from_outside_the_checkout_beside_a_stray_models_folder(wheel: Path, tmp_path: Path) -> None:
    site, here = tmp_path / "site", tmp_path / "here"
    (here / "models").mkdir(parents=True)
    (here / "models/__init__.py").write_text("raise ImportError('the wrong models')")
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(site), str(wheel)]
    subprocess.run(install, check=True, capture_output=True)

    def ichor(*arguments: str) -> str:
        code = f"import sys; sys.path.insert(0, {str(site)!r}); from service.cli import main; main()"
        done = subprocess.run(
            [sys.executable, "-P", "-c", code, *arguments], cwd=here, check=False, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    ichor("phantom", "head", "--finding", "none", "--seed", "11", "--slices", "16", "--thickness", "8")
    assert json.loads(ichor("read", "head", "--json"))["verdict"] in ("negative", "positive")
