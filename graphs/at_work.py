"""Where each episode under way is: its step and the node at work, kept while somebody counts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field


@dataclass(slots=True, eq=False)  # two episodes of one user may be at the same node
class Working:
    """One episode under way; `step` counts from 1."""

    user: str
    step: int = 1
    node: str = ""


@dataclass(slots=True, eq=False)
class UnderWay:
    """The episodes under way of one run."""

    episodes: list[Working] = field(default_factory=list)
    """Those of this process."""
    elsewhere: list[Working] = field(default_factory=list)
    """Those of workers, as they said last."""


_run: ContextVar[UnderWay | None] = ContextVar("_run", default=None)
_episode: ContextVar[Working | None] = ContextVar("_episode", default=None)


@contextmanager
def counted(run: UnderWay) -> Iterator[None]:
    """Makes the episodes begun meanwhile, in tasks as well, those of `run`."""
    token = _run.set(run)
    try:
        yield
    finally:
        _run.reset(token)


def counting() -> UnderWay | None:
    """Returns the run that counts; None if no run does."""
    return _run.get()


@contextmanager
def under_way(user: str) -> Iterator[None]:
    """Counts an episode of `user` as under way; does nothing if no run counts."""
    run = _run.get()
    if run is None:
        yield
        return
    working = Working(user)
    run.episodes.append(working)
    token = _episode.set(working)
    try:
        yield
    finally:
        _episode.reset(token)
        run.episodes.remove(working)


def at_work(node: str, step: int | None = None) -> None:
    """Says that `node` begins, at `step` of its episode, or at the same as the node before."""
    working = _episode.get()
    if working is not None:
        working.node, working.step = node, working.step if step is None else step
