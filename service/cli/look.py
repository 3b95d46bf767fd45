"""``status``, ``doctor`` and ``pack``: is it well, and if not, what mends it."""

from __future__ import annotations

import json
import sys

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
def doctor(settings: Settings) -> None:
    """Check everything that can be checked from here."""
    from service.wiring import health

    failed = 0
    for finding in health.doctor(settings):
        failed += not finding.well
        mark = click.style("ok  ", fg="green") if finding.well else click.style("FAIL", fg="red")
        click.echo(f"{mark} {finding.subject}: {finding.text}")
        if finding.mend:
            click.echo(f"     mend: {finding.mend}")
    sys.exit(1 if failed else 0)


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
