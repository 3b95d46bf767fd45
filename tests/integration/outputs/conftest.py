"""The made study of the unit tests, for the tests that run real programs on it."""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

ROOT = Path(__file__).parents[3]
_SPEC = spec_from_file_location("made_head_study", ROOT / "tests/unit/service/outputs/conftest.py")
assert _SPEC is not None
assert _SPEC.loader is not None
made = module_from_spec(_SPEC)
sys.modules[_SPEC.name] = made
_SPEC.loader.exec_module(made)

study, clear_study, make_study = made.study, made.clear_study, made.make_study
activation_at = made.activation_at
