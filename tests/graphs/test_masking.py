"""Items of the user's own history are not recommended, by any method, where there are others."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import numpy as np
import pytest

from billp.agents.roles.wishes import Wish
from billp.graphs.dependencies import Dependencies, fixed_dependencies
from billp.graphs.episode import build_episode_graph
from billp.graphs.live import with_persons
from billp.graphs.methods import METHODS
from billp.graphs.plans import wish_state
from billp.graphs.recording import output_of
from billp.graphs.state import EpisodeContext, Observation
from billp.graphs.users import masked_history
from billp.settings import load_settings
from tests.fakes.dependencies import Patient, fake_dependencies, patient
from tests.fakes.store import fake_memory
from tests.fakes.worlds import tiny_dataset
from tests.graphs.episodes import user_of

POLICIES = [name for name, method in METHODS.items() if method.needs_policy]


class Knowing(Patient):
    """Has rated the whole catalogue."""

    def rated(self, user: str) -> Collection[int]:
        return range(60)


async def recommended(deps: Dependencies, method: str) -> list[int]:
    graph = build_episode_graph(fixed_dependencies(deps), 62)
    context = EpisodeContext(method=method, split="test", run="r")
    done = output_of(await graph.ainvoke({"user": user_of("test"), "episode": "e0"}, context=context))
    return [step["item"] for step in done["steps"]]


def at_the_start(user: str, history: list[int]) -> Observation:
    return Observation(user=user, episode="e0", history=history, recommended=[], rewards=[], wish=wish_state(Wish()))


def rated_by(user: str) -> set[int]:
    data = tiny_dataset()
    return set(data.items[data.users == data.user_index(user)].tolist())


@pytest.mark.parametrize(
    ("method", "mode"),
    [*((method, "shortlist") for method in METHODS if method not in POLICIES[1:]), ("billp", "free")],
)
async def test_no_method_recommends_what_the_user_rated_before(method: str, mode: str):
    deps = patient(fake_dependencies(memory=fake_memory(), actor__mode=mode), 62)
    items, rated = await recommended(deps, method), rated_by(user_of("test"))

    assert len(items) == 62
    assert not set(items) & rated
    others = 60 - len(rated)
    assert len(set(items[:others])) == others, "the others come once each before one comes again"


@pytest.mark.parametrize("method", ["random", "oracle", "billp"])
async def test_where_the_user_rated_everything_everything_may_come(method: str):
    deps = fake_dependencies(memory=fake_memory())
    deps = replace(deps, users=Knowing(deps.dataset, deps.worlds, 62))

    assert set(await recommended(deps, method)) == set(range(60))


async def test_it_is_a_setting():
    deps = patient(fake_dependencies(actor__mask_history=False), 62)

    assert set(await recommended(deps, "random")) == set(range(60))


async def test_the_arrays_say_the_same_as_the_graph():
    deps = fake_dependencies()
    for index, key in enumerate(deps.dataset.user_keys):
        seen = at_the_start(key, deps.dataset.history(index, 10))
        assert deps.masked_items(seen) == set(masked_history(deps.settings, deps.dataset, index).tolist())


def test_masked_items_of_a_user_by_index():
    data = tiny_dataset()
    for user in (0, 39):
        masked = masked_history(load_settings(), data, user)
        assert masked.tolist() == sorted(set(data.items[data.users == user].tolist()))
    assert len(masked_history(load_settings({"actor.mask_history": False}), data, 0)) == 0
    few = replace(data, catalogue=data.catalogue, items=np.arange(len(data.items), dtype=np.int32) % 60)
    all_of_one = replace(few, users=np.zeros(len(data.items), dtype=np.int32))
    assert len(masked_history(load_settings(), all_of_one, 0)) == 0


async def test_a_person_is_not_recommended_what_they_said_to_like():
    deps = with_persons(fake_dependencies())
    likes = ["Film 3, The", "Film 7, The"]
    history = deps.users.history("somebody", likes, 10)
    assert deps.masked_items(at_the_start("somebody", history)) == {3, 7}
