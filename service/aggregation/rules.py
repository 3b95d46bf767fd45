"""From slices to series to study, one door for the three steps. Pure: no clock, no file, no model."""

from __future__ import annotations

from service.aggregation.series_rules import SeriesToConclude, conclude_series, key_slices
from service.aggregation.slice_rules import Mark, decide, required_count, run_rule, share_rule, slice_threshold
from service.aggregation.study_rules import conclude_study

__all__ = [
    "Mark", "SeriesToConclude", "conclude_series", "conclude_study", "decide", "key_slices", "required_count",
    "run_rule", "share_rule", "slice_threshold",
]  # fmt: skip
