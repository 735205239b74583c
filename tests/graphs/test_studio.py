"""The graphs of `langgraph dev`: one state machine, and limits that let the longest episode pass."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any, ClassVar, Self

import pytest
from blockbuster import blockbuster_ctx
from pydantic import TypeAdapter, ValidationError

import billp.graphs.studio
from billp.agents.llm.abilities import Abilities
from billp.agents.llm.asking import Request
from billp.agents.llm.reading import Reply
from billp.agents.prompt_pack import TERSE_PACK, load_pack
from billp.errors import PromptError, SettingsError
from billp.graphs.forms import LiveContext, ReactContext, ServedContext, shown_pack
from billp.graphs.resources import Resources
from billp.graphs.served import Name, SharedDependencies, made_dependencies, served_graph
from billp.graphs.state import EpisodeContext
from billp.setting_groups import LLMSettings
from billp.settings import load_settings
from tests.cli.tiny import put_tiny
from tests.fakes.embedder import HashEmbedder, hash_everywhere
from tests.fakes.model import FakeChat, RuleModel, sensible_reply
from tests.fakes.worlds import tiny_dataset, tiny_worlds

GRAPHS = ("billp", "reflexion", "react", "act_only", "live")


@pytest.fixture(autouse=True)
def own_services() -> None:
    made_dependencies.cache_clear()
    shown_pack.cache_clear()


@pytest.mark.parametrize("name", GRAPHS)
def test_a_graph_is_compiled_once_and_lets_long_episodes_pass(name: Name):
    graph: Any = getattr(billp.graphs.studio, name)
    assert graph.name == name
    assert graph.config["recursion_limit"] > 9 * 1000
    assert graph is served_graph(name)


def test_a_graph_of_one_method_has_its_name_by_default():
    assert ReactContext().method == "react"


@pytest.mark.parametrize("wrong", [{"method": "billp"}, {"seed": -1}, {"split": "other"}, {"nonsense": 1}])
def test_a_graph_of_one_method_takes_no_other_and_a_form_no_nonsense(wrong: dict[str, Any]):
    with pytest.raises(ValidationError):
        ReactContext(**wrong)


class Named(FakeChat):
    """A server's model that keeps what it was asked, by its name."""

    base_url: str
    settings: LLMSettings
    abilities: Abilities = Abilities()
    waits: bool = True
    asked: ClassVar[list[tuple[str, Request]]] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None: ...

    async def answer(self, request: Request) -> Reply:
        self.asked.append((self.settings.model, request))
        return sensible_reply(request)


@pytest.fixture
async def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A user of the tiny dataset, whose LLM is a server that notes what it is asked."""
    await asyncio.to_thread(put_tiny, Path(os.environ["BILLP_DATA_DIR"]), tmp_path / "source")
    monkeypatch.setenv("BILLP_LLM_BASE_URL", "http://llm/v1")
    monkeypatch.setattr("billp.graphs.resources.ServerChat", Named)
    hash_everywhere(monkeypatch.setattr)
    Named.asked.clear()
    return tiny_dataset().user_keys[int(tiny_worlds().train.users[0])]


async def asked_with(user: str, **fields: Any) -> list[tuple[str, Request]]:
    """What an episode of ReAct asks with these fields of the context."""
    Named.asked.clear()
    given: Any = {"user": user}
    context = ServedContext(dataset="tiny", **{"method": "react", **fields})
    done = await billp.graphs.studio.billp.ainvoke(given, context=context)
    assert done["length"] >= 1
    return list(Named.asked)


async def test_the_model_and_its_sampling_can_be_chosen_for_each_episode(user: str):
    usual = load_settings()
    for fields, model, sampling in (
        ({}, usual.llm.model, (usual.planner.temperature, 1.0, usual.planner.max_tokens)),
        ({"model": "other"}, "other", (usual.planner.temperature, 1.0, usual.planner.max_tokens)),
        ({"temperature": 0.0, "top_p": 0.5, "max_tokens": 7}, usual.llm.model, (0.0, 0.5, 7)),
    ):
        asked = await asked_with(user, **fields)
        assert {name for name, _ in asked} == {model}
        planned = {(r.temperature, r.top_p, r.max_tokens) for _, r in asked if r.role == "planner"}
        assert planned == {sampling}
        tokens = {r.max_tokens for _, r in asked if r.role == "actor"}
        assert 7 not in tokens, "the Actor says a letter, however long thoughts may be"


async def test_prompts_can_be_edited_for_each_episode(user: str):
    usual, terse = load_pack(), load_pack(TERSE_PACK)

    async def planner(**fields: Any) -> set[str]:
        return {r.system for _, r in await asked_with(user, **fields) if r.role == "planner"}

    assert await planner() == {usual["planner"].fixed}
    assert await planner(planner_prompt="Plan well.") == {"Plan well."}
    both = await asked_with(user, planner_prompt="Plan well.\n=====\nLiked: {{ history | length }}")
    assert {r.user for _, r in both if r.role == "planner"} == {"Liked: 10"}
    assert {r.system for _, r in both if r.role == "actor"} == {usual["actor-shortlist"].fixed}
    shown = usual["planner"].text
    assert await planner(prompts=str(TERSE_PACK), planner_prompt=shown) == {terse["planner"].fixed}, "nobody edited it"


async def test_an_edited_prompt_that_cannot_be_is_refused_by_name(user: str):
    with pytest.raises(PromptError, match="planner prompt uses the unknown variable 'candidates'"):
        await asked_with(user, planner_prompt="a\n=====\n{{ candidates }}")


def test_studio_can_edit_each_prompt_at_its_node_and_choose_the_model():
    fields: Any = TypeAdapter(ServedContext).json_schema()["properties"]
    assert fields["model"]["__template_metadata__"] == {"kind": "llm"}
    nodes = set(billp.graphs.studio.billp.get_graph().nodes)
    prompts = {name: field for name, field in fields.items() if field.get("langgraph_type") == "prompt"}
    assert {node for field in prompts.values() for node in field["langgraph_nodes"]} == {
        "plan", "act", "criticise", "reflect",
    } <= nodes  # fmt: skip
    assert "wish_prompt" not in fields
    live: Any = TypeAdapter(LiveContext).json_schema()["properties"]
    assert live["wish_prompt"]["langgraph_nodes"] == ["heed"]
    assert "heed" in billp.graphs.studio.live.get_graph().nodes
    assert prompts["critic_prompt"]["default"] == load_pack()["critic"].text


async def test_the_embedded_server_knows_one_model():
    deps = SharedDependencies(Resources(load_settings()))
    with pytest.raises(SettingsError, match="knows one model and not 'other'; leave model empty"):
        await deps.get(ServedContext(model="other"), "u0")


async def test_no_node_of_a_served_episode_blocks_the_event_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    await asyncio.to_thread(put_tiny, Path(os.environ["BILLP_DATA_DIR"]), tmp_path / "source")
    user = tiny_dataset().user_keys[int(tiny_worlds().train.users[0])]
    context = EpisodeContext(dataset="tiny", learn=True)
    formless = [Reply("Vary.")] * 3  # all tries of the first episode, whose lesson is then what its numbers say

    def rule(request: Request) -> Reply:
        return formless.pop() if request.role == "reflector" and formless else sensible_reply(request)

    async with Resources(load_settings(), model=RuleModel(rule), embedder=HashEmbedder()) as resources:
        monkeypatch.setattr("billp.graphs.served.Resources", lambda _settings: resources)
        with blockbuster_ctx():
            graph = billp.graphs.studio.billp
            first, second = [
                await graph.ainvoke({"user": user, "episode": episode}, context=context) for episode in ("e1", "e2")
            ]
    assert first["reflection"], "it learned"
    assert second["ended"] == "horizon" or second["claim"], "and said why the user left"
    assert [lesson["text"] for lesson in second["reflections"]] == [first["reflection"]], "and read it back"
