"""Writes docs/settings.md and the generated blocks of docs/corridor.md from the code itself."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from service.domain.delivery import DELIVERY_TRANSITIONS  # noqa: E402
from service.domain.job import TRANSITIONS  # noqa: E402
from service.domain.notice import NOTICE_TRANSITIONS  # noqa: E402
from service.section import Section  # noqa: E402
from service.settings import Settings  # noqa: E402

INTRO = """# Settings

`ichor.toml` in the folder where the node is started (or `--config FILE`), each key also as
`ICHOR__SECTION__KEY` in the environment (the environment wins). A value in the environment is written as in TOML;
plain text needs no quotes; a list of tables is given whole, for example
`ICHOR__DESTINATIONS='[{name="pacs", ae_title="ORTHANC", host="10.0.0.9", port=4242}]'`.
An unknown key stops the start and names its neighbour. The settings are read once, at the start.

This page is written by `scripts/make-docs` from the code, and a test keeps it true.
"""


def shown(value: Any) -> str:
    """Write a default as TOML would."""
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple | list):
        return "[" + ", ".join(shown(one) for one in value) + "]"
    if isinstance(value, int | float):
        return f"{value:g}"
    return f'"{value}"'


def section(name: str, cls: type[Section], many: bool) -> str:
    """Describe one table."""
    heading = f"[[{name}]]" if many else f"[{name}]"
    lines = [f"\n## `{heading}`\n", f"{cls.__doc__}\n", "| key | default | meaning |", "|---|---|---|"]
    for key, field in cls.model_fields.items():
        default = "(required)" if field.is_required() else f"`{shown(field.default)}`"
        lines.append(f"| `{name}.{key}` | {default} | {' '.join((field.description or '').split())} |")
    return "\n".join(lines) + "\n"


def settings_page() -> str:
    """Describe every table."""
    parts = [INTRO]
    for name, field in Settings.model_fields.items():
        annotation = field.annotation
        many = not isinstance(annotation, type)
        parts.append(section(name, annotation.__args__[0] if many else annotation, many))
    return "".join(parts)


def diagram(table: dict[Any, Any]) -> str:
    """Draw a transition table."""
    lines = ["```mermaid", "stateDiagram-v2"]
    lines += [f"    {before.value} --> {after.value}: {event.value}" for (before, event), after in table.items()]
    return "\n".join([*lines, "```"])


def fill(page: str, mark: str, content: str) -> str:
    """Replace what stands between a pair of marks."""
    pattern = re.compile(rf"(<!-- {mark} -->\n).*?(\n<!-- /{mark} -->)", re.DOTALL)
    assert pattern.search(page), mark
    return pattern.sub(lambda found: found.group(1) + content + found.group(2), page)


corridor = ROOT / "docs/corridor.md"
page = fill(corridor.read_text("utf-8"), "job", diagram(TRANSITIONS))
corridor.write_text(fill(page, "delivery", diagram(DELIVERY_TRANSITIONS)), "utf-8")
notify = ROOT / "docs/notify.md"
notify.write_text(fill(notify.read_text("utf-8"), "notice", diagram(NOTICE_TRANSITIONS)), "utf-8")
(ROOT / "docs/settings.md").write_text(settings_page(), "utf-8")
