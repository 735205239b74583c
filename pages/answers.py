"""The answers of the page's routes: typed, and data alone. Texts in them come from outside and are shown as text."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from billp.memory import Kind
from billp.reports.episode_view import EpisodeView, OriginView

Offset = Annotated[int, Field(ge=0, le=10**9)]
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True)


class _Question(BaseModel):
    """Query parameters; unknown names are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Part(_Question):
    """The part of a list that is asked for."""

    offset: Offset = 0
    limit: Annotated[int, Field(ge=1, le=100)] = 20


class RunRow(_Answer):
    """One run. Means are over finished episodes; None if there is none."""

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
    problem: str = ""
    """What is wrong with its files; empty if they can be read."""


class RunList(_Answer):
    """A part of the runs, the newest first."""

    of: int
    offset: int
    runs: list[RunRow]


class EpisodeRow(_Answer):
    """One episode of a run; `number`, from 1, is its place in the file and does not change while the file grows."""

    number: int
    id: str
    user: str
    seed: int
    outcome: str
    length: int | None
    r_traj: float | None


class EpisodeList(_Answer):
    """A part of a run's episodes, in the order they ended."""

    run: RunRow
    of: int
    offset: int
    episodes: list[EpisodeRow]


class EpisodeAnswer(_Answer):
    """One episode for the replay, and `of` how many its run has so far."""

    run: RunRow
    number: int
    of: int
    told: EpisodeView


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
    """A search in a memory; an empty text lists the records in the order of their ids."""

    dataset: Name
    memory: Name
    kind: Kind = "reflections"
    text: Annotated[str, Field(max_length=1000)] = ""
    offset: Offset = 0
    limit: Annotated[int, Field(ge=1, le=50)] = 10


class MemoryName(_Answer):
    """A memory that is not empty."""

    dataset: str
    memory: str


class MemoryNames(_Answer):
    """All of them."""

    memories: list[MemoryName]


class Remembered(_Answer):
    """A record of a memory; `distance` is squared L2 from the words searched for, None without words."""

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
