"""The parts of an attribution: what was behind one step, and how much each part weighed."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from billp.graphs.plans import PlanState
from billp.memory import UsageStatistics

ALIKE = 0.02
"""Stars by which recomputed beliefs may differ from recorded ones, which are rounded."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class Candidate(_Part):
    """One row of the shortlist; None for parts that had no influence. `preference` is the LLM's, in nats.

    `score` = `stars` expected of it - stake x `risk` of leaving (0..1) + `chance`. The chance is what the random draw
    added: in training from the uncertainty of the belief, in evaluation from `actor.variety`.
    """

    item: int
    title: str
    score: float | None = None
    stars: float | None = None
    risk: float | None = None
    chance: float | None = None
    preference: float | None = None
    chosen: bool


class Principle(_Part):
    """A cause of leaving that applies to the choice: closeness of at least `level` within the last `span` steps.

    `levels` is the highest level of its measure, `after` are the titles of the earlier items that are as close. Memory
    saw it in `exposures` different pairs and attributes `departures` to it; `rate` is its estimate from both. `stars`
    is its cost for the choice.
    """

    measure: str
    level: int
    levels: int
    span: int
    after: list[str]
    rate: float
    exposures: float
    departures: float
    stars: float


class Value(_Part):
    """The parts of the stars expected of the choice: `known` + `own` + `bias`, with their standard `deviation`.

    `known` comes from its categories and year, `own` from its ratings in the logs and the answers in memory (given by
    their numbers and means), `bias` is how much answers exceed ratings.
    """

    known: float
    own: float
    bias: float
    deviation: float
    ratings: int
    rating: float | None
    answers: int
    answer: float | None


class Experience(_Part):
    """One time that memory saw the item recommended; `left`: whether the user left over it, None if not recorded."""

    id: str
    reward: float
    left: bool | None


class BeliefBehind(_Part):
    """What memory believed of the choice, where leaving costs `stake` stars.

    `dislike` is the cost of the risk that the user rates it low and leaves; with the stars of all principles it adds up
    to - stake x risk.
    """

    stake: float
    principles: list[Principle]
    dislike: float
    value: Value
    experiences: list[Experience]


class RecordBehind(_Part):
    """An experience that was read back.

    `text` is the item of an Actor experience, or the observed worth of a state that the Critic remembers.
    """

    id: str
    text: str
    receipt: UsageStatistics


class LessonBehind(_Part):
    """A reflection behind the step; `recalled`: read in words, its own or those of another that says the same.

    `stars` is how much better the chosen item fits the plan than a plan made without this reflection; None if its
    evidence is not in the plan, or has been forgotten since.
    """

    id: str
    text: str
    distance: float | None
    receipt: UsageStatistics
    recalled: bool
    stars: float | None


class Blame(_Part):
    """Everything behind one step.

    `as_it_was`: memory, asked again, still believes and plans what was recorded then. `pooled` reflections made the
    plan. `belief` is None if memory did not choose.
    """

    run: str
    episode: str
    step: int
    user: str
    memory: str
    title: str
    reward: float
    advantage: float | None
    thought: str
    plan: PlanState
    as_it_was: bool
    candidates: list[Candidate]
    belief: BeliefBehind | None
    reflections: list[LessonBehind]
    pooled: int
    retrieved: list[RecordBehind]
    valued: list[RecordBehind]
