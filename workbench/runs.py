"""Trains, evaluates and compares methods, as the commands of the same names do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from rich.progress import Progress

from billp.agents.prompt_pack import load_pack
from billp.errors import SettingsError
from billp.experiments.checks import check_dataset, check_method, check_run
from billp.experiments.compare.comparison import compare as run_comparison
from billp.experiments.compare.design import Design, arms_of, checked
from billp.experiments.compare.results import Comparison
from billp.experiments.runs.evaluation import evaluate as run_evaluation
from billp.experiments.runs.run_names import run_name
from billp.experiments.runs.training import train as run_training
from billp.experiments.stats.metrics import Summary
from billp.graphs.methods import teachable
from billp.graphs.resources import Resources
from billp.settings import Settings, load_settings
from billp.workbench.results import Result

Changes = Mapping[str, Any]
"""Settings by dotted name: `{"run.horizon": 10, "run.quit_rule": "patience"}`."""
Advance = Callable[[object], None]
Found = TypeVar("Found")


def train(
    method: str = "billp",
    *,
    dataset: str = "ml-100k",
    episodes: int = 100,
    seed: int = 0,
    memory: str | None = None,
    run: str | None = None,
    resume: bool = False,
    settings: Changes | None = None,
    progress: bool = True,
) -> Result:
    """Learns from `episodes` episodes with train users, into the memory `memory` (None: the method's name).

    `settings` override those of the environment and of billp.toml, the language model's included (`llm.base_url`,
    `llm.model`). `run` names the folder (None: made from method and time); with `resume` it goes on. Raises a
    BillpError, with a sentence that says what to do, for what is missing or invalid.
    """
    if teachable(method).needs_policy:
        raise SettingsError(f"Train {method} with `billp train --method {method}`; then evaluate it here.")
    held = load_settings(settings or {})
    check_dataset(held, dataset)
    folder = _folder(held, run, "train", method, resume=resume)

    def work(resources: Resources, advance: Advance) -> Coroutine[Any, Any, Summary]:
        return run_training(
            resources, dataset=dataset, method=method, episodes=episodes, seed=seed, memory=memory or method,
            run=folder, resume=resume, on_episode=advance,
        )  # fmt: skip

    return Result(folder, {method: _run(held, work, f"training {method}", episodes, shown=progress)})


def evaluate(
    method: str = "billp",
    *,
    dataset: str = "ml-100k",
    users: int = 20,
    seeds: Sequence[int] = (0,),
    memory: str | None = None,
    untrained: bool = False,
    run: str | None = None,
    resume: bool = False,
    settings: Changes | None = None,
    progress: bool = True,
) -> Result:
    """Meets `users` held-out users once with each seed; memory is read, never written.

    The other parameters are those of `train`. With `untrained` the method is measured before it learned.
    """
    held = load_settings(settings or {})
    check_method(held, method, dataset, memory or method, untrained=untrained)
    folder = _folder(held, run, "evaluate", method, resume=resume)

    def work(resources: Resources, advance: Advance) -> Coroutine[Any, Any, Summary]:
        return run_evaluation(
            resources, dataset=dataset, method=method, users=users, seeds=list(seeds), memory=memory or method,
            run=folder, resume=resume, on_episode=advance,
        )  # fmt: skip

    return Result(folder, {method: _run(held, work, f"evaluating {method}", users * len(seeds), shown=progress)})


def compare(
    methods: Sequence[str],
    *,
    dataset: str = "ml-100k",
    base: str | None = None,
    episodes: int = 100,
    users: int = 100,
    seeds: Sequence[int] = (0,),
    probes: Sequence[int] = (),
    probe_users: int = 20,
    run: str | None = None,
    resume: bool = False,
    settings: Changes | None = None,
    progress: bool = True,
) -> Result:
    """Trains every learning method with its own memory for each seed, then meets the same held-out users.

    `base` is what the others are compared with (None: the first method). `probes` are numbers of training episodes,
    below `episodes`, after which `probe_users` are met for the learning curve. The other parameters are those of
    `train`.
    """
    held = load_settings(settings or {})
    check_dataset(held, dataset)
    arms = arms_of(list(methods), [load_pack(held.prompts)])
    design = Design(
        dataset=dataset, arms=arms, base=base or arms[0].name, train_episodes=episodes, users=users, seeds=tuple(seeds),
        probes=tuple(sorted(set(probes))), probe_users=min(probe_users, users), stop_early=False,
    )  # fmt: skip
    checked(design, held.run.batch)
    folder = _folder(held, run, "compare", resume=resume)

    def work(resources: Resources, advance: Advance) -> Coroutine[Any, Any, Comparison]:
        return run_comparison(
            resources, design, run=folder, resume=resume, on_episode=advance, on_training=lambda _name, _share: None
        )

    found = _run(held, work, f"comparing {len(arms)} methods", design.episodes, shown=progress)
    return Result(folder, found.methods, found)


def _folder(settings: Settings, run: str | None, *parts: str, resume: bool) -> Path:
    return check_run(settings, run or run_name(*parts), resume=resume)


def _run(
    settings: Settings, work: Callable[[Resources, Advance], Coroutine[Any, Any, Found]], text: str, total: int, *,
    shown: bool,
) -> Found:  # fmt: skip
    """Returns the result of `work`, done with open resources under a progress bar of `total` episodes."""
    with Progress(disable=not shown) as bar:
        task = bar.add_task(text, total=total)

        async def opened() -> Found:
            async with Resources(settings) as resources:
                return await work(resources, lambda _: bar.advance(task))

        return wait_for(opened())


def wait_for(work: Coroutine[object, object, Found]) -> Found:
    """Returns the result of `work`, run on an event loop of its own."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(asyncio.run, work).result()
