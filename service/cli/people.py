"""``user`` and ``token``: who may use the page and the API."""

from __future__ import annotations

import sys

import click

from service.cli.program import ichor, in_group
from service.errors import BadUsage
from service.settings import Settings

ROLE = click.Choice(["reader", "admin"])


@ichor.group(help="Who may use the page.")
def user() -> None:
    """Hold the verbs."""


@ichor.group(help="Tokens for the API.")
def token() -> None:
    """Hold the verbs."""


@in_group(user, "add", help="Add a user.")
@click.argument("name")
@click.option("--role", type=ROLE, default="reader", show_default=True)
@click.option("--password", help="Asked for when not given.")
def add(settings: Settings, name: str, role: str, password: str | None) -> None:
    """Add a user."""
    from service.wiring import verbs

    verbs.add_user(settings, name, role, password or _asked())
    click.echo(f"user {name} may enter as {role}")


def _asked() -> str:
    if not sys.stdin.isatty():
        raise BadUsage("there is no terminal to ask for the password: give --password")
    said: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    return said


@in_group(user, "remove", help="Remove a user; sessions end at once.")
@click.argument("name")
def remove(settings: Settings, name: str) -> None:
    """Remove a user."""
    from service.wiring import verbs

    verbs.remove_user(settings, name)
    click.echo(f"user {name} is gone")


@in_group(user, "list", help="List the users.")
def listing(settings: Settings) -> None:
    """List users and roles."""
    from service.wiring import verbs

    for name, role in verbs.list_users(settings):
        click.echo(f"{name}\t{role}")


@in_group(token, "create", help="Make a token and print it alone; it is shown only now.")
@click.option("--role", type=ROLE, required=True)
def create(settings: Settings, role: str) -> None:
    """Print a fresh token."""
    from service.wiring import verbs

    click.echo(verbs.create_token(settings, role))
