"""Why episodes ended, in words."""

from __future__ import annotations

from experiments.records import EpisodeLine

OUTCOMES = {
    "too_close": ("too close", "left: the last item was too close to a recent one"),
    "low_reward": ("disappointed", "left: the last item disappointed"),
    "same_category": ("bored", "left: too many recent items shared a category with the last one"),
    "repeat": ("repeat", "left: the last item had been shown before"),
    "horizon": ("stayed", "stayed to the horizon"),
    "left": ("left", "a live person left"),
    "failed": ("failed", "the episode failed"),
}
"""In a word or two, and in full."""


def outcome(line: EpisodeLine) -> str:
    """Why the episode ended; `failed` where it has no output."""
    return "failed" if line.output is None else str(line.output["ended"])


def outcome_words(name: str) -> tuple[str, str]:
    """The outcome `name` in a word or two, and in full."""
    words = name.replace("_", " ")
    return OUTCOMES.get(name, (words, f"left: {words}"))
