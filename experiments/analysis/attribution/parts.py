"""What `billp memory blame` tells: the parts that stood behind one step, and what each of them weighed."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from billp.graphs.plans import PlanState
from billp.memory import Receipt

ALIKE = 0.02
"""Stars by which memory, asked again, may differ from what was recorded, sums being rounded."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class Candidate(_Part):
    """One line of the shortlist; None is what had no say. `preference` is the LLM's, in nats.

    `score` = `stars` expected of it - stake x `risk` of leaving (0..1) + `chance`, which is what the draw added: in
    training from what is believed possible, in evaluation of `actor.variety`.
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
    """A cause of leaving that the choice put to work: closeness of at least `level` within the last `span` steps.

    `levels` is the highest level of its measure, `after` are the titles of the earlier items that are so close. Memory
    saw it at work in `exposures` different pairs, which were to blame for `departures`; `rate` is what it makes of
    that. `stars` is what it cost the choice.
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
    """What the stars expected of the choice rest on: `known` + `own` + `bias`, with their standard `deviation`.

    `known` is what its categories and year say, `own` what its ratings in the logs and the answers in memory (their
    numbers and means) add to that, `bias` by how much answers lie above ratings.
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
    """One time that memory saw the item recommended; `left`: the user left over it, None where it does not say."""

    id: str
    reward: float
    left: bool | None


class BeliefBehind(_Part):
    """What memory believed of the choice, where leaving costs `stake` stars.

    `dislike` is what it cost that the user may rate it low and leave; with the stars of all principles it makes
    - stake x risk.
    """

    stake: float
    principles: list[Principle]
    dislike: float
    value: Value
    experiences: list[Experience]


class RecordBehind(_Part):
    """An experience that was read back.

    `text` is the item of an Actor experience, or what a state that the Critic remembers turned out to be worth.
    """

    id: str
    text: str
    receipt: Receipt


class LessonBehind(_Part):
    """A reflection behind the step; `recalled`: read in words, if only in those of another that says the same.

    `stars` is how much better the item chosen fits the plan than it would fit one made without this reflection; None
    where its evidence is not in the plan, or was forgotten since.
    """

    id: str
    text: str
    distance: float | None
    receipt: Receipt
    recalled: bool
    stars: float | None


class Blame(_Part):
    """Everything that stood behind one step.

    `as_it_was`: memory, asked again, still believes and plans what was recorded then. `pooled` reflections made the
    plan. `belief` is None where memory did not choose.
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
