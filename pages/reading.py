"""The data that the page reads, opened once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Self

from billp.graphs.served import shared_dependencies
from billp.memory import Embedder
from billp.pages.episodes import Episodes
from billp.pages.launches import Launches, shared_launches
from billp.pages.memories import Memories
from billp.pages.runs import Runs
from billp.pages.whole_runs import WholeRuns
from billp.settings import Settings


@dataclass(frozen=True)
class Reading:
    """The data that the page reads: runs, their episodes and memories, and the runs that it started."""

    settings: Settings
    whole: WholeRuns
    runs: Runs
    episodes: Episodes
    memories: Memories
    launches: Launches

    @classmethod
    def of(cls, settings: Settings, embedder: Embedder, launches: Launches | None = None) -> Self:
        """Returns the data that `settings` name; opens nothing yet."""
        runs = Runs(settings.runs_dir)
        return cls(
            settings,
            WholeRuns(settings.runs_dir, runs),
            runs,
            Episodes(runs, settings.data),
            Memories(settings, embedder, runs),
            launches or Launches(),
        )


@cache
def shared_reading() -> Reading:
    """Returns the data with the settings and the embedder of this process's graphs."""
    deps = shared_dependencies()
    return Reading.of(deps.settings, deps.embedder, shared_launches())
