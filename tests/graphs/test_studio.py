"""The graphs of `langgraph dev`: one state machine, and limits that let the longest episode pass."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from blockbuster import blockbuster_ctx
from pydantic import ValidationError

import graphs.studio
from graphs.forms import ReactContext
from graphs.shared_services import made_services
from graphs.state import EpisodeContext
from graphs.workshop import Workshop
from settings import load_settings
from simulators import built_horizons, save_worlds, simulator_folder
from tests.cli.tiny import put_tiny
from tests.fakes.embedder import HashEmbedder
from tests.fakes.model import RuleModel
from tests.fakes.worlds import tiny_dataset, tiny_worlds

GRAPHS = ("billp", "reflexion", "react", "act_only", "live")


@pytest.fixture(autouse=True)
def own_services() -> None:
    made_services.cache_clear()


def put_worlds(horizon: int) -> Path:
    data = Path(os.environ["BILLP_DATA_DIR"])
    worlds = tiny_worlds()
    settings = worlds.train.settings.model_copy(update={"horizon": horizon})
    train, test = (replace(world, settings=settings) for world in (worlds.train, worlds.test))
    save_worlds(simulator_folder(data, f"of-{horizon}"), replace(worlds, train=train, test=test))
    return data


def test_horizons_are_read_from_every_simulator_that_can_be_read():
    data = put_worlds(7)
    put_worlds(80)
    assert sorted(built_horizons(data)) == [7, 80]
    (simulator_folder(data, "of-7") / "worlds.json").write_text("{")
    assert built_horizons(data) == [80]
    assert built_horizons(data / "nowhere") == []


@pytest.mark.parametrize("name", GRAPHS)
async def test_the_recursion_limit_follows_the_longest_horizon(name: str):
    async def limit() -> int:
        graph = await getattr(graphs.studio, name)()
        assert graph.name == name
        return int(graph.config["recursion_limit"])

    usual, steps = await limit(), load_settings().simulator.horizon
    put_worlds(steps + 30)
    assert await limit() - usual == 9 * 30


def test_a_graph_of_one_method_has_its_name_by_default():
    assert ReactContext().method == "react"


@pytest.mark.parametrize("wrong", [{"method": "billp"}, {"seed": -1}, {"split": "other"}, {"nonsense": 1}])
def test_a_graph_of_one_method_takes_no_other_and_a_form_no_nonsense(wrong: dict[str, Any]):
    with pytest.raises(ValidationError):
        ReactContext(**wrong)


async def test_no_node_of_a_served_episode_blocks_the_event_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    await asyncio.to_thread(put_tiny, Path(os.environ["BILLP_DATA_DIR"]), tmp_path / "source")
    user = tiny_dataset().user_keys[int(tiny_worlds().train.users[0])]
    context = EpisodeContext(dataset="tiny", learn=True)
    async with Workshop(load_settings(), model=RuleModel(), embedder=HashEmbedder()) as workshop:
        monkeypatch.setattr("graphs.shared_services.Workshop", lambda _settings: workshop)
        with blockbuster_ctx():
            graph = await graphs.studio.billp()
            first, second = [
                await graph.ainvoke({"user": user, "episode": episode}, context=context) for episode in ("e1", "e2")
            ]
    assert first["reflection"], "it learned"
    assert [lesson["text"] for lesson in second["reflections"]] == [first["reflection"]], "and read it back"
