"""`ichor evaluate`: read, judge, write."""

from collections.abc import Callable

from models.judge.options import EvaluateOptions

__all__ = ["EvaluateOptions", "evaluate"]

Say = Callable[[str], None]


def evaluate(options: EvaluateOptions, say: Say) -> None:
    """The whole walk from cases to report."""
    raise NotImplementedError
