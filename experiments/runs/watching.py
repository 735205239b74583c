"""What a run is doing right now, written beside its episodes for people who watch it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from pydantic import BaseModel, ValidationError

from billp.graphs.at_work import UnderWay, counted
from billp.whole_files import read_bounded, sweep_files, write_whole

_FILE = ".working.json"
_EVERY_S = 1.0
_STALE_S = 5.0
_LARGEST = 1_000_000  # bytes


class WorkingEpisode(BaseModel):
    """An episode under way: its user, its step from 1, and the node at work."""

    user: str
    step: int
    node: str


class _Snapshot(BaseModel):
    at: float
    episodes: list[WorkingEpisode]


@asynccontextmanager
async def watched(run: Path) -> AsyncIterator[None]:
    """Writes every second which node each episode is at that is played meanwhile; afterwards the file is gone."""
    under_way, over = UnderWay(), asyncio.Event()
    await asyncio.to_thread(sweep_files, run / _FILE)  # a run may end before it writes the file, and sweeps then
    writing = asyncio.create_task(_write(run / _FILE, under_way, over))
    try:
        with counted(under_way):
            yield
    finally:
        over.set()
        await writing  # not cancelled: its thread would go on and write the file once more
        with suppress(OSError):
            await asyncio.to_thread((run / _FILE).unlink, missing_ok=True)


def working_in(run: Path) -> list[WorkingEpisode]:
    """Returns the episodes under way in the run folder; none if nothing was written lately."""
    try:
        found = _Snapshot.model_validate_json(read_bounded(run / _FILE, _LARGEST))
    except (OSError, ValidationError):
        return []
    return found.episodes if abs(time.time() - found.at) < _STALE_S else []


async def _write(file: Path, under_way: UnderWay, over: asyncio.Event) -> None:
    while True:
        with suppress(TimeoutError):
            await asyncio.wait_for(over.wait(), _EVERY_S)
            return
        playing = [*under_way.episodes, *under_way.elsewhere]
        episodes = [WorkingEpisode(user=each.user, step=each.step, node=each.node) for each in playing if each.node]
        text = _Snapshot(at=time.time(), episodes=episodes).model_dump_json()
        with suppress(OSError):  # the page misses a second; the run goes on
            await asyncio.to_thread(write_whole, file, text)
