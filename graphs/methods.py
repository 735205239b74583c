"""Methods: settings of one graph, not copies of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from errors import SettingsError


@dataclass(frozen=True, slots=True)
class Method:
    """What one method does on its way through the graph.

    `chooser`: who picks the item. `shortlist` draws evenly from the Actor's shortlist, `oracle` knows what the
    simulated user would answer: bounds to judge the others by. `policy` asks a policy that reinforcement learning
    trained beforehand. `thinks`: the Planner writes thoughts. `recalls`: which reflections it reads, the most similar
    to the user (BiLLP) or the latest (Reflexion). `micro`: experiences are read and written. `critic`: the Critic's
    advantage labels them; without it the reward alone does.
    """

    name: str
    chooser: Literal["llm", "random", "popular", "shortlist", "oracle", "policy"] = "llm"
    thinks: bool = False
    recalls: Literal["none", "latest", "similar"] = "none"
    micro: bool = False
    critic: bool = True

    @property
    def learns(self) -> bool:
        """Whether episodes leave anything in memory."""
        return self.micro or self.recalls != "none"

    @property
    def needs_llm(self) -> bool:
        """Whether any mind is asked."""
        return self.chooser == "llm"

    @property
    def needs_policy(self) -> bool:
        """Whether it recommends what a trained policy says."""
        return self.chooser == "policy"


METHODS: Mapping[str, Method] = {
    method.name: method
    for method in (
        Method("billp", thinks=True, recalls="similar", micro=True),
        Method("billp-no-macro", thinks=True, micro=True),
        Method("billp-no-micro", thinks=True, recalls="similar"),
        Method("billp-no-critic", thinks=True, recalls="similar", micro=True, critic=False),
        Method("reflexion", thinks=True, recalls="latest"),
        Method("react", thinks=True),
        Method("act-only"),
        Method("random", chooser="random"),
        Method("popular", chooser="popular"),
        Method("shortlist-random", chooser="shortlist"),
        Method("oracle", chooser="oracle"),
        *(Method(name, chooser="policy") for name in ("dqn", "sqn", "bcq", "cql", "crr", "a2c", "dorl", "ppo")),
    )
}

SERVED = [name for name, method in METHODS.items() if not method.needs_policy]
"""What `langgraph dev` offers: it opens no trained policies."""


def method_named(name: str) -> Method:
    """The method called `name`; raises SettingsError listing the names there are."""
    try:
        return METHODS[name]
    except KeyError:
        raise SettingsError(f"There is no method {name!r}; choose one of {', '.join(METHODS)}.") from None
