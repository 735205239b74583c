"""What the roles are shown: items and steps in clean words, nothing that only a simulator knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from billp.agents.prompt_pack import clean
from billp.catalogue import Item


@dataclass(frozen=True, slots=True)
class ShownItem:
    """An item in clean words."""

    title: str
    categories: tuple[str, ...]
    year: int | None


@dataclass(frozen=True, slots=True)
class ShownStep:
    """A past step in clean words; `number` counts from 1, `reward` is the user's answer in stars."""

    number: int
    title: str
    categories: tuple[str, ...]
    reward: int
    year: int | None = None


@dataclass(frozen=True, slots=True)
class AgentObservation:
    """What the agents know of one user at one moment: what was liked before, and the steps so far."""

    history: tuple[Item, ...]
    recommended: tuple[Item, ...] = ()
    rewards: tuple[int, ...] = ()

    def recent(self, count: int) -> tuple[Item, ...]:
        """Returns the last `count` items, history first, oldest first: a state in the paper's sense."""
        return (self.history + self.recommended)[-count:]

    def shown_history(self) -> list[ShownItem]:
        """Returns the history in clean words."""
        return [show(item) for item in self.history]

    def shown_steps(self, at_least: int) -> list[ShownStep]:
        """Returns the last steps in clean words: between `at_least` and twice as many.

        The window moves in jumps of `at_least` steps: between jumps a prompt only grows at its end, and the server's
        prefix cache serves everything before.
        """
        start = max(0, len(self.recommended) // at_least - 1) * at_least
        rows = list(zip(self.recommended, self.rewards, strict=True))[start:]
        return [
            ShownStep(number, shown.title, shown.categories, reward, shown.year)
            for number, (item, reward) in enumerate(rows, start=start + 1)
            for shown in [show(item)]
        ]


def show(item: Item) -> ShownItem:
    """Returns an item in clean words."""
    return ShownItem(clean(item.title), tuple(clean(category, 40) for category in item.categories), item.year)


def titles(items: Sequence[Item]) -> list[str]:
    """Returns titles in clean words, each once, in order."""
    return list(dict.fromkeys(clean(item.title) for item in items))
