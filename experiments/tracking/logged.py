"""A run as its tracker is told of it, beside the run: slowly, and without any harm to it."""

from __future__ import annotations

import asyncio
import json
import logging
import queue
import threading
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from billp.experiments.checks import TRACKERS, check_tracker
from billp.experiments.runs.configured_folder import flat
from billp.experiments.runs.episode_lines import EpisodeLine
from billp.experiments.stats.episode_metrics import METRICS
from billp.experiments.stats.metrics import Summary
from billp.experiments.stats.tables import TextTable
from billp.experiments.tracking.mlflow import open_mlflow
from billp.experiments.tracking.tracker import Opens, Point, Tracker
from billp.experiments.tracking.wandb import open_wandb
from billp.settings import Settings
from billp.whole_files import read_bounded, write_whole

log = logging.getLogger(__name__)
_OPENS: dict[str, Opens] = {"mlflow": open_mlflow, "wandb": open_wandb}
_FILE = "tracked.json"  # the ids that trackers know the run by
_LARGEST = 10_000  # bytes of it
_KEPT = (".json", ".jsonl")
_PATIENCE_S = 180.0  # for what is still to be sent when a run has ended
OnEpisode = Callable[[EpisodeLine], None]


class RunLog:
    """What a run says to a tracker; everything is done by a thread of its own, and after a failure nothing is.

    Without `opens` nothing is said.
    """

    def __init__(self, opens: Callable[[], Tracker] | None, title: str = "") -> None:
        self._title = title
        self._waiting: deque[Point] = deque()  # filled by one thread and emptied by the other
        self._steps = Counter[str]()
        self._tasks: queue.SimpleQueue[Callable[[Tracker], None] | None] = queue.SimpleQueue()
        self._thread = None if opens is None else threading.Thread(target=self._work, args=(opens,), daemon=True)
        if self._thread is not None:
            self._thread.start()

    def following(self, series: str, on_episode: OnEpisode | None, before: int = 0) -> OnEpisode:
        """Returns a function that also says the numbers of each episode, which counts on from `before` episodes."""
        if self._thread is None:
            return on_episode or (lambda _: None)
        self._steps[series] = before

        def played(line: EpisodeLine) -> None:
            if on_episode is not None:
                on_episode(line)
            self._steps[series] += 1
            self.numbers(_numbers_of(series, self._steps[series], line))

        return played

    def numbers(self, points: Sequence[Point]) -> None:
        """Says other numbers."""
        if self._thread is not None:
            self._waiting.extend(points)
            self._tasks.put(self._send)

    def results(self, summaries: Mapping[str, Summary], tables: Sequence[TextTable]) -> None:
        """Says the final numbers, each with the bounds of its interval, and the tables."""
        self.numbers([point for name, summary in summaries.items() for point in _results_of(name, summary)])
        self._tasks.put(lambda tracker: tracker.tables(tables))

    def end(self, folder: Path, *, failed: bool) -> None:
        """Says the files of the run in `folder` and that it has ended; waits until all is said."""
        if self._thread is None:
            return
        self._tasks.put(lambda tracker: tracker.files(_files_of(folder)))
        self._tasks.put(lambda tracker: tracker.end(failed=failed))
        self._tasks.put(None)
        self._thread.join(_PATIENCE_S)
        if self._thread.is_alive():
            log.warning("%s takes too long; the rest of the run's numbers may be missing there.", self._title)

    def _send(self, tracker: Tracker) -> None:
        """Sends all that waits, which after a slow answer may be of many episodes."""
        points = [self._waiting.popleft() for _ in range(len(self._waiting))]
        if points:
            tracker.numbers(points)

    def _work(self, opens: Callable[[], Tracker]) -> None:
        try:
            tracker = opens()
            while (task := self._tasks.get()) is not None:
                task(tracker)
        except Exception as error:  # noqa: BLE001 -- whatever their client raises, the run goes on
            reason = (str(error) or type(error).__name__).splitlines()[0].rstrip(".")
            log.warning("%s cannot be used (%s); the run goes on without it.", self._title, reason)


@asynccontextmanager
async def logged(settings: Settings, folder: Path, config: Mapping[str, Any]) -> AsyncIterator[RunLog]:
    """Yields the log of the open run in `folder`, which is made with `config`; without a tracker it says nothing.

    Raises SettingsError if the tracker's package is not installed.
    """
    check_tracker(settings)
    wanted = settings.run.log_to
    if wanted == "none":
        yield RunLog(None)
        return

    def opened() -> Tracker:
        ids = _known(folder)
        parameters = {name: _short(value) for name, value in flat(config).items()}
        tracker = _OPENS[wanted](folder.name, parameters, ids.get(wanted))
        write_whole(folder / _FILE, json.dumps(ids | {wanted: tracker.id}) + "\n")
        return tracker

    said, failed = RunLog(opened, TRACKERS[wanted]), True
    try:
        yield said
        failed = False
    finally:
        await asyncio.to_thread(said.end, folder, failed=failed)


def _known(folder: Path) -> dict[str, str]:
    try:
        known: dict[str, str] = json.loads(read_bounded(folder / _FILE, _LARGEST))
    except FileNotFoundError:
        return {}
    return known


def _numbers_of(series: str, step: int, line: EpisodeLine) -> list[Point]:
    if line.output is None:
        return [Point(series, "failed", step, 1.0)]
    numbers = {name: line.number(name) for name in METRICS}
    usage = line.output["usage"]
    told = {
        **{name: number for name, number in numbers.items() if number is not None},
        "seconds": line.ended - line.started,
        "tokens": float(usage["prompt_tokens"] + usage["completion_tokens"]),
    }
    return [Point(series, name, step, value) for name, value in told.items()]


def _results_of(name: str, summary: Summary) -> list[Point]:
    numbers: dict[str, float | None] = {
        "episodes": summary.episodes, "failed": summary.failed, "tokens_per_step": summary.tokens_per_step,
        "seconds_per_step": summary.seconds_per_step,
        "coverage": None if summary.conduct is None else summary.conduct.coverage,
    }  # fmt: skip
    for metric in METRICS:
        estimate = summary.estimate(metric)
        low, high = estimate.ci95 or (None, None)
        numbers |= {metric: estimate.mean, f"{metric}_low": low, f"{metric}_high": high}
    return [Point(f"results/{name}", each, 0, float(value)) for each, value in numbers.items() if value is not None]


def _files_of(folder: Path) -> dict[str, Path]:
    found = sorted(path for path in folder.rglob("*") if path.suffix in _KEPT and path.is_file())
    shown = [path for path in found if not path.name.startswith(".")]
    return {path.relative_to(folder).as_posix(): path for path in shown}


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 500 else f"{text[:490]} ..."
