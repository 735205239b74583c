"""The application on a real vLLM: episodes, constraints, log-probabilities, refusals, and prompts that are too long."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from pydantic import Field, SecretStr

from billp.agents.llm.asking import Request, ask
from billp.agents.llm.reading import Reply
from billp.agents.llm.server_chat import ServerChat
from billp.agents.observation import AgentObservation
from billp.agents.prompt_pack import load_pack
from billp.agents.roles.planner import Known, Planner
from billp.catalogue import Item
from billp.errors import ContextOverflowError, ModelUnavailableError
from billp.experiments.runs.run_folder import read_lines
from billp.experiments.runs.single_episode import run_single
from billp.experiments.runs.training import train
from billp.graphs.resources import Resources
from billp.setting_groups import LLMSettings
from billp.settings import PlannerSettings, Settings, load_settings
from tests.cli.tiny import put_tiny
from tests.fakes.embedder import HashEmbedder
from tests.fakes.model import FakeChat
from tests.fakes.worlds import tiny_dataset, tiny_worlds
from tests.integration_vllm.conftest import CONTEXT, INTERPRETER, KEY, NAME, Vllm

pytestmark = [
    pytest.mark.integration,
    pytest.mark.vllm,
    pytest.mark.enable_socket,
    pytest.mark.skipif(not INTERPRETER.exists(), reason="vLLM is not installed: make install-vllm"),
]
USER = tiny_dataset().user_keys[int(tiny_worlds().train.users[0])]


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """The test's data folder, with the tiny dataset and its simulator."""
    data = Path(os.environ["BILLP_DATA_DIR"])
    put_tiny(data, tmp_path / "source")
    return data


def settings(vllm: Vllm, **flags: Any) -> Settings:
    at = {"llm.base_url": vllm.base_url, "llm.model": NAME, "llm.api_key": KEY, "llm.timeout_s": 180}
    return load_settings(at | {"run.horizon": 3} | {name.replace("__", "."): value for name, value in flags.items()})


def client(vllm: Vllm) -> ServerChat:
    return ServerChat(base_url=vllm.base_url, settings=LLMSettings(model=NAME, api_key=SecretStr(KEY), timeout_s=180))


def question(**changes: Any) -> Request:
    asked: dict[str, Any] = {
        "role": "test", "system": "You are brief.", "user": "What colour is the sky?", "temperature": 0.0,
        "max_tokens": 24, "seed": 1,
    }  # fmt: skip
    return Request(**(asked | changes))


async def test_an_episode_is_planned_played_judged_and_reflected_on(vllm: Vllm, tiny: Path):
    async with Resources(settings(vllm), embedder=HashEmbedder()) as resources:
        done = await run_single(
            resources, dataset="tiny", method="billp", user=USER, seed=0, memory="m", learn=True
        )  # fmt: skip
        assert resources.memory("tiny", "m").stats().counts["reflections"] == 1
        highest = 5 / (1 - resources.settings.critic.gamma)
    assert 1 <= done["length"] <= 3
    assert done["reflection"]
    for step in done["steps"]:
        assert step["thought"]
        assert step["item"] in step["shortlist"]
        assert step["value"] is not None
        assert 0 < step["value"] < highest, "an expectation over scores"
    assert done["usage"]["format_failures"] == 0, "log-probabilities held letters and digits"


@pytest.mark.parametrize("temperature", [0.0, 2.0])
async def test_a_constrained_choice_is_enforced(vllm: Vllm, temperature: float):
    choices = ("zyzzyva", "quokka", 'a "quoted" title, The (1995)')
    async with client(vllm) as model:
        reply = await ask(model, question(choices=choices, max_tokens=40, temperature=temperature))
    assert json.loads(reply.text) in choices


async def test_the_first_tokens_alternatives_are_given(vllm: Vllm):
    async with client(vllm) as model:
        reply = await ask(model, question(user="Rate this film from 0 to 9 with one digit.", scores=True, max_tokens=1))
    assert len(reply.first_token) >= 20
    assert all(logprob <= 0 for logprob in reply.first_token.values())


async def test_a_repeated_prefix_is_served_from_the_cache(vllm: Vllm):
    fixed = "You plan recommendations for one user of a film library. " * 16
    async with client(vllm) as model:
        await ask(model, question(system=fixed, user="First.", max_tokens=1))
        again = await ask(model, question(system=fixed, user="Second.", max_tokens=1))
    assert 60 < again.usage.cached_tokens <= again.usage.prompt_tokens


async def test_16_episodes_run_side_by_side(vllm: Vllm, tiny: Path):
    async with Resources(
        settings(vllm, run__side_by_side=16, run__batch=16, run__horizon=2), embedder=HashEmbedder()
    ) as resources:
        run = resources.settings.runs_dir / "many"
        summary = await train(
            resources, dataset="tiny", method="billp", episodes=16, seed=0, memory="many", run=run, resume=False
        )
        assert resources.load.calls_at_once > 6
    assert (summary.episodes, summary.failed) == (16, 0)
    assert summary.cached_share > 0.2
    assert len({line.id for line in read_lines(run)}) == 16


@pytest.mark.parametrize(
    ("flags", "status"), [({"llm__api_key": "sk-wrong"}, "401"), ({"llm__model": "nobody"}, "404")]
)
async def test_a_wrong_key_or_name_is_refused_before_the_run(
    vllm: Vllm, tiny: Path, flags: dict[str, Any], status: str
):
    async with Resources(settings(vllm, **flags), embedder=HashEmbedder()) as resources:
        run = resources.settings.runs_dir / "refused"
        with pytest.raises(ModelUnavailableError, match=f"status {status}.*check llm.model, llm.api_key") as refused:
            await train(
                resources, dataset="tiny", method="billp", episodes=2, seed=0, memory="m", run=run, resume=False
            )  # fmt: skip
    assert "sk-wrong" not in str(refused.value)
    assert not run.exists()


class Overheard(FakeChat):
    """A model that remembers what was answered, and what was refused as too long."""

    real: ServerChat
    answered: list[Request] = Field(default_factory=list)
    refused: list[Request] = Field(default_factory=list)

    async def answer(self, request: Request) -> Reply:
        try:
            reply = await ask(self.real, request)
        except ContextOverflowError:
            self.refused.append(request)
            raise
        self.answered.append(request)
        return reply


async def test_a_prompt_that_is_too_long_loses_its_oldest_steps(vllm: Vllm):
    films = tuple(
        Item(i, f"i{i}", f"Film number {i} with a rather long title indeed", ("Drama",), 1990) for i in range(99)
    )
    observed = AgentObservation(history=films[:2], recommended=films, rewards=(4,) * len(films))
    prompt = load_pack()["planner"]
    async with client(vllm) as real:
        model = Overheard(real=real)
        planner = Planner(model, prompt, PlannerSettings(shown_steps=len(films)))
        thought = await planner.think(observed, Known(["Mix genres."]), ["Drama"], seed=0)
    assert thought.text
    assert model.refused
    (answered,) = model.answered
    assert answered.system == prompt.fixed
    assert "Film number 98 " in answered.user, "the newest step stays"
    assert "Film number 2 " not in answered.user, "the oldest step goes"
    assert "Mix genres." in answered.user
    assert "- Film number 1 " in answered.user, "the history stays while there are steps to leave out"
    assert CONTEXT // 4 < thought.usage.prompt_tokens < CONTEXT, "no more than half of what fits is left out"


async def test_a_prompt_that_cannot_be_cut_fails_by_name(vllm: Vllm):
    async with client(vllm) as model:
        with pytest.raises(ContextOverflowError, match="prompt is longer than the context"):
            await ask(model, question(user="word " * 2 * CONTEXT))
