"""Secrets from the settings or from a file; they are read when they are needed and never written down."""

from __future__ import annotations

from pathlib import Path

from pydantic import SecretStr

from service.errors import DestinationDown


def reveal(value: SecretStr, file: Path | None) -> str:
    """Return the secret, empty where there is none."""
    if file is None:
        return value.get_secret_value()
    try:
        secret = file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as problem:
        reason = getattr(problem, "strerror", None) or "it is no text"
        raise DestinationDown(f"the secret in {file} cannot be read ({reason}): mend the file or its name") from None
    if not secret or len(secret.splitlines()) > 1:
        raise DestinationDown(f"{file} holds no secret: put it there alone, in one line")
    return secret
