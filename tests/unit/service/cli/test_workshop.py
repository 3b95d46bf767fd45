"""The workshop's verbs: what they hand on, and what they answer in one line."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import models.export.command
import models.judge.command
import models.train.systems.command
from models.errors import RunUnusable
from service.cli import workshop
from service.cli.program import ichor


def call(*words: str) -> Result:
    assert workshop.train.name == "train"
    return CliRunner().invoke(ichor, list(words))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """What each verb hands to the room that does the work."""
    handed: dict[str, Any] = {}
    monkeypatch.chdir(tmp_path)

    def listen(module: Any, function: str) -> None:
        def keep(options: Any, say: Any) -> None:
            say("at work")
            handed[function] = options

        monkeypatch.setattr(module, function, keep)

    listen(models.train.systems.command, "train")
    listen(models.judge.command, "evaluate")
    listen(models.export.command, "export_run")
    return handed


def test_train_hands_its_options_on(asked: dict[str, Any]) -> None:
    done = call("train", "burduja", "--data", "d", "--out", "o", "--recipe", "small", "--epochs", "2", "--scratch")
    assert done.exit_code == 0 and "at work" in done.stderr
    assert done.stdout == "research use only, not for diagnosis; trained on synthetic data\n"
    options = asked["train"]
    assert (options.system, options.data, options.out) == ("burduja", Path("d"), Path("o"))
    assert (options.recipe, options.epochs, options.pretrained, options.seed) == ("small", 2, False, 1)
    assert (options.device, options.layout, options.start_from) == ("auto", "auto", None)


def test_evaluate_and_export_hand_theirs_on(asked: dict[str, Any]) -> None:
    assert call("evaluate", "--phantoms", "3", "--out", "o", "--pack", "p", "--threads", "2").exit_code == 0
    options = asked["evaluate"]
    assert (options.path, options.phantoms, options.pack, options.threads) == (None, 3, "p", 2)
    assert options.seed == 900_000 and options.device == "auto"
    assert call("evaluate", "d", "--out", "o").exit_code == 0
    assert (asked["evaluate"].path, asked["evaluate"].pack, asked["evaluate"].threads) == (Path("d"), "default", None)
    assert call("export", "r", "--out", "o", "--int8", "--smoothed").exit_code == 0
    assert (asked["export_run"].run, asked["export_run"].precision, asked["export_run"].smoothed) == (
        Path("r"),
        "int8",
        True,
    )
    assert call("export", "r", "--out", "o").exit_code == 0 and asked["export_run"].precision == "fp32"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("train burduja --out o", "train learns from --data FOLDER or from --phantoms N, one of them"),
        ("train burduja --out o --data d --phantoms 3", "one of them"),
        ("evaluate --out o", "evaluate takes PATH, --phantoms N, or both"),
    ],
)
def test_a_wish_without_cases_is_told(asked: dict[str, Any], words: str, told: str) -> None:
    done = call(*words.split())
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1) and told in done.stderr
    assert not asked


@pytest.mark.parametrize("words", ["train nosystem --data d --out o", "train burduja --data d", "export", "evaluate d"])
def test_wrong_usage_is_wrong_usage(words: str) -> None:
    assert call(*words.split()).exit_code == 2


def test_what_models_raise_on_purpose_is_one_line(asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(options: Any, say: Any) -> None:
        raise RunUnusable(Path("r"), "no run.json", "train first")

    monkeypatch.setattr(models.export.command, "export_run", fail)
    done = call("export", "r", "--out", "o")
    assert (done.exit_code, done.stderr) == (2, "ichor: run r: no run.json; train first\n")


@pytest.mark.parametrize(
    "words", ["train", "train burduja --data d --out o", "export", "export r --out o", "evaluate d --out o"]
)
def test_without_the_extra_each_verb_says_so_first(words: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whatever else is missing."""
    monkeypatch.chdir(tmp_path)
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == "torch" else real(name, *rest))
    done = call(*words.split())
    assert done.exit_code != 0
    assert 'pip install ".[train]"' in done.output
    assert call(words.split(maxsplit=1)[0], "--help").exit_code == 0
