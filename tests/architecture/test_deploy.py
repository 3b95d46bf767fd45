"""What is deployed speaks of settings, verbs and files that exist."""

from __future__ import annotations

import re
from pathlib import Path

from service.settings import Settings

ROOT = Path(__file__).parents[2]


def test_every_environment_key_exists_in_the_settings() -> None:
    text = "".join((ROOT / name).read_text("utf-8") for name in ("Dockerfile", "docker-compose.yml"))
    keys = set(re.findall(r"ICHOR__(\w+?)__(\w+)\b", text))
    assert keys
    for section, key in keys:
        assert key.lower() in type(getattr(Settings(), section.lower())).model_fields


def test_what_the_image_copies_exists() -> None:
    copied = re.findall(r"^COPY (.+) \S+$", (ROOT / "Dockerfile").read_text("utf-8"), re.MULTILINE)
    for name in " ".join(copied).split():
        assert (ROOT / name).exists(), name
