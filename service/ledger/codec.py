"""Frozen dataclasses to JSON and back, checked on the way in."""

from __future__ import annotations

from collections.abc import Hashable
from functools import cache
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter

Noun = TypeVar("Noun")


@cache
def _adapter(cls: Hashable) -> TypeAdapter[Any]:
    return TypeAdapter(cast(Any, cls))


def to_json(noun: Any) -> Any:
    """Return plain lists, dicts, strings and numbers."""
    return _adapter(cast(Hashable, type(noun))).dump_python(noun, mode="json")


def from_json(cls: type[Noun], data: Any) -> Noun:
    """Rebuild a noun from what ``to_json`` made."""
    noun: Noun = _adapter(cast(Hashable, cls)).validate_python(data)
    return noun
