"""What every table of ichor.toml is made from: frozen, no unknown keys, each field documented."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class Section(BaseModel):
    """A table of ichor.toml: frozen, no unknown keys, each field documented."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
