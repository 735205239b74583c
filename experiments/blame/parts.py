"""What `billp memory blame` tells: the parts that stood behind one step, and what each of them weighed."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from graphs.state import PlanState
from memory import Receipt

ALIKE = 0.02
"""Stars by which memory, asked again, may differ from what was recorded, sums being rounded."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class Candidate(_Part):
    """One line of the shortlist; all but `preference` (nats) in stars, None where nobody asked.

    `total` = `staying` + `liking` + `trusted`, the last being the LLM's preference times its trust. `fit` is how well
    it fits the plan, which drew the shortlist.
    """

    item: int
    title: str
    relation: str
    fit: float | None
    staying: float | None
    liking: float | None
    support: float | None
    preference: float | None
    trusted: float | None
    total: float | None
    chosen: bool


class Example(_Part):
    """An experience of the relation chosen; `stars` is what it added to what was expected, `left` the end or not."""

    id: str
    title: str
    reward: float
    stars: float
    left: bool | None


class RelationBehind(_Part):
    """The experiences of the relation chosen; `left` of those whose ending is known.

    What all experiences add to the candidate, less `caution` for thin evidence, is its `staying`.
    """

    relation: str
    experiences: int
    left: int
    caution: float
    receipt: Receipt
    examples: list[Example]


class ItemBehind(_Part):
    """What was known of an item like the one chosen: ratings, their mean, and the stars that they added."""

    item: int
    title: str
    experiences: int
    reward: float
    stars: float
    receipt: Receipt


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

    `as_it_was`: memory, asked again, still expects and plans what was recorded then. `pooled` reflections made the
    plan. Where memory was not asked what to expect, no relation and no item moved the choice.
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
    trust: float
    as_it_was: bool
    candidates: list[Candidate]
    relation: RelationBehind | None
    items: list[ItemBehind]
    reflections: list[LessonBehind]
    pooled: int
    retrieved: list[RecordBehind]
    valued: list[RecordBehind]
