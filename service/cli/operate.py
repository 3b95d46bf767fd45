"""``replay``, ``retry``, ``purge`` and ``migrate``: operating the queue by hand."""

from __future__ import annotations

import click

from service.cli.program import verb
from service.settings import Settings


@verb("replay", help="Read and send a study again; the same input makes the same objects.")
@click.argument("study_uid")
def replay(settings: Settings, study_uid: str) -> None:
    """Offer the study's jobs again."""
    from service.wiring import verbs

    verbs.replay(settings, study_uid)
    click.echo("offered again")


@verb("retry", help="Send a delivery again.")
@click.argument("delivery", type=int)
def retry(settings: Settings, delivery: int) -> None:
    """Queue a delivery again."""
    from service.wiring import verbs

    verbs.retry(settings, delivery)
    click.echo("queued again")


@verb("purge", help="Delete delivered studies older than the retention says, and print what went.")
@click.option("--days", type=click.FloatRange(min=0, min_open=True), help="Instead of disk.retention_days.")
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
def purge(settings: Settings, days: float | None, dry_run: bool) -> None:
    """Throw away what is old and delivered."""
    from service.wiring import verbs

    for study_uid in verbs.purge(settings, days, dry_run):
        click.echo(study_uid)


@verb("migrate", help="Bring the database to this version.")
def migrate(settings: Settings) -> None:
    """Run the missing migrations."""
    from service.wiring import verbs

    click.echo(f"the database stands at revision {verbs.migrate(settings)}")
