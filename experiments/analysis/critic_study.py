"""Tests the Critic: compares its values with the returns of the states."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from billp.agents.llm.asking import call_seed
from billp.agents.roles.critic import Critic
from billp.errors import ArtifactError, EpisodeError
from billp.experiments.runs.configured_folder import LOCK, locked, read_config
from billp.experiments.runs.engine import together
from billp.experiments.runs.episode_lines import EpisodeLine
from billp.experiments.runs.evaluation import evaluate
from billp.experiments.runs.run_folder import read_lines
from billp.experiments.runs.run_names import JUDGED
from billp.experiments.stats.reliability import Reliability, known_returns, reliability
from billp.graphs.dependencies import Dependencies
from billp.graphs.methods import method_named
from billp.graphs.nodes import judge
from billp.graphs.resources import Resources
from billp.graphs.state import Trajectory, observation_of
from billp.whole_files import write_whole

ValueWay = Literal["logprobs", "sample"]
Bar = Callable[[str, int], AbstractContextManager[Callable[[], None]]]


class CriticStudy(BaseModel):
    """The results for each way to a value, over the same states."""

    model_config = ConfigDict(frozen=True)

    dataset: str
    method: str
    memory: str
    gamma: float
    episodes: int
    failed: int
    hidden: int
    """States whose return is unknown because the horizon hides too much of it; they are left out."""
    unjudged: dict[str, int]
    """States, by way, for which the Critic gave no usable value; they are left out of every way."""
    ways: dict[str, Reliability]


@dataclass(frozen=True, slots=True)
class _State:
    """The state before step `position` (from 0) of a finished episode, and its Monte-Carlo return."""

    line: EpisodeLine
    done: Trajectory
    position: int
    worth: float


async def study_critic(
    resources: Resources,
    *,
    dataset: str,
    method: str,
    users: int,
    seeds: list[int],
    memory: str,
    ways: Sequence[ValueWay],
    run: Path,
    resume: bool,
    bar: Bar,
) -> CriticStudy:
    """Plays evaluation episodes into `run` and judges each of their states in each way; also writes `critic.json`.

    Memory is read, never written. Each way has its own sampling seeds. Raises what evaluation raises.
    """
    with bar(f"playing {method}", users * len(seeds)) as advance:
        await evaluate(
            resources, dataset=dataset, method=method, users=users, seeds=seeds, memory=memory, run=run,
            resume=resume, on_episode=lambda _: advance(), judged_by=ways,
        )  # fmt: skip
    learns = method_named(method).remembers
    deps = resources.deps(
        dataset, memory=memory if learns else None, llm=True, method=method_named(method), reading=True
    )
    gamma = deps.settings.critic.gamma
    with locked(run / LOCK):  # it is running while it is judged
        lines = read_lines(run)
        states, hidden = _states(lines, gamma)
        values: dict[str, list[float | None]] = {}
        for way in ways:
            with bar(f"judging by {way}", len(states)) as advance:
                values[way] = await _judged(deps, resources, way, states, advance)
        study = _study(
            values, states, hidden, lines, dataset=dataset, method=method, memory=memory if learns else "", gamma=gamma
        )
        write_whole(run / JUDGED, study.model_dump_json(indent=2) + "\n")
    return study


def study_recorded(run: Path) -> CriticStudy:
    """Returns the same study from the values that a finished run recorded in its steps, without an LLM.

    Raises ArtifactError if there is no run in `run`, or if its steps have no values.
    """
    lines, config = read_lines(run), read_config(run)
    try:
        plan, critic = config["plan"], config["settings"]["critic"]
        gamma, way, method, memory = float(critic["gamma"]), critic["value"], plan["method"], plan["memory"]
        dataset = config["dataset"]["name"]
    except (KeyError, TypeError) as error:
        raise ArtifactError(f"The config of {run} lacks {error}; name a run of this version.") from error
    states, hidden = _states(lines, gamma)
    values = [state.done["steps"][state.position]["value"] for state in states]
    if all(value is None for value in values):
        raise ArtifactError(
            f"The steps of run {run} have no values; name a training run of a method with a Critic, "
            f"or one made with critic.always=true."
        )
    return _study({way: values}, states, hidden, lines, dataset=dataset, method=method, memory=memory, gamma=gamma)


def _states(lines: Sequence[EpisodeLine], gamma: float) -> tuple[list[_State], int]:
    """Returns every state whose return is known, and the number of the others."""
    states, hidden = [], 0
    for line in sorted(lines, key=lambda line: line.id):
        if line.output is None:
            continue
        for position, worth in enumerate(known_returns(line.output, gamma)):
            if worth is None:
                hidden += 1
            else:
                states.append(_State(line, line.output, position, worth))
    return states, hidden


async def _judged(
    deps: Dependencies, resources: Resources, way: ValueWay, states: Sequence[_State], advance: Callable[[], None]
) -> list[float | None]:
    """Returns V of each state, None where the Critic gave no value."""
    settings = deps.settings
    asked = settings.critic.model_copy(update={"value": way})
    critic = Critic(resources.model, deps.pack["critic"], asked, settings.planner.shown_steps)
    at_once = asyncio.Semaphore(settings.run.side_by_side)

    async def one(state: _State) -> float | None:
        observed = deps.observed(observation_of(state.done, state.position))
        seed = call_seed(state.line.seed, state.line.id, state.position, f"judge by {way}")
        async with at_once:
            try:
                value = (await judge(deps, critic, observed, seed, always=True)).value
            except EpisodeError:
                value = None
        advance()
        return value

    return await together(one(state) for state in states)


def _study(
    values: Mapping[str, list[float | None]],
    states: Sequence[_State],
    hidden: int,
    lines: Sequence[EpisodeLine],
    *,
    dataset: str,
    method: str,
    memory: str,
    gamma: float,
) -> CriticStudy:
    judged = [place for place in range(len(states)) if all(column[place] is not None for column in values.values())]
    returns = [states[place].worth for place in judged]
    return CriticStudy(
        dataset=dataset,
        method=method,
        memory=memory,
        gamma=gamma,
        episodes=len(lines),
        failed=sum(line.status == "failed" for line in lines),
        hidden=hidden,
        unjudged={way: sum(value is None for value in column) for way, column in values.items()},
        ways={
            way: reliability([value for place in judged if (value := column[place]) is not None], returns)
            for way, column in values.items()
        },
    )
