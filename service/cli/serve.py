"""``ichor serve``: the node, all roles or some."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable

import click

from service.cli.program import config_arguments, shown, start_logging, verb
from service.errors import BadUsage
from service.section import LOOPBACK
from service.settings import Settings
from service.supervise import python_command, supervise, watch_leash

ROLES = ("receive", "read", "deliver", "web", "tend")
PRACTICE_ROLE = "practice"


@verb("serve", help="Run the node: all roles, each in its own process, or those named.")
@click.option("--practice", is_flag=True, help="Add a practice archive and two synthetic head CTs; loopback only.")
@click.option("--roles", default=",".join(ROLES), help="Comma-separated subset of: " + ", ".join(ROLES))
@click.option("--leashed", is_flag=True, hidden=True, help="Stop when standard input ends.")
@click.option("--beside", default="", hidden=True, help="All roles of the node this process is a part of.")
def serve(settings: Settings, practice: bool, roles: str, leashed: bool, beside: str) -> None:
    """Run one role here, several as supervised processes."""
    wanted = _wanted(roles, practice)
    if practice and {settings.node.host, settings.web.host} - LOOPBACK:
        raise BadUsage(
            "--practice needs no login and therefore stays on loopback: set node.host and web.host to 127.0.0.1"
        )
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    if len(wanted) == 1:
        if leashed:
            watch_leash(stop)
        _run_here(settings, wanted[0], practice, stop, beside.split(",") if beside else wanted)
    else:
        _run_apart(settings, wanted, practice, stop)


def _wanted(roles: str, practice: bool) -> list[str]:
    names = [name.strip() for name in roles.split(",") if name.strip()]
    known = (*ROLES, PRACTICE_ROLE)
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        raise BadUsage(f"unknown role {', '.join(unknown) or '(none)'}; known: {', '.join(ROLES)}")
    if practice and len(names) > 1:
        names.append(PRACTICE_ROLE)
    return names


def _run_here(settings: Settings, role: str, practice: bool, stop: threading.Event, together: list[str]) -> None:
    start_logging(role)
    from service.wiring import roles as node

    own = node.practising(settings) if practice else settings
    node.run_role(own, role, stop, node.Surroundings(roles=frozenset(together), open_door=practice))


def _run_apart(settings: Settings, roles: list[str], practice: bool, stop: threading.Event) -> None:
    start_logging("node")
    from service.wiring import roles as node

    node.prepare(settings, roles)
    handed_on = [*config_arguments(), *(["--practice"] if practice else [])]

    def command_of(role: str) -> list[str]:
        return python_command("serve", "--roles", role, "--leashed", "--beside", ",".join(roles), *handed_on)

    click.echo(f"starting {', '.join(roles)} ...", err=True)
    supervise(roles, command_of, stop, _say_ready_once(settings, roles))
    click.echo("stopped", err=True)


def _archive(settings: Settings) -> str:
    from service.wiring.roles import PRACTICE_NAME

    where, beside = settings.node.data_dir.resolve() / PRACTICE_NAME, settings.practice
    return f"DICOM {beside.ae_title} at 127.0.0.1:{beside.port}, objects in {where}"


def _say_ready_once(settings: Settings, roles: list[str]) -> Callable[[], None]:
    from service.wiring import roles as node

    ready = node.readiness(settings, roles)
    said = False

    def look() -> None:
        nonlocal said
        if not said and ready():
            said = True
            click.echo(f"ready: {shown(settings)}, data in {settings.node.data_dir.resolve()}", err=True)
            if PRACTICE_ROLE in roles:
                click.echo(f"practice archive: {_archive(settings)}", err=True)

    return look
