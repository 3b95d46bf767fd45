"""The command itself: verbs, their shared options, and errors as one line with the mend."""

from __future__ import annotations

import functools
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from service import __version__
from service.errors import BadUsage, IchorError
from service.settings import Settings, load_settings

BAD_USAGE = 2
FAILED = 1
#: other people's loggers; a duty that skips a turn because the last one still runs is no news
NOISY = {
    "pynetdicom": logging.WARNING,
    "apscheduler": logging.ERROR,
    "alembic": logging.WARNING,
    "highdicom": logging.WARNING,
    "uvicorn": logging.WARNING,
}
LINE = "research use only, not for diagnosis; trained on synthetic data"


@click.group(help=f"Ichor, a triage node for head CT ({LINE}).", context_settings={"max_content_width": 110})
@click.version_option(__version__, prog_name="ichor")
def ichor() -> None:
    """Hold the verbs."""


def verb(name: str, **attributes: Any) -> Callable[[Callable[..., Any]], click.Command]:
    """Make a verb: it gets ``settings`` first and every error ends as one line."""
    return in_group(ichor, name, **attributes)


def in_group(group: click.Group, name: str, **attributes: Any) -> Callable[[Callable[..., Any]], click.Command]:
    """Make a verb inside a group of verbs."""

    def decorate(function: Callable[..., Any]) -> click.Command:
        @group.command(name, **attributes)
        @click.option("--config", type=click.Path(path_type=Path), help="Settings file (default: ichor.toml here).")
        @click.option("--debug", is_flag=True, help="Show the traceback of an error.")
        @functools.wraps(function)
        def run(config: Path | None, debug: bool, **values: Any) -> None:
            with_errors(debug, lambda: function(load_settings(config), **values))

        return run

    return decorate


def with_errors(debug: bool, act: Callable[[], Any]) -> None:
    """Run a verb; what it raises on purpose becomes one line and an exit code."""
    try:
        act()
    except BadUsage as problem:
        _leave(problem, BAD_USAGE, debug)
    except IchorError as problem:
        _leave(problem, FAILED, debug)


def _leave(problem: IchorError, code: int, debug: bool) -> None:
    if debug:
        raise problem
    click.echo(f"ichor: {problem}", err=True)
    sys.exit(code)


def config_arguments() -> list[str]:
    """Return the --config of this call, to be handed to child processes."""
    given = click.get_current_context().params.get("config")
    return ["--config", str(given)] if given else []


def start_logging(role: str) -> None:
    """One line per event on standard error, with the role that speaks."""
    logging.basicConfig(
        level=logging.INFO,
        stream=sys.stderr,
        format=f"%(asctime)s %(levelname)-7s {role:<8} %(message)s",
        force=True,
    )
    for noisy, level in NOISY.items():
        logging.getLogger(noisy).setLevel(level)


def shown(settings: Settings) -> str:
    """Say where the node listens."""
    node, web = settings.node, settings.web
    return f"DICOM {node.ae_title} at {node.host}:{node.port}, page at http://{web.host}:{web.port}/"


def main() -> None:
    """Enter here; the verbs' modules add themselves to the group."""
    # our matrices are small: threads of the linear algebra only fight the reader's own; set before numpy loads
    for library in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
        os.environ.setdefault(library, "1")
    from service.cli import look, operate, people, scans, serve, workshop

    assert all((look, operate, people, scans, serve, workshop))
    sys.exit(_enter())


def _enter() -> int:
    """Run the verb; wrong usage is one line with the mend, as every other error."""
    try:
        ichor(prog_name="ichor", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as problem:
        click.echo(problem.format_message())
        return BAD_USAGE
    except click.ClickException as problem:
        click.echo(f"ichor: {usage_sentence(problem)}", err=True)
        return BAD_USAGE
    except click.Abort:
        click.echo("ichor: stopped before it was done", err=True)
        return FAILED
    return 0


def usage_sentence(problem: click.ClickException) -> str:
    """Say what is wrong with the command line, and which help says how it is meant."""
    said = " ".join(problem.format_message().split()).rstrip(".")
    context = problem.ctx if isinstance(problem, click.UsageError) else None
    return f"{said}; {context.command_path if context else 'ichor'} --help says how"
