"""Why episodes ended, in words: the reasons of the simulated users, and other endings."""

from __future__ import annotations

from collections.abc import Mapping

from billp.experiments.runs.episode_lines import EpisodeLine
from billp.simulators.quit.reasons import Reason
from billp.simulators.quit.registry import REASONS

_OTHERS = (
    Reason("left", "left", "left: a live person ended the episode"),
    Reason("failed", "failed", "the episode failed", left=False),
)
OUTCOMES: dict[str, Reason] = {name: reason for name, reason in REASONS.items() if name} | {
    other.name: other for other in _OTHERS
}
"""Every way in which an episode ends, by the name that runs store."""


def outcome(line: EpisodeLine) -> str:
    """Returns why the episode ended; `failed` if it has no output."""
    return "failed" if line.output is None else str(line.output["ended"])


def ended_words(counts: Mapping[str, int]) -> str:
    """Returns how many episodes ended in which way, as `stayed 12, too close 3`, the most frequent first."""
    ordered = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    return ", ".join(f"{outcome_words(name)[0]} {count}" for name, count in ordered) or "-"


def outcome_reason(name: str) -> Reason:
    """Returns the description of the outcome `name`; an unknown name describes itself."""
    words = name.replace("_", " ")
    return OUTCOMES.get(name, Reason(name, words, f"left: {words}", earlier="because of"))


def outcome_words(name: str) -> tuple[str, str]:
    """Returns the outcome `name` in a word or two, and in full."""
    reason = outcome_reason(name)
    return reason.brief, reason.words
