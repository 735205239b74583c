"""Recommenders that methods without an LLM need: opened, or made, by the method's name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from billp.agents.recommender import Recommender
from billp.experiments.baselines.runs import kept_policy
from billp.experiments.rivals import RunningRival
from billp.graphs.methods import method_named
from billp.graphs.services import Services


@dataclass(frozen=True)
class Opened:
    """A recommender, and what the record of a run says of it; both empty for methods that need none."""

    recommender: Recommender | None = None
    told: Mapping[str, object] = field(default_factory=dict)


def open_recommender(services: Services, method: str, name: str) -> Opened:
    """The recommender of `method` as `billp train` kept it under `name`, or as it is without training.

    Raises ArtifactError, with the remedy, where it has to be trained first.
    """
    chosen = method_named(method)
    if chosen.needs_policy:
        policy = kept_policy(services, method, name)
        return Opened(policy, {"policy": policy.record.sha256} if policy is not None else {})
    if chosen.chooser != "rival":
        return Opened()
    rival = RunningRival(services, method, services.worlds.train.settings.seed)
    told: dict[str, object] = {"rival": rival.chosen}
    if chosen.answers:
        told["policy"] = rival.learn_kept(services, method, name)
    return Opened(rival.recommender(explore=False), told)
