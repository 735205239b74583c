"""What the page's routes answer: typed, and nothing but data. Texts in it come from outside and are shown as text."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from billp.memory import Kind

Offset = Annotated[int, Field(ge=0, le=10**9)]
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True)


class _Question(BaseModel):
    """Query parameters; unknown names are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Part(_Question):
    """Which part of a list is wanted."""

    offset: Offset = 0
    limit: Annotated[int, Field(ge=1, le=100)] = 20


class RunRow(_Answer):
    """One run. Means are over finished episodes; None where there is none."""

    name: str
    """Its folder, as seen from the runs folder."""
    command: str
    method: str
    dataset: str
    episodes: int
    failed: int
    length: float | None
    r_traj: float | None
    len_interval: str = "-"
    """Mean and 95% interval in words, as in the report."""
    r_traj_interval: str = "-"
    changed: float
    """Seconds since the epoch at which its last episode was written."""
    complete: bool
    problem: str = ""
    """What is wrong with its files; empty where they can be read."""


class RunList(_Answer):
    """A part of the runs, the newest first."""

    of: int
    offset: int
    runs: list[RunRow]


class EpisodeRow(_Answer):
    """One episode of a run; `number` is its place in the file, from 1, and stays the same while the file grows."""

    number: int
    id: str
    user: str
    seed: int
    outcome: str
    length: int | None
    r_traj: float | None


class EpisodeList(_Answer):
    """A part of a run's episodes, in the order in which they ended."""

    run: RunRow
    of: int
    offset: int
    episodes: list[EpisodeRow]


class ItemView(_Answer):
    """An item of the catalogue; `about` is year and categories, empty where the dataset is not there any more."""

    index: int
    title: str
    about: str


class Place(_Answer):
    """An episode that can be opened."""

    run: str
    number: int


class OriginView(_Answer):
    """Where something remembered came from: `step` is -1 for a whole episode, `at` None where it cannot be opened."""

    run: str
    episode: str
    step: int
    seed: int | None
    user: str | None = None
    at: Place | None = None


class RecalledView(_Answer):
    """A reflection that was read back; `distance` is squared L2, None where the latest were read.

    `alike` counts the others that say the same.
    """

    id: str
    text: str
    distance: float | None
    alike: int
    origin: OriginView | None


class ExperienceView(_Answer):
    """An experience that was read back; what happened then is None where its episode cannot be read."""

    id: str
    title: str | None
    reward: float | None
    advantage: float | None
    origin: OriginView | None


class WeightView(_Answer):
    """What was known of one candidate: the score by which memory chose, the stars expected of it from how many ratings
    and answers, and the nats by which the LLM preferred it; None where memory or LLM was not asked."""

    item: ItemView
    advantage: float | None
    liking: float | None
    support: float | None
    preference: float | None


class StepView(_Answer):
    """One step; `nodes` are those of the graph that it went through, in order. `trust` is in stars a nat."""

    number: int
    nodes: list[str]
    thought: str
    experiences: list[ExperienceView]
    shortlist: list[ItemView]
    weights: list[WeightView]
    trust: float
    proposal: str
    item: ItemView
    reward: float
    too_close_to: ItemView | None
    value: float | None
    next_value: float | None
    advantage: float | None


class EpisodeView(_Answer):
    """One episode as it is replayed. A failed one has an error and no steps."""

    run: RunRow
    row: EpisodeRow
    of: int
    """Episodes of the run so far."""
    ended: str
    error: str
    history: list[ItemView]
    recalled: list[RecalledView]
    steps: list[StepView]
    reflection: str
    r_each: float | None
    calls: int
    tokens: int
    note: str
    """What is to be said of the words shown; empty where a model spoke that knows something."""


class NodeView(_Answer):
    """A box of the drawing: its centre and size in the drawing's own units."""

    id: str
    label: str
    x: float
    y: float
    width: float
    height: float


class EdgeView(_Answer):
    """A line of the drawing; `path` is the data of an SVG path."""

    source: str
    target: str
    conditional: bool
    path: str


class DrawingView(_Answer):
    """The graph; `groups` are the boxes around subgraphs."""

    width: float
    height: float
    nodes: list[NodeView]
    groups: list[NodeView]
    edges: list[EdgeView]


class MemoryQuestion(_Question):
    """What is looked for in which memory; an empty text lists the records in the order of their ids."""

    dataset: Name
    memory: Name
    kind: Kind = "reflections"
    text: Annotated[str, Field(max_length=1000)] = ""
    offset: Offset = 0
    limit: Annotated[int, Field(ge=1, le=50)] = 10


class MemoryName(_Answer):
    """A memory that holds something."""

    dataset: str
    memory: str


class MemoryNames(_Answer):
    """All of them."""

    memories: list[MemoryName]


class Remembered(_Answer):
    """A record of a memory; `distance` is squared L2 from the words looked for, None where there were none."""

    id: str
    text: str
    fields: dict[str, str | int | float | bool]
    distance: float | None
    origin: OriginView


class MemoryAnswer(_Answer):
    """Records, the nearest first; `of` is how many of this kind the memory holds."""

    kind: Kind
    of: int
    offset: int
    found: list[Remembered]


class Problem(_Answer):
    """Why there is no answer, in one sentence."""

    error: str
    status: Literal[400, 403, 404, 415, 500, 503]
