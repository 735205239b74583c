"""The episodes that a run consists of, fixed before it starts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class EpisodePlan:
    """One episode to run. `id` is unique in the run; `batch` counts from 0; `ordinal` orders the episodes."""

    id: str
    ordinal: int
    batch: int
    user: str
    seed: int
    split: Literal["train", "test"]
    learn: bool


def training_plan(users: list[str], episodes: int, batch: int, seed: int) -> list[EpisodePlan]:
    """Returns `episodes` training episodes over `users` in order, starting over when they run out."""
    return [
        EpisodePlan(
            id=f"train-{seed}-{number}",
            ordinal=number,
            batch=number // batch,
            user=users[number % len(users)],
            seed=seed,
            split="train",
            learn=True,
        )
        for number in range(episodes)
    ]


def evaluation_plan(users: list[str], seeds: list[int], split: Literal["train", "test"] = "test") -> list[EpisodePlan]:
    """Returns one episode per user and seed; ids do not name the method, so that compared methods share seeds."""
    return [
        EpisodePlan(
            id=f"{split}-{seed}-{user}", ordinal=number, batch=0, user=user, seed=seed, split=split, learn=False
        )
        for number, (seed, user) in enumerate((seed, user) for seed in seeds for user in users)
    ]
