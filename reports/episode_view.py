"""A recorded episode as every reader sees it: terminal, report and local page.

Numbers of items are titles here, ids of what memory held are where it came from and what happened there, and reasons
are words. `experiments.telling` makes these; texts in them come from outside and are shown as text.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ItemView:
    """An item of the catalogue; `about` is year and categories, empty where the dataset is not there any more."""

    index: int
    title: str
    about: str


@dataclass(frozen=True, slots=True)
class Place:
    """An episode that can be opened: `number`, from 1, of `run`."""

    run: str
    number: int


@dataclass(frozen=True, slots=True)
class OriginView:
    """Where something remembered came from: `step` is -1 for a whole episode, `at` None where it cannot be opened."""

    run: str
    episode: str
    step: int
    seed: int | None
    user: str | None = None
    at: Place | None = None


@dataclass(frozen=True, slots=True)
class RecordView:
    """What memory held: how often it was used and what followed (`receipt`), and the step that it came from.

    `worth` is what its state turned out to be worth. None where that step cannot be read; `origin` is None for an id
    that names none.
    """

    id: str
    receipt: str = ""
    origin: OriginView | None = None
    title: str | None = None
    reward: float | None = None
    advantage: float | None = None
    worth: float | None = None


@dataclass(frozen=True, slots=True)
class RecalledView:
    """A reflection that was read back; `distance` is squared L2, None where the latest were read.

    `alike` counts the others that say the same.
    """

    record: RecordView
    text: str
    distance: float | None
    alike: int


@dataclass(frozen=True, slots=True)
class CandidateView:
    """A candidate and what weighed for it, in stars, None where it was not asked.

    `retention_effect` is what the candidate's risk of making the user leave costs, `item_effect` the stars expected of
    it from `support` ratings and answers, `llm` the LLM's preference (in nats where memory was not asked), `total`
    their sum.
    """

    item: ItemView
    retention_effect: float | None
    item_effect: float | None
    support: float | None
    llm: float | None
    total: float | None


@dataclass(frozen=True, slots=True)
class StepView:
    """One step; `nodes` are those of the graph that it went through, in order, empty where that is not known.

    `earlier` is the item because of which the user left (`because`), which was recommended in step `earlier_step`.
    """

    number: int
    nodes: list[str]
    thought: str
    plan: str
    experiences: list[RecordView]
    candidates: list[CandidateView]
    proposal: str
    item: ItemView
    reward: float
    because: str
    earlier: ItemView | None
    earlier_step: int | None
    value: float | None
    next_value: float | None
    advantage: float | None
    valued: list[RecordView]
    said: str


@dataclass(frozen=True, slots=True)
class HeadView:
    """What a list of episodes shows of one. Numbers are None where it failed."""

    id: str
    user: str
    seed: int
    outcome: str
    length: int | None
    r_traj: float | None


@dataclass(frozen=True, slots=True)
class EpisodeView:
    """One episode. A failed one has an error and no steps; `left` tells whether the user did."""

    head: HeadView
    ended: str
    left: bool
    error: str
    history: list[ItemView]
    recalled: list[RecalledView]
    principles: list[str]
    """What makes users leave, as claimed and counted by then, in words."""
    steps: list[StepView]
    reflection: str
    r_each: float | None
    calls: int
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    note: str
    """What is to be said of the words shown; empty where a model spoke that knows something."""
