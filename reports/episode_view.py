"""A recorded episode as readers see it in terminal, report and local page.

Items have titles instead of numbers, records of memory have their origin and what happened there instead of ids, and
reasons are words. `reports.rendering` makes these views; texts in them come from outside and are shown as text.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ItemView:
    """An item of the catalogue; `about` is year and categories, empty if the dataset is no longer registered."""

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
    """The origin of a record: `step` is -1 for a whole episode, `at` is None if the episode cannot be opened."""

    run: str
    episode: str
    step: int
    seed: int | None
    user: str | None = None
    at: Place | None = None


@dataclass(frozen=True, slots=True)
class RecordView:
    """A record of memory: how often it was used and what followed (`usage`), and the step that it came from.

    `worth` is the observed return of its state. Numbers are None if that step cannot be read; `origin` is None for an
    id that names no episode.
    """

    id: str
    usage: str = ""
    origin: OriginView | None = None
    title: str | None = None
    reward: float | None = None
    advantage: float | None = None
    worth: float | None = None


@dataclass(frozen=True, slots=True)
class RecalledView:
    """A reflection that was read back; `distance` is squared L2, None if the latest were read.

    `alike` counts the others that say the same.
    """

    record: RecordView
    text: str
    distance: float | None
    alike: int


@dataclass(frozen=True, slots=True)
class CandidateView:
    """A candidate and what weighed for it, in stars, None where it was not asked.

    `retention_effect` is what the candidate's risk of making the user leave costs, with what chance added so that users
    get lists of their own; `item_effect` the stars expected of it from `support` ratings and answers, `llm` the LLM's
    preference (in nats where memory was not asked), `total` their sum.
    """

    item: ItemView
    retention_effect: float | None
    item_effect: float | None
    support: float | None
    llm: float | None
    total: float | None


@dataclass(frozen=True, slots=True)
class StepView:
    """One step; `nodes` are the graph's nodes that it passed, in order, empty if not known.

    `earlier` is the item over which the user left (`because`), which was recommended in step `earlier_step`.
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
    """An episode's entry in a list. Numbers are None if it failed."""

    id: str
    user: str
    seed: int
    outcome: str
    length: int | None
    r_traj: float | None


@dataclass(frozen=True, slots=True)
class EpisodeView:
    """One episode. A failed one has an error and no steps; `left` says whether the user left."""

    head: HeadView
    ended: str
    left: bool
    error: str
    history: list[ItemView]
    recalled: list[RecalledView]
    principles: list[str]
    """What makes users leave, by the claims counted until then, in words."""
    steps: list[StepView]
    reflection: str
    r_each: float | None
    calls: int
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    note: str
    """A remark on all words shown; empty unless the stand-in model wrote them."""
