"""The documents tell the truth: each setting, verb, error and transition stands in them."""

from __future__ import annotations

import re
from pathlib import Path

from click import Group
from pydantic import BaseModel

from service import __version__, errors
from service.cli.program import ichor
from service.domain.delivery import DELIVERY_TRANSITIONS
from service.domain.job import TRANSITIONS
from service.domain.notice import NOTICE_TRANSITIONS
from service.settings import Settings

ROOT = Path(__file__).parents[2]


def text(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def fields(section: type[BaseModel], prefix: str = "") -> dict[str, str]:
    found: dict[str, str] = {}
    for name, field in section.model_fields.items():
        inner = field.annotation if isinstance(field.annotation, type) else (field.annotation.__args__ or [None])[0]
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            found |= fields(inner, f"{name}.")
        else:
            found[prefix + name] = " ".join((field.description or "").split())
    return found


def test_every_setting_is_documented_with_its_own_words() -> None:
    page = text("docs/settings.md")
    for name, description in fields(Settings).items():
        assert f"`{name}`" in page, name
        assert description, f"{name} has no docstring"
        assert description in page, f"docs/settings.md says something else about {name}: run scripts/make-docs"


def verbs(group: Group, prefix: str = "") -> list[str]:
    found = []
    for name, command in group.commands.items():
        found += verbs(command, f"{prefix}{name} ") if isinstance(command, Group) else [f"{prefix}{name}"]
    return found


def test_every_verb_is_documented() -> None:
    import service.cli.look
    import service.cli.operate
    import service.cli.people
    import service.cli.scans
    import service.cli.serve
    import service.cli.workshop  # noqa: F401

    page = text("docs/commands.md")
    for verb in verbs(ichor):
        assert f"`ichor {verb}" in page, verb


def test_the_tree_of_errors_is_drawn() -> None:
    drawn = errors.__doc__ or ""
    for name, thing in vars(errors).items():
        if isinstance(thing, type) and issubclass(thing, Exception):
            assert name in drawn


def test_the_life_cycles_are_those_of_the_code() -> None:
    page = text("docs/corridor.md")
    for (before, event), after in [*TRANSITIONS.items(), *DELIVERY_TRANSITIONS.items()]:
        assert f"{before.value} --> {after.value}: {event.value}" in page


def test_the_life_of_a_notice_is_that_of_the_code() -> None:
    page = text("docs/notify.md")
    for (before, event), after in NOTICE_TRANSITIONS.items():
        assert f"{before.value} --> {after.value}: {event.value}" in page


def test_newest_changelog_entry_is_this_version() -> None:
    newest = re.search(r"^## \[([^\]]+)\]", text("CHANGELOG.md"), re.MULTILINE)
    assert newest
    assert newest.group(1) == __version__
    assert f'version = "{__version__}"' in text("pyproject.toml")


def test_research_use_stands_where_people_look() -> None:
    line = "research use only, not for diagnosis; trained on synthetic data"
    for name in ("README.md", "docs/model-card.md", "docs/result-objects.md", "docs/conformance.md", "docs/notify.md"):
        assert line in text(name).lower(), name


def test_no_machine_paths_or_registry_hosts() -> None:
    pattern = re.compile(r"/work/|/root/|pypi\.org|deb\.debian\.org|registry\.npmjs\.org")
    for path in [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("service/**/*.py"),
        *ROOT.glob("models/**/*.py"),
    ]:
        assert not pattern.search(path.read_text("utf-8")), path


def test_every_path_of_the_api_is_documented() -> None:
    page = text("docs/api.md")
    source = "".join(file.read_text("utf-8") for file in (ROOT / "service/worklist").glob("*.py"))
    routes = re.findall(
        r'@router\.(get|post)\("(/(?:worklist|studies|queue|deliveries|notices|undelivered)[^"]*)"',
        text("service/worklist/api.py") + text("service/worklist/proof.py"),
    )
    assert len(routes) == 8
    for method, path in routes:
        wanted = path.replace("{study_uid}", "{uid}").replace("{delivery_id}", "{id}").replace("{notice_id}", "{id}")
        assert f"`{method.upper()} /api{wanted}" in page, path
    for path in ("/healthz", "/readyz", "/metrics"):
        assert f'"{path}"' in source and f"`GET {path}`" in page
