"""Every quit rule by name, and every reason why an episode ends.

To add a rule, write a module here with a `RULE` and add one line to `RULES`; its parameters are declared in
`settings.py`, as all settings are. The names of its reason in runs and reports follow from `REASONS`.
"""

from __future__ import annotations

from billp.errors import SettingsError
from billp.names import there_is_no
from billp.settings import SimulatorSettings
from billp.simulators.quit import category_window, distance, patience, personal, satiation
from billp.simulators.quit.reasons import HORIZON, LOW_REWARD, REPEAT, STAYS, Reason
from billp.simulators.quit.rule import RuleKind

RULES: dict[str, RuleKind] = {
    rule.name: rule
    for rule in (
        distance.RULE,
        category_window.RULE,
        personal.RULE,
        patience.RULE,
        satiation.RULE,
    )
}
"""The rules that `simulator.quit_rule` may name."""

REASONS: dict[str, Reason] = {
    reason.name: reason for reason in (STAYS, HORIZON, LOW_REWARD, REPEAT, *(rule.reason for rule in RULES.values()))
}
"""Every reason by its name, "" for an episode that goes on; rules that share a reason are one entry."""

REASON_NAMES: tuple[str, ...] = tuple(REASONS)
"""The names by code: arrays of reasons hold positions in this tuple."""


def rule_named(name: str) -> RuleKind:
    """Returns the rule called `name`; raises SettingsError naming similar ones if there is none."""
    if name not in RULES:
        raise SettingsError(there_is_no("quit rule", name, RULES))
    return RULES[name]


def code_of(reason: Reason) -> int:
    """Returns the reason's position in REASON_NAMES."""
    return REASON_NAMES.index(reason.name)


def rule_words(settings: SimulatorSettings) -> str:
    """Returns the rule in force with its parameters, and what is rounded, in one line for a caption."""
    rule = rule_named(settings.quit_rule)
    parts = [f"window {getattr(settings, rule.window)}"]
    parts += [f"{name.replace('_', ' ')} {getattr(settings, name):g}" for name in rule.parameters]
    parts += [] if settings.repeats else ["no repeats"]
    judged = "ratings in whole stars" if settings.judgement_rounding == "stars" else "ratings before rounding"
    paid = "whole stars" if settings.reward_rounding == "stars" else "unrounded ratings"
    return f"quit rule {settings.quit_rule} ({', '.join(parts)}) on {judged}, rewards in {paid}"
