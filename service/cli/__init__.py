"""The verbs of the command ``ichor``; each file is a family of verbs, none imports torch."""

from service.cli.program import main

__all__ = ["main"]
