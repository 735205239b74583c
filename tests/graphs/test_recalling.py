"""What an episode begins with: merged, weighed, and said to have been used."""

from __future__ import annotations

from dataclasses import replace

import pytest

from billp.agents.evidence import Evidence
from billp.agents.observation import AgentObservation
from billp.graphs.dependencies import Dependencies, fixed_dependencies
from billp.graphs.episode import build_episode_graph
from billp.graphs.learning import usage_of
from billp.graphs.methods import METHODS
from billp.graphs.recalling import Recalled, read_memory, reflection_words
from billp.graphs.recording import output_of
from billp.graphs.state import EpisodeContext, RecalledReflection
from billp.memory import EpisodeUsage
from billp.settings import load_settings
from tests.fakes.dependencies import fake_dependencies
from tests.fakes.model import RuleModel
from tests.fakes.store import fake_memory
from tests.fakes.worlds import tiny_dataset, tiny_worlds
from tests.memory import examples

USER = int(tiny_worlds().train.users[0])
STAYED = Evidence(shown=tuple(4.0 for _ in Evidence().shown)).to_json()


def history_of(deps: Dependencies) -> list[int]:
    return deps.users.history(tiny_dataset().user_keys[USER], [], deps.settings.memory.state_items)


def taught(*texts: str, model: RuleModel | None = None) -> Dependencies:
    """Dependencies whose memory holds these reflections, all learned from one user's state."""
    deps = fake_dependencies(model, fake_memory())
    history = tuple(deps.catalogue.some(history_of(deps)))
    vector = deps.state_vector(AgentObservation(history=history, recommended=(), rewards=()))
    assert deps.memory is not None
    lessons = [examples.reflection(number, text) for number, text in enumerate(texts)]
    deps.memory.reflections.write([replace(lesson, vector=vector, evidence=STAYED) for lesson in lessons])
    return deps


def id_of(number: int) -> str:
    return examples.reflection(number).id


def ids(reflections: list[RecalledReflection]) -> list[set[str]]:
    return [{lesson["id"], *lesson["alike"]} for lesson in reflections]


async def test_what_two_episodes_taught_is_said_once_and_first():
    deps = taught("Stay.", "Vary the genres.", "Vary the genres.")
    recalled = await read_memory(deps, METHODS["billp"], history_of(deps))
    reflections, evidence = recalled.reflections, recalled.evidence
    assert ids(reflections) == [{id_of(1), id_of(2)}, {id_of(0)}]
    assert [lesson["weight"] for lesson in reflections] == [2.0, 1.0]
    assert reflection_words(reflections[0]) == "Vary the genres. (2 times)"
    assert reflection_words(reflections[1]) == "Stay."
    assert Evidence.from_json(evidence).shown[0] == 12


async def test_a_lesson_after_which_it_went_badly_comes_last_and_its_evidence_counts_less():
    deps = taught("Bad.", "Good.", "Fair.")
    assert deps.memory is not None
    for number in range(12):
        read, reward = (id_of(0), 5.0) if number % 2 else (id_of(1), 45.0)
        deps.memory.usage.write([examples.usage(number, reward, EpisodeUsage((read,)), run="uses")])
    recalled = await read_memory(deps, METHODS["billp"], history_of(deps))
    reflections, evidence = recalled.reflections, recalled.evidence
    assert [lesson["text"] for lesson in reflections] == ["Good.", "Fair."]
    weights = [deps.memory.usage.recent().weight(id_of(number)) for number in range(3)]
    assert weights[0] < 1 < weights[1]
    assert Evidence.from_json(evidence).shown[0] == pytest.approx(4 * sum(weights))


async def test_without_words_the_evidence_is_left():
    deps = taught("Stay.", "Vary the genres.")
    silent = replace(deps, settings=load_settings({"memory.reflections": 0}))
    recalled = await read_memory(silent, METHODS["billp"], history_of(deps))
    assert recalled.reflections == []
    assert Evidence.from_json(recalled.evidence).shown[0] == 8
    assert await read_memory(silent, METHODS["reflexion"], history_of(deps)) == Recalled()


async def test_reflexion_reads_the_latest_as_they_are():
    deps = taught("Same.", "Same.", "Same.")
    recalled = await read_memory(deps, METHODS["reflexion"], history_of(deps))
    reflections, evidence = recalled.reflections, recalled.evidence
    assert ids(reflections) == [{id_of(2)}, {id_of(1)}]
    assert evidence == ""


async def test_where_none_are_merged_the_nearest_are_read_as_they_are():
    deps = taught("Same.", "Same.", "Same.")
    asis = replace(deps, settings=load_settings({"memory.merged": 0}))
    reflections = (await read_memory(asis, METHODS["billp"], history_of(deps))).reflections
    assert len(reflections) == 2
    assert all(not reflection["alike"] for reflection in reflections)


async def test_all_that_were_merged_are_read_with_their_number_and_said_to_have_been_used():
    model = RuleModel()
    deps = taught("Vary.", "Vary.", model=model)
    graph = build_episode_graph(fixed_dependencies(deps), deps.worlds.train.horizon)
    context = EpisodeContext(method="billp", split="train", learn=True, run="r")
    done = output_of(
        await graph.ainvoke({"user": tiny_dataset().user_keys[USER], "episode": "e0"}, context=context)
    )  # fmt: skip
    assert ids(done["reflections"]) == [{id_of(0), id_of(1)}]
    assert "Vary. (2 times)" in next(request.user for request in model.requests if request.role == "planner")
    used = EpisodeUsage.from_json(usage_of(deps, context, done).used)
    assert set(used.recalled) == {id_of(0), id_of(1)}
