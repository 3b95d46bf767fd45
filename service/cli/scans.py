"""``read``, ``phantom`` and ``practice``: scans from a folder, from a generator, over the network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from service.cli.program import LINE, verb
from service.errors import BadUsage
from service.settings import Settings

FINDINGS = click.Choice(
    ["none", "epidural", "intraparenchymal", "intraventricular", "subarachnoid", "subdural"], case_sensitive=False
)


@verb("read", help="Read a folder of DICOM files without network or database and print the verdict.")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--pack", help="A bundled pack's name or a folder; default: model.pack.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def read(settings: Settings, path: Path, pack: str | None, as_json: bool) -> None:
    """Print what the node would conclude."""
    from service.wiring import scans

    answer = scans.read_folder(settings, path, pack)
    if as_json:
        click.echo(json.dumps(answer, indent=1))
        return
    probability = answer["probability"]
    click.echo(f"verdict      {answer['verdict']}")
    click.echo(f"probability  {'-' if probability is None else f'{probability:.3f}'}")
    click.echo(f"why          {answer['why']}")
    for finding, value in answer["findings"].items():
        click.echo(f"  {finding:<18} {value:.3f}")
    click.echo(f"pack         {answer['pack']['name']} {answer['pack']['version']}")
    click.echo(LINE)


@verb("phantom", help="Write a synthetic head CT series as DICOM, with the truth beside it.")
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--finding", metavar="F", required=True, help=f"{', '.join(FINDINGS.choices)}, or kinds joined by +.")
@click.option("--seed", type=click.IntRange(min=0), required=True)
@click.option("--slices", type=click.IntRange(1, 400), default=32, show_default=True)
@click.option("--thickness", type=click.FloatRange(0.3, 12), default=5.0, show_default=True, help="In mm.")
@click.option(
    "--vendor", default="ge", show_default=True, help="Whose header habits: ge, siemens, philips, toshiba, canon."
)
@click.option(
    "--variety", type=click.FloatRange(0, 1), default=0.0, show_default=True,
    help="0 a clear case, 1 the full spread that readers are trained on.",
)  # fmt: skip
def phantom(settings: Settings, out: Path, **wish: Any) -> None:
    """Write a synthetic series."""
    from service.wiring import scans

    paths = scans.write_phantom(scans.PhantomWish(**wish), out)
    click.echo(f"{len(paths)} slices and truth.json in {out}")


@verb("practice", help="Send a synthetic head CT over DICOM.")
@click.option("--to", "address", help="HOST:PORT; default: this node.")
@click.option("--aet", help="Called AE title; default: this node's.")
@click.option("--finding", type=FINDINGS, default="intraparenchymal", show_default=True)
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True)
def practice(settings: Settings, address: str | None, aet: str | None, finding: str, seed: int) -> None:
    """Make a study and send it."""
    from service.wiring import scans

    host, port = _address(address) if address else (settings.node.host, settings.node.port)
    wish = scans.PhantomWish(finding=finding, seed=seed)
    study_uid = scans.send_practice(
        settings, wish, (host, port, settings.node.ae_title if aet is None else _title(aet))
    )
    click.echo(f"sent to {host}:{port}: study {study_uid}")


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise BadUsage(f"--to takes HOST:PORT with a port from 1 to 65535, not {text!r}")
    return host.strip("[]"), int(port)


def _title(text: str) -> str:
    """Check an AE title (PS3.5 6.2: at most 16 characters, not all spaces, no backslash)."""
    if not 0 < len(text.strip()) <= 16 or "\\" in text or not text.isascii() or not text.isprintable():
        raise BadUsage(f"--aet takes an AE title of 1 to 16 characters, not {text!r}")
    return text.strip()
