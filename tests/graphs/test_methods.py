"""Methods are settings of one graph, and each pair differs in what is asked, chosen or remembered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray

from billp.agents.recommender import Observations
from billp.errors import EpisodeError, SettingsError
from billp.graphs.dependencies import fixed_dependencies
from billp.graphs.episode import build_episode_graph
from billp.graphs.methods import METHODS, SERVED, method_named, settings_of
from billp.graphs.recording import output_of
from billp.graphs.state import EpisodeContext, EpisodeInput
from billp.memory import KINDS, Kind, Record
from billp.settings import load_settings
from tests.fakes.dependencies import fake_dependencies
from tests.fakes.model import RuleModel
from tests.fakes.store import fake_memory
from tests.fakes.worlds import tiny_dataset, tiny_worlds

_EPISODES = 6  # after four, what was learned of items has not yet changed a choice


Trace = tuple[list[tuple[str, str]], Mapping[Kind, Sequence[Record]], list[list[int]]]
_traces: dict[str, Trace] = {}


async def traces(method: str) -> Trace:
    """As `play`, but each method plays once for all tests, which only read what came of it."""
    if method not in _traces:
        _traces[method] = await play(method)
    return _traces[method]


async def play(method: str) -> Trace:
    """What a method asked, what it left in memory (without where that came from), and what it recommended."""
    model, agent_memory = RuleModel(), fake_memory()
    flags = {"memory__actor_distance": 9.0, "memory__critic_distance": 9.0}
    deps = fake_dependencies(model, agent_memory, method=method, learn_at_once=True, **flags)
    graph = build_episode_graph(fixed_dependencies(deps), tiny_worlds().train.horizon)
    users = [tiny_dataset().user_keys[int(user)] for user in tiny_worlds().train.users]
    shown = []
    for number in range(_EPISODES):
        context = EpisodeContext(method=method, seed=1, run="r", ordinal=number, learn=True)
        state = await graph.ainvoke(EpisodeInput(user=users[number], episode=f"e{number}"), context=context)
        shown.append([step["item"] for step in output_of(state)["steps"]])
    asked = [(request.role, request.user) for request in model.requests]
    return asked, {kind: agent_memory.records(kind, 1000) for kind in KINDS}, shown


def words(kept: Mapping[Kind, Sequence[Record]]) -> list[list[tuple[object, ...]]]:
    """What records say, without where they came from."""
    return [[(record.text, *sorted(record.fields.items())) for record in records] for records in kept.values()]


async def test_every_pair_of_methods_differs_in_prompts_memory_or_choice():
    seen = {name: await traces(name) for name in SERVED}

    for a, b in combinations(SERVED, 2):
        asked_alike = seen[a][0] == seen[b][0]
        kept_alike = words(seen[a][1]) == words(seen[b][1])
        shown_alike = seen[a][2] == seen[b][2]
        if METHODS[a].learns or METHODS[b].learns or METHODS[a].needs_llm or METHODS[b].needs_llm:
            assert not (asked_alike and kept_alike), f"{a} and {b} ask and remember the same"
        else:
            assert not shown_alike, f"{a} and {b} recommend the same"


async def test_without_the_critic_the_reward_alone_labels_what_is_remembered():
    asked, kept, _ = await traces("billp-memory-only")

    assert not asked
    assert not kept["critic"]
    assert kept["actor"]
    for record in kept["actor"]:
        reward = float(record.fields["reward"])
        assert record.fields["advantage"] == reward - 3
        assert record.fields["encouraged"] == (reward >= 3)


@pytest.mark.parametrize("name", ["random", "popular", "shortlist-random", "oracle"])
async def test_methods_without_an_llm_ask_and_remember_nothing(name: str):
    asked, kept, _ = await traces(name)

    assert not asked
    assert not any(kept.values())


async def test_a_method_with_a_policy_recommends_what_that_says_of_history_and_answers():
    asked: list[tuple[list[int], list[int], list[float], set[int]]] = []

    class Descending:
        def choose(self, seen: Observations) -> NDArray[np.int64]:
            [history], [recommended], [rewards], [masked] = seen.histories, seen.shown, seen.rewards, seen.masked
            asked.append((list(history), recommended.tolist(), rewards.tolist(), set(np.flatnonzero(masked).tolist())))
            return np.array([59 - len(recommended)])

    deps = replace(fake_dependencies(actor__mask_history=False), recommender=Descending())
    graph = build_episode_graph(fixed_dependencies(deps), tiny_worlds().test.horizon)
    user = tiny_dataset().user_keys[int(tiny_worlds().test.users[0])]
    context = EpisodeContext(method="dqn", split="test", run="r")
    done = output_of(await graph.ainvoke(EpisodeInput(user=user, episode="e"), context=context))

    shown = [step["item"] for step in done["steps"]]
    assert len(shown) > 2
    assert shown == [59 - step for step in range(len(shown))]
    rewards = [step["reward"] for step in done["steps"]]
    for number, (history, recommended, answered, masked) in enumerate(asked):
        assert history == done["history"]
        assert (recommended, answered, masked) == (shown[:number], rewards[:number], set(shown[:number]))


async def test_without_its_policy_such_a_method_says_what_to_do():
    graph = build_episode_graph(fixed_dependencies(replace(fake_dependencies(), recommender=None)), 3)
    user = tiny_dataset().user_keys[int(tiny_worlds().train.users[0])]
    with pytest.raises(EpisodeError, match="train one with `billp train`"):
        await graph.ainvoke(EpisodeInput(user=user, episode="e"), context=EpisodeContext(method="dqn", run="r"))


async def test_the_oracle_outlasts_every_other_method():
    lengths = {name: sum(map(len, (await traces(name))[2])) for name in SERVED}

    assert lengths["oracle"] == max(lengths.values())
    assert lengths["oracle"] > lengths["popular"]


@pytest.mark.parametrize("name", [name for name, method in METHODS.items() if method.settings])
def test_settings_of_a_method_are_settings_and_hold_over_those_that_were_given(name: str):
    own = METHODS[name].settings
    given = load_settings({"critic.gamma": 0.7, "run.side_by_side": 3})
    assert settings_of(METHODS[name], given) == load_settings({"run.side_by_side": 3, **own})


async def test_the_paper_thinks_before_every_item_names_it_in_words_and_samples_every_value():
    model, agent_memory = RuleModel(), fake_memory()
    deps = fake_dependencies(model, agent_memory, method="billp-paper", learn_at_once=True)
    graph = build_episode_graph(fixed_dependencies(deps), tiny_worlds().train.horizon)
    user = tiny_dataset().user_keys[int(tiny_worlds().train.users[0])]
    context = EpisodeContext(method="billp-paper", run="r", learn=True)
    done = output_of(await graph.ainvoke(EpisodeInput(user=user, episode="e"), context=context))

    steps = done["steps"]
    asked = {
        role: [request for request in model.requests if request.role == role]
        for role in ("planner", "actor", "critic", "reflector")
    }
    left = done["ended"] != "horizon"
    assert len(steps) > 2
    assert {role: len(requests) for role, requests in asked.items()} == {
        "planner": len(steps), "actor": len(steps), "critic": len(steps) + (not left), "reflector": 1,
    }  # fmt: skip
    assert all(step["proposal"] and not step["shortlist"] for step in steps)
    assert {request.choices for request in asked["critic"]} == {tuple("0123456789")}
    assert {request.temperature for request in model.requests} == {0.5}
    assert agent_memory.records("actor", 1000)
    for step in steps:
        assert step["value"] is not None
        assert step["value"] in [pytest.approx(score / 9 * 10) for score in range(10)]  # 5 / (1 - 0.5) at most
        assert step["advantage"] == pytest.approx(step["reward"] + 0.5 * (step["next_value"] or 0) - step["value"])


def test_an_unknown_method_is_refused_with_the_names_there_are():
    with pytest.raises(SettingsError, match=r"no method 'bilp' \(did you mean billp\?\); choose one of billp,"):
        method_named("bilp")
