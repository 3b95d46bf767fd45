"""``status``, ``doctor`` and ``pack``: is it well, and if not, what mends it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from service.cli.program import BAD_USAGE, ichor, in_group, verb
from service.settings import Settings


@verb("status", help="Queue, oldest case, workers, deliveries, disk; exit 0 healthy, 1 degraded, 2 not reachable.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def status(settings: Settings, as_json: bool) -> None:
    """Say how the node does."""
    from service.wiring import health

    report = health.status(settings)
    if as_json:
        click.echo(json.dumps(report.as_dict(), indent=1))
    else:
        for line in report.lines():
            click.echo(line)
    sys.exit(report.exit_code)


@verb("doctor", help="Check settings, ports, database, pack, disk and destinations; say the mend of each failure.")
@click.option(
    "--preview", "out", metavar="OUT", type=click.Path(path_type=Path),
    help="Instead: make each result object that the destinations ask for from a synthetic head, into the folder OUT, "
    "and validate it; exit 0 when all are valid.",
)  # fmt: skip
def doctor(settings: Settings, out: Path | None) -> None:
    """Check everything that can be checked from here."""
    sys.exit(1 if (_check(settings) if out is None else _preview(settings, out)) else 0)


def _check(settings: Settings) -> int:
    """Print the findings and count the failures."""
    from service.wiring import health

    failed = 0
    for finding in health.doctor(settings):
        failed += not finding.well
        _mark(finding.well, f"{finding.subject}: {finding.text}")
        if finding.mend:
            click.echo(f"     mend: {finding.mend}")
    return failed


def _preview(settings: Settings, out: Path) -> int:
    """Print a line per object and count those that were not found valid."""
    from service.wiring.preview import preview

    failed = 0
    for one in preview(settings, out):
        failed += not one.well
        _mark(one.well, one.text)
        for error in one.errors:
            click.echo(f"     {error}")
    return failed


def _mark(well: bool, text: str) -> None:
    mark = click.style("ok  ", fg="green") if well else click.style("FAIL", fg="red")
    click.echo(f"{mark} {text}")


@ichor.group(help="Model packs.")
def pack() -> None:
    """Hold the verbs."""


@in_group(pack, "list", help="List the bundled packs.")
def pack_list(settings: Settings) -> None:
    """List the bundled packs."""
    from service.wiring import packs

    for line in packs.names():
        click.echo(line)


@in_group(pack, "show", help="Show a pack's card.")
@click.argument("name", default="default")
def pack_show(settings: Settings, name: str) -> None:
    """Show a pack's card."""
    from service.wiring import packs

    for key, value in packs.card(name):
        click.echo(f"{key:<16} {value}")


@in_group(pack, "verify", help="Check the weights and graphs of a pack against its card; one line per failure.")
@click.argument("name")
def pack_verify(settings: Settings, name: str) -> None:
    """Check a pack part by part."""
    from service.wiring import packs

    failed = 0
    for one in packs.verify(name):
        failed += not one.well
        click.echo(f"{'ok  ' if one.well else 'ichor:'} {one.subject}: {one.text}", err=not one.well)
    if failed:
        sys.exit(BAD_USAGE)
    click.echo(packs.identity(name))
