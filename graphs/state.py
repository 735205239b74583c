"""What travels through the graph: small, plain and serialisable (numbers, short texts, lists of them)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, NotRequired, cast

from langgraph.channels.delta import DeltaChannel
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass
from typing_extensions import TypedDict  # pydantic reads TypedDicts of `typing` only from Python 3.12 on

from billp.agents.llm.asking import call_seed
from billp.agents.llm.usage import Usage
from billp.agents.roles.wishes import Wish
from billp.graphs.methods import SERVED
from billp.graphs.plans import PlanState, WishState, wish_from, wish_state


class RecalledReflection(TypedDict):
    """A reflection read from memory.

    `distance` is how far its user was (squared L2; None if it was not searched by distance). `alike` are the ids of
    others that say the same; `weight` is how much all of them count together (`memory.reflections`).
    """

    id: str
    text: str
    distance: float | None
    alike: list[str]
    weight: float


class RecalledExperience(TypedDict):
    """An experience of the Actor, read from memory for the present state."""

    id: str
    item: int
    encouraged: bool
    distance: float


class Weighed(TypedDict):
    """A shortlist and what is expected of each candidate; a list is empty where it was not asked for.

    `advantages` are the scores by which memory chose, in stars; `likings` are the expected ratings, in stars, and
    `support` is the number of ratings and answers behind them; `preferences` are the LLM's, in nats.
    """

    shortlist: list[int]
    advantages: list[float]
    likings: list[float]
    support: list[float]
    preferences: list[float]


class Transition(Weighed):
    """One finished step; `value` and what follows from it are None if the step was not judged."""

    number: int
    thought: str
    plan: PlanState
    experiences: list[str]
    """Ids of the experiences that the Actor read."""
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
    said: NotRequired[str]
    """What a live person said with the rating: a wish, or why they leave. Earlier runs did not record it."""
    nodes: NotRequired[list[str]]
    """The nodes it passed, in order, the Actor's as `act:NAME`. Earlier runs did not record them."""
    trust: NotRequired[float]
    """Stars for each nat at which earlier runs added the LLM's preferences to memory's scores."""


class UsageState(TypedDict):
    """What LLM calls cost, as `agents.llm.usage.Usage`."""

    calls: int
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    seconds: float
    format_failures: int


class Decision(Weighed):
    """What the Actor decided in one step, what the decision was made from, and what its LLM calls cost."""

    experiences: list[str]
    """Ids of the experiences that the Actor read."""
    proposal: str
    """The LLM's words; empty if no LLM was asked."""
    item: int
    """The recommended item: an index of the catalogue."""
    usage: UsageState


def usage_state(usage: Usage) -> UsageState:
    """Returns `usage` as it travels through the graph."""
    return cast(UsageState, dict(vars(usage)))


def add_usage(old: UsageState, new: UsageState) -> UsageState:
    """Adds what a node spent; the reducer of `usage`."""
    return usage_state(Usage(**old) + Usage(**new))


def put_steps(old: Sequence[Transition], updates: Sequence[Sequence[Transition]]) -> list[Transition]:
    """Replaces records of steps with the same number; the reducer of `steps`."""
    merged = {step["number"]: step for steps in (old, *updates) for step in steps}
    return [merged[number] for number in sorted(merged)]


Ended = str
"""Why an episode ended: a name of the simulators' REASONS, empty while it runs, `left` if a live person left."""


def user_left(ended: Ended) -> bool:
    """Returns whether the user left, rather than going on or staying to the horizon."""
    return ended not in ("", "horizon")


class EpisodeInput(TypedDict):
    """The user to recommend to."""

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
    """Key of the user in the logs; a live person may have any name."""
    episode: str
    """Name of the episode, unique in its run; seeds depend on it."""
    made_up: str
    """The name that `recall` made if the input had none; it is replaced when the thread begins another episode."""
    likes: list[str]
    """Titles that a live person likes, until `recall` has found them in the catalogue."""
    history: list[int]
    """Items liked before the episode, oldest first."""
    reflections: list[RecalledReflection]
    """Read from memory once, at the start."""
    principles: list[str]
    """What makes users leave, as claimed and counted so far: each principle with its state and counts, in words."""
    thought: str
    """The plan in force."""
    thought_at: int
    """Number of steps done when it was made."""
    evidence: str
    """What the recalled reflections show in numbers, added up, as JSON; empty if there are none."""
    plan: PlanState
    """The typed plan in force."""
    decision: Decision
    """What the Actor decided in this step."""
    wish: WishState
    """What a live person asked for."""
    value: float | None
    """V of the present state; None if it was not judged."""
    valued: dict[str, list[int]]
    """By id of a Critic's experience, the numbers of the steps whose states were valued with it."""
    nodes: list[str]
    """Nodes passed since the last finished step."""
    steps: Annotated[list[Transition], DeltaChannel(put_steps, snapshot_frequency=1000)]
    """Finished steps, by number. Each checkpoint holds only what its node added."""
    usage: Annotated[UsageState, add_usage]
    """What the LLM calls cost so far."""
    ended: Ended
    """Why the episode ended; empty while it runs."""
    reflection: str
    """The Reflector's words; empty if the method does not reflect."""
    claim: str
    """Why the user left, as JSON of `agents.claims.Claim`; empty if nothing is claimed."""


class Observation(TypedDict):
    """What is known of an episode before its next step."""

    user: str
    episode: str
    history: list[int]
    """Items liked before the episode, oldest first."""
    recommended: list[int]
    """Items of the steps so far, oldest first."""
    rewards: list[float]
    """The user's answer to each, in stars."""
    wish: WishState
    """What a live person asked for."""


def observation_of(episode: EpisodeState | Trajectory, steps: int | None = None) -> Observation:
    """Returns what was known of `episode` after its first `steps` steps; None: after all so far."""
    done, wish = episode["steps"][:steps], cast("WishState | None", episode.get("wish"))  # a record has none
    return Observation(
        user=episode["user"],
        episode=episode["episode"],
        history=episode["history"],
        recommended=[step["item"] for step in done],
        rewards=[step["reward"] for step in done],
        wish=wish or wish_state(Wish()),
    )


def wish_of(seen: Observation) -> Wish:
    """Returns what a live person wishes for at this step."""
    return wish_from(seen["wish"]).at(len(seen["recommended"]))


class ActorObservation(Observation):
    """What the Actor acts on: an observation and the Planner's thought."""

    thought: str


class ActorState(ActorObservation):
    """One step of the Actor. It shares no sum with the episode, so that nothing is counted twice."""

    lately: list[str]
    """Categories that came lately."""
    fresh: list[str]
    """Categories liked before that did not come lately."""
    experiences: list[RecalledExperience]
    """Read from memory for the present state."""
    weighed: Weighed
    """The candidates, if there are any."""
    proposal: str
    """An item in the LLM's own words, until it is found in the catalogue."""
    usage: UsageState
    """What the proposal cost."""
    decision: Decision
    nodes: list[str]


class ActorOutput(TypedDict):
    """What the Actor returns."""

    decision: Decision
    nodes: list[str]


class Trajectory(TypedDict):
    """A finished episode."""

    user: str
    episode: str
    history: list[int]
    reflections: list[RecalledReflection]
    principles: NotRequired[list[str]]  # earlier runs did not record them
    valued: NotRequired[dict[str, list[int]]]  # nor these
    steps: list[Transition]
    usage: UsageState
    ended: Ended
    reflection: str
    claim: NotRequired[str]
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


def step_seed(seen: Observation, context: EpisodeContext, purpose: str) -> int:
    """Returns the seed of one use of chance at this step; it does not depend on what else runs."""
    return call_seed(context.seed, seen["episode"], len(seen["recommended"]), purpose)
