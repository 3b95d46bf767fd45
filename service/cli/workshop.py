"""``train``, ``evaluate`` and ``export``: the readers' workshop, which needs the ``train`` extra.

This file parses options and shows progress; the work is in ``models`` and loads with the verb, never before.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from service.cli.program import LINE, verb
from service.errors import BadUsage, NotInstalled
from service.settings import Settings

SYSTEMS = ("effclass", "burduja", "wang-windows", "wang-slices", "saraswathi")
SYSTEMS_SHOWN = ", ".join(SYSTEMS)
LAYOUTS = ("auto", "rsna", "cq500", "ct-ich", "folder")
DEVICES = ("auto", "cpu", "cuda")
FIRST_SEED = 900_000  #: nothing was trained or calibrated on phantoms from here on


class WorkshopVerb(click.Command):
    """A verb whose first question is whether its libraries are there; ``--help`` works without them."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Tell the missing extra before any missing option."""
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as wrong:
            if _without_extra():
                raise click.ClickException(_missing(str(self.name))) from wrong
            raise


def _without_extra() -> bool:
    return importlib.util.find_spec("torch") is None


def _missing(name: str) -> str:
    return f'{name} needs the train extra: pip install ".[train]" in the source folder'


def _work(name: str, act: Callable[[Callable[[str], None]], Any]) -> None:
    """Do the work of a verb; what ``models`` raises on purpose ends as one line."""
    if _without_extra():
        raise NotInstalled(_missing(name))
    from models.errors import ExtraMissing, ModelError

    try:
        act(lambda line: click.echo(line, err=True))
    except ExtraMissing as problem:
        raise NotInstalled(str(problem)) from None
    except ModelError as problem:
        raise BadUsage(str(problem)) from None
    click.echo(LINE)


def _cases(first_seed: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add the options that say where cases come from."""
    options = (
        click.option(
            "--layout", type=click.Choice(LAYOUTS), default="auto", show_default=True, help="Of the data set."
        ),
        click.option("--phantoms", type=click.IntRange(0), default=0, help="How many synthetic heads to draw."),
        click.option("--seed", type=click.IntRange(0), default=first_seed, show_default=True, help="Of every draw."),
        click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder of the results."),
    )

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


@verb("train", cls=WorkshopVerb, help=f"Train SYSTEM ({SYSTEMS_SHOWN}) on a data set or on phantoms (train extra).")
@click.argument("system", metavar="SYSTEM", type=click.Choice(SYSTEMS))
@click.option("--data", type=click.Path(path_type=Path), help="Folder of a labelled data set.")
@_cases(1)
@click.option("--recipe", default="published", show_default=True, help="published, small, or a TOML file of changes.")
@click.option("--epochs", type=click.IntRange(1), help="Passes of the slice stage; default: the recipe's.")
@click.option("--steps", type=click.IntRange(1), help="Stop each stage after so many steps.")
@click.option("--device", type=click.Choice(DEVICES), help="Default: model.device.")
@click.option("--threads", type=click.IntRange(0), default=0, help="CPU threads; 0 leaves the choice to torch.")
@click.option("--start-from", type=click.Path(path_type=Path), help="A run whose weights are taken to begin with.")
@click.option("--pretrained/--scratch", default=True, show_default=True, help="ImageNet weights where reachable.")
def train(settings: Settings, **wishes: Any) -> None:
    """Train, or go on where a killed run stopped."""

    def act(say: Callable[[str], None]) -> None:
        from models.train.systems.command import TrainOptions
        from models.train.systems.command import train as run

        wishes["device"] = wishes["device"] or settings.model.device
        run(TrainOptions(**wishes), say)

    if bool(wishes["data"]) == bool(wishes["phantoms"]):
        raise BadUsage("train learns from --data FOLDER or from --phantoms N, one of them")
    _work("train", act)


@verb("evaluate", cls=WorkshopVerb, help="Judge a pack on a data set or on phantoms (train extra).")
@click.argument("path", type=click.Path(path_type=Path), required=False)
@_cases(FIRST_SEED)
@click.option("--pack", help="A bundled pack's name or a folder; default: model.pack.")
@click.option("--device", type=click.Choice(DEVICES), help="Default: model.device.")
@click.option("--threads", type=click.IntRange(0), help="CPU threads; default: model.threads.")
@click.option("--workers", type=click.IntRange(1), default=2, show_default=True, help="Processes that draw phantoms.")
@click.option("--pictures", is_flag=True, help="Show the worst cases of a data set too, not of phantoms alone.")
def evaluate(settings: Settings, **wishes: Any) -> None:
    """Write report.md, report.json and plots."""

    def act(say: Callable[[str], None]) -> None:
        from models.judge.command import EvaluateOptions
        from models.judge.command import evaluate as run

        model = settings.model
        wishes["pack"], wishes["device"] = wishes["pack"] or model.pack, wishes["device"] or model.device
        wishes["threads"] = (model.threads if wishes["threads"] is None else wishes["threads"]) or None
        run(EvaluateOptions(**wishes), say)

    if not wishes["path"] and not wishes["phantoms"]:
        raise BadUsage(_missing("evaluate") if _without_extra() else "evaluate takes PATH, --phantoms N, or both")
    _work("evaluate", act)


@verb(
    "export", cls=WorkshopVerb, help="Export a trained run to a model pack, or a pack to a smaller one (train extra)."
)
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder of the pack.")
@click.option("--fp16", "precision", flag_value="fp16", help="Half precision, for GPUs.")
@click.option("--int8", "precision", flag_value="int8", help="Quantised, for CPUs.")
@click.option("--smoothed", is_flag=True, help="Six-pass heat maps, for a system with one finding.")
def export(settings: Settings, run: Path, out: Path, precision: str | None, smoothed: bool) -> None:
    """Write graphs and card, checked against torch."""

    def act(say: Callable[[str], None]) -> None:
        from models.export.command import ExportOptions, export_run

        export_run(ExportOptions(run=run, out=out, precision=precision or "fp32", smoothed=smoothed), say)

    _work("export", act)
