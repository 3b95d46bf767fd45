"""Whether a series is one the node reads: a card of checks, each with what was found and why it matters. Pure."""

from __future__ import annotations

from service.domain.checks import ORDER, CheckName, blocks_reading
from service.domain.series import Check
from service.settings import SuitabilitySettings
from service.suitability import header_rules, stack_rules
from service.suitability.look_rules import head
from service.suitability.subject import Rule, SeriesToJudge

__all__ = ["SeriesToJudge", "early_refusal", "judge"]

#: what more slices of the same series cannot mend
EARLY: tuple[Rule, ...] = (
    *(rule for rule in header_rules.RULES if rule is not header_rules.known_class),
    stack_rules.thickness,
)
#: what is no CT image at all is not asked anything more
FIRST: tuple[Rule, ...] = (header_rules.modality, header_rules.sop_class)
RULES: tuple[Rule, ...] = (*header_rules.RULES, *stack_rules.RULES, head)


def judge(series: SeriesToJudge, settings: SuitabilitySettings) -> tuple[Check, ...]:
    """Return the whole card, in the order a radiologist would object.

    ``service.domain.checks`` says what a failed line forbids: ``blocks_reading``, ``blocks_negative``.
    """
    return _card(RULES, series, settings)


def early_refusal(series: SeriesToJudge, settings: SuitabilitySettings) -> Check | None:
    """Return why slices of this series need not be read while others still arrive; None when they are worth it."""
    return next(iter(blocks_reading(_card(EARLY, series, settings))), None)


def _card(rules: tuple[Rule, ...], series: SeriesToJudge, settings: SuitabilitySettings) -> tuple[Check, ...]:
    first = [rule(series, settings) for rule in FIRST]
    rest = [rule for rule in rules if rule not in FIRST] if all(one.passed for one in first) else []
    checks = [*first, *(rule(series, settings) for rule in rest)]
    return tuple(sorted(checks, key=lambda one: ORDER[CheckName(one.name)]))
