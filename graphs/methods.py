"""Methods: settings of one graph, not copies of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypedDict

from billp.errors import SettingsError
from billp.names import there_is_no
from billp.settings import Settings

Chooser = Literal["llm", "memory", "random", "popular", "shortlist", "oracle", "policy", "rival"]
Recalls = Literal["none", "latest", "similar"]


class _Roles(TypedDict):
    """What the rows of billp have in common."""

    chooser: Chooser
    thinks: bool
    recalls: Recalls
    plans: bool
    knows: bool


@dataclass(frozen=True, slots=True)
class Method:
    """What one method does on its way through the graph.

    `chooser`: who picks the item. `memory` takes, of the whole catalogue, what memory expects most of
    (`graphs.ranking`); `llm` asks the LLM to choose from a shortlist; `policy` asks a policy that reinforcement
    learning trained beforehand, and `rival` a re-ranker or bandit (`baselines.rivals`); `shortlist` draws evenly from
    the Actor's shortlist; `oracle` knows what the simulated user would answer: bounds to judge the others by.
    `thinks`: the Planner writes thoughts. `recalls`: which reflections it reads, the most similar to the user (BiLLP)
    or the latest (Reflexion). `plans`: their evidence makes a typed plan. `macro`: what makes users leave is learned
    from whole episodes, and decides first. `micro`: what single answers say of items is learned. `critic`: the Critic's
    advantage labels experiences; without it the reward alone does. `answers`: without a memory, it learns from what
    users answered in training episodes. `knows`: what the LLM says of items counts in what is liked, as far as ratings
    and answers prove it right. `uses_logs`: it reads the ratings in the train users' logs, which the other
    methods never see. `tuned`: some of its numbers are chosen in the train world, again with each seed. `settings`:
    those that are part of the method, by dotted name; they hold whatever the application's settings say.
    """

    name: str
    chooser: Chooser = "llm"
    thinks: bool = False
    recalls: Recalls = "none"
    plans: bool = False
    macro: bool = False
    micro: bool = False
    critic: bool = True
    answers: bool = False
    knows: bool = False
    uses_logs: bool = False
    tuned: bool = False
    settings: Mapping[str, object] = field(default_factory=dict, hash=False)

    @property
    def remembers(self) -> bool:
        """Whether episodes leave anything in memory."""
        return self.experiences or self.recalls != "none"

    @property
    def experiences(self) -> bool:
        """Whether single steps are remembered."""
        return self.micro or self.macro

    @property
    def learns(self) -> bool:
        """Whether it learns from training episodes, into memory or by counting answers."""
        return self.remembers or self.answers

    @property
    def trains(self) -> bool:
        """Whether a comparison trains it again with each seed, so that one seed says little of the next."""
        return self.learns or self.needs_policy or self.tuned

    @property
    def needs_llm(self) -> bool:
        """Whether any role is asked."""
        return self.chooser == "llm" or self.thinks

    @property
    def together(self) -> bool:
        """Whether many users are met at once, as arrays: nothing is asked, recalled or judged on the way."""
        return not self.needs_llm and self.recalls == "none"

    @property
    def needs_policy(self) -> bool:
        """Whether it recommends what a trained policy says."""
        return self.chooser == "policy"


_AS_PUBLISHED: Mapping[str, object] = {
    "planner.steps": 1,  # a thought before every item
    "actor.mode": "free",  # an item in words, grounded to the nearest one of the catalogue
    **{f"{role}.temperature": 0.5 for role in ("planner", "actor", "critic", "reflector")},
    "memory.reflections": 2,  # K, the nearest as they are
    "memory.merged": 0,
    "memory.state_items": 10,
    "memory.actor_distance": 0.01,  # tau_A
    "memory.critic_distance": 0.1,  # tau_C
    "critic.gamma": 0.5,
    "critic.value": "sample",
    "critic.ask": "always",
    "critic.llm_weight": 1e9,  # the value is the LLM's own word; what memory holds it reads in the prompt
}
"""What arXiv 2403.00843 sets, section 4.1 and its public code."""

_BILLP: _Roles = {"chooser": "memory", "thinks": True, "recalls": "similar", "plans": True, "knows": True}

METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Method("billp", **_BILLP, macro=True, micro=True, uses_logs=True),
        Method("billp-no-logs", **_BILLP, macro=True, micro=True),
        Method("billp-no-macro", chooser="memory", thinks=True, micro=True, knows=True, uses_logs=True),
        Method("billp-no-micro", **_BILLP, macro=True, uses_logs=True),
        Method("billp-llm-only", thinks=True, recalls="similar", micro=True),
        Method("billp-paper", thinks=True, recalls="similar", micro=True, settings=_AS_PUBLISHED),
        Method("billp-memory-only", chooser="memory", macro=True, micro=True, critic=False, uses_logs=True),
        Method("billp-memory-only-no-logs", chooser="memory", macro=True, micro=True, critic=False),
        Method("reflexion", thinks=True, recalls="latest"),
        Method("react", thinks=True),
        Method("act-only"),
        Method("random", chooser="random"),
        Method("popular", chooser="popular", uses_logs=True),
        Method("shortlist-random", chooser="shortlist"),
        Method("oracle", chooser="oracle"),
        Method("mmr", chooser="rival", uses_logs=True, tuned=True),
        Method("mmr-untuned", chooser="rival", uses_logs=True),
        Method("round-robin", chooser="rival", uses_logs=True),
        Method("dpp", chooser="rival", uses_logs=True, tuned=True),
        Method("diverse-random", chooser="rival"),
        Method("diverse-learned", chooser="rival", answers=True),
        Method("linucb", chooser="rival", answers=True),
        *(Method(name, chooser="policy") for name in ("dqn", "a2c", "ppo")),
        *(Method(name, chooser="policy", uses_logs=True) for name in ("sqn", "bcq", "cql", "crr", "dorl")),
    )
}

SERVED = [name for name, method in METHODS.items() if method.chooser not in ("policy", "rival")]
"""What `langgraph dev` offers: it opens no trained policies, and makes no rivals."""


def teachable(name: str, *, by_episode: bool = False) -> Method:
    """Returns the method called `name`, which can be trained, or with `by_episode` can learn from one episode.

    Raises SettingsError if it cannot.
    """
    method = method_named(name)
    if not (method.remembers if by_episode else method.learns or method.needs_policy):
        raise SettingsError(f"Method {name!r} has no memory to train; evaluate it, or train billp, reflexion or dqn.")
    return method


def settings_of(method: Method, settings: Settings) -> Settings:
    """Returns `settings` with the values that are part of `method`; the same object if there are none."""
    groups: dict[str, dict[str, object]] = {}
    for name, value in method.settings.items():
        group, leaf = name.split(".")
        groups.setdefault(group, {})[leaf] = value
    changed = {group: getattr(settings, group).model_copy(update=leaves) for group, leaves in groups.items()}
    return settings.model_copy(update=changed) if changed else settings


def method_named(name: str) -> Method:
    """Returns the method called `name`; raises SettingsError listing the names there are."""
    try:
        return METHODS[name]
    except KeyError:
        raise SettingsError(there_is_no("method", name, METHODS)) from None
