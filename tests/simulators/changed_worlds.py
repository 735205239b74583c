"""The tiny world under other settings, for tests that need a certain rule, window or patience."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from billp.simulators.env.world import Split, World
from billp.simulators.quit.registry import RULES as RULES_BY_NAME
from tests.fakes.worlds import tiny_worlds

RULES = tuple(RULES_BY_NAME)
WINDOWS = {name: rule.window for name, rule in RULES_BY_NAME.items()}


def world_with(beta: float | None = None, split: Split = "train", **settings: Any) -> World:
    """A tiny world whose settings are changed; `beta` None leaves the world's own."""
    world = tiny_worlds().train if split == "train" else tiny_worlds().test
    changed = world.settings.model_copy(update=settings)
    return replace(world, settings=changed, beta=world.beta if beta is None else beta)


def lenient(window: int = 3, **settings: Any) -> World:
    """Users who leave only when one of the last `window` items comes again."""
    patient = {"patience": 1e6, "satiation_tolerance": 1e6, "personal_window": window}
    return world_with(beta=0.0, window=window, min_reward=0.0, **(patient | settings))
