"""The Critic under test with models whose values are known beforehand."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from billp.agents.llm.asking import Request
from billp.agents.llm.reading import Reply
from billp.agents.llm.usage import Usage
from billp.errors import ArtifactError, ModelUnavailableError
from billp.experiments.analysis.critic_study import CriticStudy, study_critic, study_recorded
from billp.experiments.runs.run_folder import read_lines
from billp.experiments.runs.training import train
from billp.experiments.stats.reliability import known_returns
from billp.graphs.resources import Resources
from billp.settings import load_settings
from tests.cli.tiny import put_tiny
from tests.fakes.embedder import HashEmbedder
from tests.fakes.model import RuleModel, sensible_reply

_COST = Usage(calls=1)


def critic_says(scored: str, sampled: str) -> Callable[[Request], Reply]:
    """A rule by which the Critic's first token and its sample are always these."""

    def rule(request: Request) -> Reply:
        if request.role != "critic":
            return sensible_reply(request)
        return Reply(scored, {scored: 0.0}, _COST) if request.scores else Reply(sampled, usage=_COST)

    return rule


@dataclass
class Bars:
    """Counts what the progress bars count."""

    counted: dict[str, list[int]] = field(default_factory=dict)

    @contextmanager
    def __call__(self, text: str, total: int) -> Iterator[Callable[[], None]]:
        done = self.counted[text] = [0, total]

        def advance() -> None:
            done[0] += 1

        yield advance


async def studied(model: RuleModel, tmp_path: Path, *, bars: Bars | None = None, **flags: object) -> CriticStudy:
    put_tiny(Path(os.environ["BILLP_DATA_DIR"]), tmp_path / "source")
    settings = load_settings({name.replace("__", "."): value for name, value in flags.items()})
    async with Resources(settings, model=model, embedder=HashEmbedder()) as resources:
        return await study_critic(
            resources, dataset="tiny", method="billp", users=6, seeds=[0], memory="mine",
            ways=["logprobs", "sample"], run=tmp_path / "run", resume=False, bar=bars or Bars(),
        )  # fmt: skip


async def test_what_is_wrong_with_known_values_is_found(tmp_path: Path):
    model, bars = RuleModel(critic_says("9", "0")), Bars()
    found = await studied(model, tmp_path, bars=bars, critic__gamma=0.5)
    lines = read_lines(tmp_path / "run")
    worth = [g for line in lines if line.output for g in known_returns(line.output, 0.5) if g is not None]
    states = sum(line.output["length"] for line in lines if line.output)
    assert (found.episodes, found.failed, found.gamma) == (6, 0, 0.5)
    assert found.hidden == states - len(worth)
    assert found.unjudged == {"logprobs": 0, "sample": 0}
    high, low = found.ways["logprobs"], found.ways["sample"]
    assert high.states == low.states == len(worth)
    assert (high.mean_value, low.mean_value) == (10, 0)
    assert high.bias == pytest.approx(10 - np.mean(worth))
    assert low.bias == pytest.approx(-np.mean(worth))
    assert high.variance == pytest.approx(np.var(worth))
    assert high.rank_correlation is None
    assert len(high.bins) == 1
    assert CriticStudy.model_validate_json((tmp_path / "run" / "critic.json").read_text()) == found
    asked = [request for request in model.requests if request.role == "critic"]
    assert len(asked) == 2 * len(worth), "only states whose return is known are judged"
    assert bars.counted["playing billp"] == [6, 6]
    assert bars.counted["judging by sample"] == [len(worth)] * 2


async def test_both_ways_judge_the_same_states_with_seeds_of_their_own(tmp_path: Path):
    model = RuleModel()
    await studied(model, tmp_path, run__side_by_side=1)  # side by side, threads decide which state is asked first
    scored, sampled = (
        [request for request in model.requests if request.role == "critic" and request.scores is way]
        for way in (True, False)
    )
    assert [request.user for request in scored] == [request.user for request in sampled]
    seeds = {request.seed for request in [*scored, *sampled]}
    assert len(seeds) == len(scored) + len(sampled)


async def test_states_without_a_usable_value_are_counted_and_left_out_of_both(tmp_path: Path):
    def rule(request: Request) -> Reply:
        if request.role == "critic" and not request.scores and "Film 3" in request.user:
            return Reply("no digit", usage=_COST)
        return sensible_reply(request)

    found = await studied(RuleModel(rule), tmp_path)
    assert found.unjudged["logprobs"] == 0
    assert found.unjudged["sample"] > 0
    assert found.ways["logprobs"].states == found.ways["sample"].states > 0


async def test_without_any_value_the_study_says_so(tmp_path: Path):
    def rule(request: Request) -> Reply:
        if request.role == "critic":
            raise ModelUnavailableError("down")
        return sensible_reply(request)

    found = await studied(RuleModel(rule), tmp_path)
    assert found.ways["logprobs"].states == 0
    assert found.ways["logprobs"].bias is None
    assert found.unjudged["logprobs"] == found.unjudged["sample"] > 0


async def test_recorded_values_are_read_without_an_llm(tmp_path: Path):
    put_tiny(Path(os.environ["BILLP_DATA_DIR"]), tmp_path / "source")
    settings = load_settings({"critic.gamma": 0.3})
    async with Resources(settings, model=RuleModel(), embedder=HashEmbedder()) as resources:
        await train(
            resources, dataset="tiny", method="billp", episodes=4, seed=0, memory="mine", run=tmp_path / "run",
            resume=False,
        )  # fmt: skip
    found = study_recorded(tmp_path / "run")
    pairs = [
        (step["value"], worth)
        for line in read_lines(tmp_path / "run")
        if line.output
        for step, worth in zip(line.output["steps"], known_returns(line.output, 0.3), strict=True)
        if worth is not None and step["value"] is not None
    ]
    assert (found.dataset, found.method, found.memory, found.gamma) == ("tiny", "billp", "mine", 0.3)
    assert found.ways.keys() == {"logprobs"}
    assert found.ways["logprobs"].states == len(pairs) > 4
    assert found.ways["logprobs"].bias == pytest.approx(np.mean([value - worth for value, worth in pairs]))
    assert not (tmp_path / "run" / "critic.json").exists(), "a run that is only read stays as it is"


async def test_a_run_that_nobody_judged_is_refused(tmp_path: Path):
    await studied(RuleModel(), tmp_path)
    with pytest.raises(ArtifactError, match=r"The steps of run .* have no values.*critic\.always=true"):
        study_recorded(tmp_path / "run")


def test_there_must_be_a_run_to_read(tmp_path: Path):
    with pytest.raises(ArtifactError, match="There is no run in"):
        study_recorded(tmp_path)
