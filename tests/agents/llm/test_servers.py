"""Several servers of one model: each answers the calls that belong together."""

from __future__ import annotations

import contextvars
from contextlib import AsyncExitStack

import pytest
from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage

from billp.agents.llm.abilities import Abilities
from billp.agents.llm.asking import Request, ask
from billp.agents.llm.server_chat import ServerChat
from billp.agents.llm.servers import SeveralServers, kept_together
from billp.agents.llm.start_up import find_abilities
from billp.errors import SettingsError, UnusableModelError
from billp.graphs.resources import Resources
from billp.setting_groups import LLMSettings
from billp.settings import load_settings
from tests.fakes.server import Script, serving

SETTINGS = LLMSettings(retries=0, patience_s=0)


def several(*urls: str) -> SeveralServers:
    return SeveralServers(servers=[ServerChat(base_url=url, settings=SETTINGS) for url in urls])


def asked(text: str) -> list[BaseMessage]:
    return [SystemMessage("You know films."), HumanMessage(text)]


def test_calls_of_one_name_go_to_one_server_and_names_are_spread():
    model = several("http://a/v1", "http://b/v1", "http://c/v1")

    def server_of(name: str, text: str) -> str:
        kept_together.set(name)
        return model.server(asked(text)).base_url

    def served(name: str, text: str) -> str:
        return contextvars.copy_context().run(server_of, name, text)

    assert {served("user 7", f"step {number}") for number in range(30)} == {served("user 7", "")}
    counts = [served(f"user {number}", "") for number in range(300)]
    assert all(60 < counts.count(server.base_url) < 140 for server in model.servers)


def test_without_a_name_the_beginning_of_the_prompt_decides():
    model = several("http://a/v1", "http://b/v1")
    prompts = ["The user liked before: " + "Heat, " * 20 + f"and then {number}" for number in range(30)]
    assert len({model.server(asked(prompt)).base_url for prompt in prompts}) == 1
    assert len({model.server(asked(f"{number}{prompts[0]}")).base_url for number in range(30)}) == 2


@pytest.mark.enable_socket
async def test_all_servers_are_looked_at_before_a_run_and_must_be_alike():
    with serving() as first, serving() as second:
        async with Resources(load_settings({"llm.base_url": f"{first},{second}"})) as resources:
            assert await resources.find_abilities() == Abilities()
            request = Request("planner", "system", "user", temperature=0.0, max_tokens=8, seed=1)
            assert (await ask(resources.model, request)).text
    dice = Script(dice=True)
    with serving() as first, serving(dice) as second:
        model = several(first, second)
        async with AsyncExitStack() as opened:
            for server in model.servers:
                await opened.enter_async_context(server)
            with pytest.raises(UnusableModelError, match=r"can do different things; serve the same model on both"):
                await find_abilities(model, "several")
    assert dice.bodies


def test_a_provider_has_one_address():
    settings = load_settings({"llm.model": "openai:gpt", "llm.base_url": "http://a/v1,http://b/v1", "llm.api_key": "x"})
    with pytest.raises(SettingsError, match=r"takes one address in llm\.base_url"):
        _ = Resources(settings).model
