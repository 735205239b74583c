"""Recommenders that methods without an LLM need: opened, or made, by the method's name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from billp.agents.recommender import Recommender
from billp.experiments.policies.training import kept_policy
from billp.experiments.runs.rival import RunningRival
from billp.graphs.dependencies import Dependencies
from billp.graphs.methods import method_named


@dataclass(frozen=True)
class Opened:
    """A recommender, and what the record of a run says of it; both empty for methods that need none."""

    recommender: Recommender | None = None
    told: Mapping[str, object] = field(default_factory=dict)


def open_recommender(deps: Dependencies, method: str, name: str) -> Opened:
    """The recommender of `method` as `billp train` kept it under `name`, or as it is without training.

    Raises ArtifactError, with the remedy, where it has to be trained first.
    """
    chosen = method_named(method)
    if chosen.needs_policy:
        policy = kept_policy(deps, method, name)
        return Opened(policy, {"policy": policy.record.sha256} if policy is not None else {})
    if chosen.chooser != "rival":
        return Opened()
    rival = RunningRival(deps, method, deps.worlds.train.settings.seed)
    told: dict[str, object] = {"rival": rival.chosen}
    if chosen.answers:
        told["policy"] = rival.learn_kept(deps, method, name)
    return Opened(rival.recommender(explore=False), told)
