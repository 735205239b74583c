"""What travels through the graph: small, plain and serialisable (numbers, short texts, lists of them)."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Annotated, Literal, NotRequired

from langgraph.channels.delta import DeltaChannel
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass
from typing_extensions import TypedDict  # pydantic reads TypedDicts of `typing` only from Python 3.12 on

from billp.agents.llm.usage import Usage
from billp.graphs.methods import SERVED


class RecalledReflection(TypedDict):
    """A reflection read back, with where it came from (`id`) and how far its user was (squared L2; None: not asked).

    `alike` are the ids of others that say the same, `weight` is what all of them count together (`memory.merging`).
    """

    id: str
    text: str
    distance: float | None
    alike: list[str]
    weight: float


class RecalledExperience(TypedDict):
    """An actor experience read back for the state at hand."""

    id: str
    item: int
    encouraged: bool
    distance: float


class PlanState(TypedDict):
    """The typed plan: stars expected of kinds to aim for and to avoid, and the steps that a kind should rest.

    `steps` is how far ahead it looks; earlier runs did not say.
    """

    aim: dict[str, float]
    avoid: dict[str, float]
    rest: int
    steps: NotRequired[int]


class StepRecord(TypedDict):
    """One finished step; `value` and what follows from it are None where nothing judged it.

    `advantages` (the scores by which memory chose, in stars), `likings` (the stars expected of the rating), `support`
    (from how many ratings and answers) and `preferences` (the LLM's, in nats) go with the shortlist, and are empty
    where nobody asked. Earlier runs added preferences to scores, at `trust` stars for each nat.
    """

    number: int
    thought: str
    plan: PlanState
    experiences: list[str]
    shortlist: list[int]
    advantages: list[float]
    likings: list[float]
    support: list[float]
    preferences: list[float]
    trust: float
    relation: str
    proposal: str
    item: int
    title: str
    reward: float
    reason: str
    too_close_to: int
    value: float | None
    next_value: float | None
    target: float | None
    advantage: float | None


class UsageState(TypedDict):
    """What the LLM calls of an episode cost so far."""

    calls: int
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    seconds: float
    format_failures: int


def usage_update(usage: Usage) -> UsageState:
    """A Usage as the plain dict that the state adds up."""
    return UsageState(
        calls=usage.calls,
        prompt_tokens=usage.prompt_tokens,
        cached_tokens=usage.cached_tokens,
        completion_tokens=usage.completion_tokens,
        seconds=usage.seconds,
        format_failures=usage.format_failures,
    )


def add_usage(old: UsageState, new: UsageState) -> UsageState:
    """Reducer of `usage`: adds up what nodes spent; an update without any call starts over."""
    return usage_update(Usage(**old) + Usage(**new)) if old and new["calls"] else new


def spending(usage: Usage) -> dict[str, UsageState]:
    """The update that adds `usage`; none where no call was made, since an empty one would start over."""
    return {"usage": usage_update(usage)} if usage.calls else {}


def put_steps(old: list[StepRecord], new: list[StepRecord]) -> list[StepRecord]:
    """Reducer of `steps`: a step of the same number replaces the older record; an empty update starts over."""
    if not new:
        return []
    merged = {step["number"]: step for step in [*old, *new]}
    return [merged[number] for number in sorted(merged)]


Ended = str
"""Why an episode ended: a name of the simulators' REASONS, empty while it runs, or `left` where a live person left."""


def put_all_steps(old: list[StepRecord], updates: Sequence[list[StepRecord]]) -> list[StepRecord]:
    """`put_steps` for each update in turn."""
    return functools.reduce(put_steps, updates, old)


class EpisodeInput(TypedDict):
    """Whom to recommend to."""

    user: Annotated[str, Field(description="Id of a user in the dataset's logs", examples=["1"])]
    episode: Annotated[
        str,
        Field(
            description="Name of the episode, for another draws other sampling seeds; empty: the user's id, and "
            "where it teaches a new one each time",
            json_schema_extra={"default": ""},
        ),
    ]


class EpisodeState(TypedDict):
    """An episode under way."""

    user: str
    """Key of the user in the logs; for a live person any name."""
    episode: str
    """Name of the episode, unique in its run; seeds depend on it."""
    made_up: str
    """The name that it was given for want of one: on a thread it is still there when the next unnamed one begins."""
    likes: list[str]
    """Titles that a live person said to like, until `recall` has found them in the catalogue."""
    history: list[int]
    """Items liked before the episode, oldest first."""
    reflections: list[RecalledReflection]
    """Recalled once, at the start."""
    thought: str
    """The plan in force."""
    thought_at: int
    """Number of steps done when it was made."""
    evidence: str
    """What recalled reflections show in numbers, added up, as JSON; empty where there is none."""
    plan: PlanState
    """The typed plan in force."""
    lately: list[str]
    """Categories met lately (the Actor's tool)."""
    fresh: list[str]
    """Categories liked before and not met lately."""
    experiences: list[RecalledExperience]
    """Retrieved for the state at hand."""
    shortlist: list[int]
    """Candidates of this step; empty in free mode."""
    advantages: list[float]
    """The score of each candidate by which memory chooses."""
    likings: list[float]
    """The stars expected of each."""
    support: list[float]
    """From how many ratings and answers."""
    preferences: list[float]
    """How far the LLM prefers each candidate."""
    trust: float
    """What its preference is worth."""
    proposal: str
    """The Actor's words."""
    item: int
    """The grounded recommendation of this step."""
    acted: UsageState
    """What the Actor spent on this step; its subgraph hands it up whole, so it is not added up there."""
    value: float | None
    """V of the state at hand, None where nobody judged it."""
    valued: dict[str, list[int]]
    """Ids of Critic experiences, and the numbers of the steps whose states were valued with them."""
    steps: Annotated[list[StepRecord], DeltaChannel(put_all_steps, snapshot_frequency=1000)]
    """Finished steps, by number. A checkpoint holds what its node added, and none holds all."""
    usage: Annotated[UsageState, add_usage]
    """Added up over nodes."""
    ended: Ended
    """Why the episode ended; empty while it runs."""
    reflection: str
    """The Reflector's words; empty where nobody reflects."""


class ActorOutput(TypedDict):
    """What the Actor's subgraph hands back: its own part of the state, so that nothing is added up twice."""

    lately: list[str]
    fresh: list[str]
    experiences: list[RecalledExperience]
    shortlist: list[int]
    advantages: list[float]
    likings: list[float]
    support: list[float]
    preferences: list[float]
    trust: float
    proposal: str
    item: int
    acted: UsageState


class EpisodeOutput(TypedDict):
    """A finished episode."""

    user: str
    episode: str
    history: list[int]
    reflections: list[RecalledReflection]
    valued: NotRequired[dict[str, list[int]]]  # earlier runs did not say
    steps: list[StepRecord]
    usage: UsageState
    ended: Ended
    reflection: str
    length: int
    reward_each: float
    reward_trajectory: float


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class EpisodeContext:
    """How to run the episode; in `langgraph dev` these are the form fields beside the input."""

    method: Annotated[str, Field(description="How recommendations are made", json_schema_extra={"enum": SERVED})] = (
        "billp"
    )
    split: Annotated[Literal["train", "test"], Field(description="World the simulated user lives in")] = "train"
    seed: Annotated[int, Field(ge=0, description="Fixes the sampling seeds")] = 0
    run: Annotated[str, Field(min_length=1, description="Name under which memory remembers where it came from")] = (
        "studio"
    )
    ordinal: Annotated[
        int, Field(ge=0, description="Orders reflections by age, where a run of many episodes sets it")
    ] = 0
    learn: Annotated[bool, Field(description="Judge, reflect and write what was learned to memory")] = False
    dataset: Annotated[str, Field(description="Registered dataset with a built simulator")] = "ml-100k"
    memory: Annotated[str, Field(description="Name of the memory to read, and to write when learning")] = "billp"
    prompts: Annotated[str, Field(description="Folder of a prompt pack; empty is the pack of the settings")] = ""
