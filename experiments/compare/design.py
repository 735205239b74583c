"""The design of a comparison: arms (a method with a prompt pack), users, seeds, and how much is learned first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from billp.agents.prompt_pack import PromptPack
from billp.errors import SettingsError
from billp.graphs.methods import Method, method_named

LOOKS = 5  # most times that a comparison with an early stop looks at its numbers
FEWEST = 20  # with fewer users an interval depends too much on their numbers being normally distributed


@dataclass(frozen=True)
class Arm:
    """One row of a comparison."""

    name: str
    method: Method
    pack: PromptPack


@dataclass(frozen=True)
class Design:
    """A comparison, fixed before its first episode.

    `users` test users meet every arm once with every seed. A learning arm first learns from `train_episodes` episodes
    with each seed, into a memory of its own. After each number of episodes in `probes` (increasing, all below
    `train_episodes`) the first `probe_users` of the test users are met with memory as it is then: this is the learning
    curve, whose last point comes from the evaluation itself. With `stop_early` the users are met in up to LOOKS
    portions, until every arm's R_traj differs from the base's. A method with a policy trains it once with each seed,
    for `epochs`, or for the budget in its hyperparameters if that is None.
    """

    dataset: str
    arms: tuple[Arm, ...]
    base: str
    train_episodes: int
    users: int
    seeds: tuple[int, ...]
    probes: tuple[int, ...]
    probe_users: int
    stop_early: bool
    epochs: int | None = None

    @property
    def looks(self) -> list[int]:
        """Numbers of users after which to look; the last one is all of them."""
        if not self.stop_early:
            return [self.users]
        portions = {round(self.users * look / LOOKS) for look in range(1, LOOKS)}
        return [*sorted(users for users in portions if FEWEST <= users < self.users), self.users]

    @property
    def trained(self) -> frozenset[str]:
        """The arms that are trained again with each seed."""
        return frozenset(arm.name for arm in self.arms if arm.method.trains)

    @property
    def episodes(self) -> int:
        """The most episodes that the comparison can take."""
        learning = sum(arm.method.learns for arm in self.arms)
        once = learning * (self.train_episodes + len(self.probes) * self.probe_users) + len(self.arms) * self.users
        return once * len(self.seeds)

    def left_out(self, plan: Mapping[str, Any]) -> list[str]:
        """Returns what a comparison with this `plan` has and this one lacks: arms, seeds, users."""
        arms = {arm.name for arm in self.arms}
        return [
            *(str(arm) for arm in plan["arms"] if arm not in arms),
            *(f"seed {seed}" for seed in plan["seeds"] if seed not in self.seeds),
            *([f"{plan['users']} users"] if plan["users"] > self.users else []),
        ]

    def plan(self) -> dict[str, Any]:
        """Returns the design in plain values, as stored with its results."""
        return {
            "command": "compare",
            "arms": {arm.name: {"method": arm.method.name, "prompts": arm.pack.digest} for arm in self.arms},
            "base": self.base,
            "train_episodes": self.train_episodes,
            "users": self.users,
            "seeds": list(self.seeds),
            **({"probe_users": self.probe_users, "probes": list(self.probes)} if self.probes else {}),
            "stop_early": self.stop_early,
            **({"epochs": self.epochs} if self.epochs is not None else {}),
        }


def arms_of(methods: Sequence[str], packs: Sequence[PromptPack]) -> tuple[Arm, ...]:
    """Returns every method with every pack; named METHOD, or METHOD@PACK if there are several packs.

    A method that asks no LLM reads no prompts and has one arm. Raises SettingsError for an unknown method or one named
    twice, and for packs that cannot be told apart.
    """
    if len(set(methods)) < len(methods):
        raise SettingsError(f"A method is named twice in {','.join(methods)}; name each once.")
    if len({pack.name for pack in packs}) < len(packs):
        raise SettingsError("Two prompt packs have the same folder name; rename one of the folders.")
    if len({pack.digest for pack in packs}) < len(packs):
        raise SettingsError("Two prompt packs hold the same words; there is nothing to compare.")
    arms = []
    for method in map(method_named, methods):
        if len(packs) == 1 or not method.needs_llm:
            arms.append(Arm(method.name, method, packs[0]))
        else:
            arms += [Arm(f"{method.name}@{pack.name}", method, pack) for pack in packs]
    return tuple(arms)


def checked(design: Design, batch: int) -> Design:
    """Returns the design itself; raises SettingsError if it is invalid.

    Memory is written between batches, so a probe can only see it at a multiple of `batch` episodes.
    """
    names = [arm.name for arm in design.arms]
    if len(names) < 2:
        raise SettingsError(f"There is only {', '.join(names) or 'nothing'} to compare; name two methods or two packs.")
    if design.base not in names:
        raise SettingsError(f"The base {design.base!r} is not compared; choose one of {', '.join(names)}.")
    for trained in design.probes:
        if trained >= design.train_episodes:
            raise SettingsError(
                f"A probe after {trained} episodes is none, as training has {design.train_episodes}; leave it out."
            )
        if trained % batch:
            raise SettingsError(
                f"A probe after {trained} episodes falls into a batch of {batch}; take a multiple of {batch} "
                "or change run.batch."
            )
    if design.probe_users > design.users:
        raise SettingsError(f"{design.probe_users} probe users are more than the {design.users} users; take fewer.")
    return design
