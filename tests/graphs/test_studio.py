"""The graphs of `langgraph dev`: one state machine, and limits that let the longest episode pass."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any, ClassVar, Self

import pytest
from blockbuster import blockbuster_ctx
from pydantic import ValidationError

import billp.graphs.studio
from billp.agents.llm.abilities import Abilities
from billp.agents.llm.asking import Request
from billp.agents.llm.reading import Reply
from billp.errors import SettingsError
from billp.graphs.forms import ReactContext, ServedContext
from billp.graphs.served import Name, served_graph
from billp.graphs.shared_services import LazyServices, made_services
from billp.graphs.state import EpisodeContext
from billp.graphs.workshop import Workshop
from billp.settings import LLMSettings, load_settings
from tests.cli.tiny import put_tiny
from tests.fakes.embedder import HashEmbedder
from tests.fakes.model import FakeChat, RuleModel, sensible_reply
from tests.fakes.worlds import tiny_dataset, tiny_worlds

GRAPHS = ("billp", "reflexion", "react", "act_only", "live")


@pytest.fixture(autouse=True)
def own_services() -> None:
    made_services.cache_clear()


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
    """A server's model that says its name; keeps the temperatures it was asked with."""

    base_url: str
    settings: LLMSettings
    abilities: Abilities = Abilities()
    waits: bool = True
    asked: ClassVar[dict[str, set[float]]] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None: ...

    async def answer(self, request: Request) -> Reply:
        if request.role == "planner":
            self.asked.setdefault(self.settings.model, set()).add(request.temperature)
        return sensible_reply(request)


async def test_model_and_temperature_can_be_chosen_for_each_episode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    await asyncio.to_thread(put_tiny, Path(os.environ["BILLP_DATA_DIR"]), tmp_path / "source")
    monkeypatch.setenv("BILLP_LLM_BASE_URL", "http://llm/v1")
    monkeypatch.setattr("billp.graphs.workshop.ServerChat", Named)
    monkeypatch.setattr("billp.graphs.workshop.SentenceEmbedder", HashEmbedder)
    Named.asked.clear()
    user: Any = {"user": tiny_dataset().user_keys[int(tiny_worlds().train.users[0])]}
    usual = load_settings()
    for fields in ({}, {"model": "other"}, {"model": "other", "temperature": 0.0}):
        context = ServedContext(dataset="tiny", method="react", **fields)
        done = await billp.graphs.studio.billp.ainvoke(user, context=context)
        assert done["length"] >= 1
    assert Named.asked == {usual.llm.model: {usual.planner.temperature}, "other": {usual.planner.temperature, 0.0}}


async def test_the_embedded_server_knows_one_model():
    services = LazyServices(load_settings())
    with pytest.raises(SettingsError, match="knows one model and not 'other'; leave model empty"):
        await services.get(ServedContext(model="other"), "u0")


async def test_no_node_of_a_served_episode_blocks_the_event_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    await asyncio.to_thread(put_tiny, Path(os.environ["BILLP_DATA_DIR"]), tmp_path / "source")
    user = tiny_dataset().user_keys[int(tiny_worlds().train.users[0])]
    context = EpisodeContext(dataset="tiny", learn=True)
    async with Workshop(load_settings(), model=RuleModel(), embedder=HashEmbedder()) as workshop:
        monkeypatch.setattr("billp.graphs.shared_services.Workshop", lambda _settings: workshop)
        with blockbuster_ctx():
            graph = billp.graphs.studio.billp
            first, second = [
                await graph.ainvoke({"user": user, "episode": episode}, context=context) for episode in ("e1", "e2")
            ]
    assert first["reflection"], "it learned"
    assert [lesson["text"] for lesson in second["reflections"]] == [first["reflection"]], "and read it back"
