"""The demo: learns from a few episodes of MovieLens-100k and compares with methods that do not learn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from billp.errors import ArtifactError
from billp.experiments.compare.pairs import compare_pair
from billp.experiments.runs.configured_folder import ConfiguredFolder
from billp.experiments.runs.evaluation import evaluate
from billp.experiments.runs.run_folder import read_lines
from billp.experiments.runs.run_names import row_name
from billp.experiments.runs.training import train
from billp.experiments.stats.intervals import Estimate
from billp.experiments.stats.metrics import Summary
from billp.graphs.resources import Resources
from billp.memory import drop_memory
from billp.settings import Settings
from billp.simulators import build_worlds, fetch_known, load_worlds, made_and_saved, simulator_folder

DATASET = "ml-100k"
_LEARNS = "billp-no-logs"  # so that what is learned from answers shows
MEMORY = "demo"
"""The memory that the demo learns into; each demo starts with it empty."""
Bar = Callable[[str, int], AbstractContextManager[Callable[[], None]]]


@dataclass(frozen=True)
class Shown:
    """The results of a demo.

    `rows` are the summaries by the names of their rows. `gain` is R_traj after learning minus that before it, user by
    user. `step` names a run, an episode and one of its steps, for questions to memory; None if every episode failed.
    """

    rows: Mapping[str, Summary]
    gain: Estimate
    step: tuple[str, str, int] | None


def prepare(settings: Settings, progress: Callable[[float], None]) -> None:
    """Fetches the dataset and builds its simulator if they do not exist yet, or have other settings."""
    dataset = fetch_known(settings.data, DATASET, lambda fraction: progress(0.3 * fraction))
    folder = simulator_folder(settings.data, DATASET)
    try:
        if load_worlds(folder, dataset).train.settings == settings.simulator:
            return
    except ArtifactError:
        pass  # not built yet, or by another version: built now
    made_and_saved(
        folder,
        lambda: build_worlds(dataset, settings.simulator, lambda fraction: progress(0.3 + 0.7 * fraction)),
    )


async def run_demo(
    resources: Resources, *, folder: Path, episodes: int, users: int, seed: int, bar: Bar, dataset: str = DATASET
) -> Shown:
    """Evaluates random, act-only and billp on the same users and seeds.

    It learns first from answers alone, and evaluates before and after `episodes` of training; then it adds the train
    users' logs, with the same memory. Everything is in `folder`; the memory is the demo's own, MEMORY, which it empties
    first.
    """
    drop_memory(resources.settings, dataset, MEMORY)
    start, learned, both = row_name(_LEARNS, 0), row_name(_LEARNS, episodes), row_name("billp", episodes)
    at = {title: folder / title.replace(" ", "-") for title in ("random", "act-only", start, "training", learned, both)}
    plan = {"command": "demo", "parts": [part.name for part in at.values()], "train_episodes": episodes, "users": users}
    rows: dict[str, Summary] = {}

    async def measure(title: str, method: str) -> None:
        with bar(title, users) as advance:
            rows[title] = await evaluate(
                resources, dataset=dataset, method=method, users=users, seeds=[seed], memory=MEMORY, run=at[title],
                resume=False, on_episode=lambda _: advance(),
            )  # fmt: skip

    with ConfiguredFolder(folder, {"plan": plan, "dataset": {"name": dataset}}, {}, resume=False):
        await measure("random", "random")
        await measure("act-only", "act-only")
        await measure(start, _LEARNS)
        with bar(f"learning from {episodes} episodes", episodes) as advance:
            await train(
                resources, dataset=dataset, method=_LEARNS, episodes=episodes, seed=seed, memory=MEMORY,
                run=at["training"], resume=False, on_episode=lambda _: advance(),
            )  # fmt: skip
        await measure(learned, _LEARNS)
        await measure(both, "billp")
    before, after = at[start], at[learned]
    first = next((line for line in read_lines(after) if line.output is not None), None)
    return Shown(
        rows=rows,
        gain=compare_pair("after", read_lines(after), "before", read_lines(before), "r_traj").difference,
        step=None
        if first is None or first.output is None
        else (after.relative_to(folder.parent).as_posix(), first.id, min(3, first.output["length"])),
    )
