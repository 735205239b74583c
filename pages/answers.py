"""The answers of the page's routes: typed, and data alone. Texts in them come from outside and are shown as text."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from billp.experiments.runs.watching import WorkingEpisode
from billp.memory import Kind
from billp.reports.episode_view import EpisodeView, OriginView

Offset = Annotated[int, Field(ge=0, le=10**9)]
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]


class Answer(BaseModel):
    """What a route answers."""

    model_config = ConfigDict(frozen=True)


class Question(BaseModel):
    """Query parameters; unknown names are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Part(Question):
    """The part of a list that is asked for."""

    offset: Offset = 0
    limit: Annotated[int, Field(ge=1, le=100)] = 20


class EpisodeQuestion(Question):
    """The number of an episode."""

    number: Annotated[int, Field(ge=0, le=10**9)]


class EpisodesQuestion(Question):
    """The episodes of a run that are asked for; without a limit all from `offset` on."""

    offset: Offset = 0
    limit: Annotated[int, Field(ge=1)] | None = None


class RunQuestion(Part):
    """Runs that are asked for, and their order; a run's row must hold all words of `text`."""

    text: Annotated[str, Field(max_length=200)] = ""
    sort: Literal["name", "method", "dataset", "episodes", "length", "r_traj", "changed"] = "changed"
    down: bool = True


class RunRow(Answer):
    """One part of a run, or all of it. Means are over finished episodes; None if there is none."""

    name: str
    """Its folder, relative to the runs folder."""
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
    """Seconds since the epoch when its last episode was written."""
    complete: bool
    kind: Literal["result", "probe", "training"] = "result"
    problem: str = ""
    """What is wrong with its files; empty if they can be read."""


class WholeRun(Answer):
    """A folder of the runs folder with all that is in it. Means are given if it is one run and not several."""

    name: str
    command: str
    method: str
    dataset: str
    parts: int
    """How many runs are in it: 1 for one by itself, more for a comparison or a demo."""
    episodes: int
    failed: int = 0
    planned: int | None = None
    """Most episodes that it can come to, if known."""
    length: float | None = None
    r_traj: float | None = None
    len_interval: str = "-"
    r_traj_interval: str = "-"
    changed: float | None = None
    state: Literal["finished", "running", "interrupted", "damaged"]
    problem: str = ""


class RunList(Answer):
    """A part of the runs that were asked for; `total` is how many there are of any kind."""

    total: int
    of: int
    offset: int
    runs: list[WholeRun]


class Launch(Answer):
    """A run that the page has started. `code` is its exit status, None while it runs; `said` are its latest lines."""

    run: str
    command: str
    state: Literal["running", "stopping", "ended"]
    code: int | None
    said: list[str]


class RunParts(Answer):
    """A run and what is in it; results first, then points of learning curves, then training."""

    run: WholeRun
    parts: list[RunRow]
    begun: float | None = None
    """When its first episode began, in seconds since the epoch."""
    launch: Launch | None = None
    """How this page started it, if it did."""
    working: list[WorkingEpisode] = []
    """The episodes under way, if it is running."""
    continuation: str = ""
    """The command that goes on with it, if it was interrupted and not started by this page."""
    hindrance: str = ""
    """Why this page cannot go on with it."""


class LaunchList(Answer):
    """Every run that the page has started, the latest first."""

    launches: list[Launch]


class PlanAnswer(Answer):
    """A run as it would be started: its name and the command for a terminal, or why it cannot be."""

    run: str = ""
    command: str = ""
    problem: str = ""


class NewName(Question):
    """What a run is to be called."""

    name: Name


class Done(Answer):
    """What was changed, in one sentence; `run` is what it is called now."""

    said: str
    run: str = ""


class EpisodeRow(Answer):
    """One episode of a run; `number`, from 1, is its place in the file and does not change while the file grows."""

    number: int
    id: str
    user: str
    seed: int
    outcome: str
    length: int | None
    r_traj: float | None


class EpisodeList(Answer):
    """A part of a run's episodes, in the order they ended."""

    run: RunRow
    of: int
    offset: int
    episodes: list[EpisodeRow]


class EpisodeAnswer(Answer):
    """One episode for the replay, and `of` how many its run has so far."""

    run: RunRow
    number: int
    of: int
    told: EpisodeView


class NodeView(Answer):
    """A box of the drawing: its centre and size in the drawing's own units."""

    id: str
    label: str
    x: float
    y: float
    width: float
    height: float


class EdgeView(Answer):
    """A line of the drawing; `path` is the data of an SVG path."""

    source: str
    target: str
    conditional: bool
    path: str


class DrawingView(Answer):
    """The graph; `groups` are the boxes around subgraphs."""

    width: float
    height: float
    nodes: list[NodeView]
    groups: list[NodeView]
    edges: list[EdgeView]


class MemoryQuestion(Question):
    """A search in a memory; an empty text lists the records in the order of their ids."""

    dataset: Name
    memory: Name
    kind: Kind = "reflections"
    text: Annotated[str, Field(max_length=1000)] = ""
    offset: Offset = 0
    limit: Annotated[int, Field(ge=1, le=50)] = 10


class MemoryName(Answer):
    """A memory that is not empty."""

    dataset: str
    memory: str
    counts: dict[Kind, int] = {}


class MemoryNames(Answer):
    """All of them, and a sentence for each that cannot be read."""

    memories: list[MemoryName]
    damaged: list[str] = []


class Forgetting(Question):
    """What is to be forgotten: the records with these ids, or all of the memory if none is named."""

    dataset: Name
    memory: Name
    ids: Annotated[list[Annotated[str, Field(max_length=1000)]], Field(max_length=100)] = []


class Remembered(Answer):
    """A record of a memory; `distance` is squared L2 from the words searched for, None without words.

    `usage` says in words how often it was used and what followed.
    """

    id: str
    text: str
    fields: dict[str, str | int | float | bool]
    distance: float | None
    origin: OriginView
    usage: str = ""


class MemoryAnswer(Answer):
    """Records, the nearest first; `of` is how many of this kind the memory holds."""

    kind: Kind
    of: int
    offset: int
    found: list[Remembered]


class Problem(Answer):
    """Why there is no answer, in one sentence."""

    error: str
    status: Literal[400, 403, 404, 411, 413, 415, 500, 503]
