"""A GPU that was counted on and is not there is announced; a plain CPU installation is not nagged."""

from __future__ import annotations

import pytest

from models.backends.onnx_ import _note


@pytest.mark.parametrize(
    ("asked", "got", "gpu_build", "loud"),
    [
        ("cuda", "cpu", False, True),
        ("cuda", "cpu", True, True),
        ("auto", "cpu", True, True),
        ("auto", "cpu", False, False),
        ("cpu", "cpu", True, False),
        ("auto", "cuda", True, False),
        ("cuda", "cuda", True, False),
    ],
)
def test_the_fallback_is_loud_where_it_matters(asked: str, got: str, gpu_build: bool, loud: bool) -> None:
    assert bool(_note(asked, got, gpu_build=gpu_build)) is loud
