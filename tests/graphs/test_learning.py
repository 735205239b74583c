"""What a finished episode leaves in memory: once, under its name, and seen by the next one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest

from billp.graphs.dependencies import fixed_dependencies
from billp.graphs.episode import build_episode_graph
from billp.graphs.learning import experiences_of, has_learned, learn, learn_next, used_in
from billp.graphs.methods import METHODS
from billp.graphs.state import EpisodeContext, Trajectory
from billp.memory import KINDS, AgentMemory
from billp.memory.leaving import LONGEST
from billp.memory.records import Record
from tests.fakes.dependencies import fake_dependencies
from tests.fakes.embedder import HashEmbedder
from tests.fakes.model import RuleModel
from tests.fakes.store import InMemoryStore, fake_memory
from tests.fakes.worlds import tiny_dataset, tiny_worlds
from tests.graphs.episodes import run, user_of


async def test_what_was_learned_is_written_once_and_read_back():
    memory = fake_memory()
    deps = fake_dependencies(memory=memory, learn_at_once=True, memory__actor_distance=9.0)
    first = await run(deps, "billp-llm-only")
    counts = memory.stats().counts
    assert counts == {"reflections": 1, "actor": first["length"], "critic": first["length"], "uses": 1}
    (reflection,) = memory.reflections.latest(5)
    assert reflection.text == first["reflection"]
    assert (reflection.origin.run, reflection.origin.episode, reflection.origin.user) == ("r", "e0", first["user"])

    model = RuleModel()
    again = fake_dependencies(model, memory, learn_at_once=True, memory__actor_distance=9.0)
    second = await run(again, "billp-llm-only")
    assert [recalled["text"] for recalled in second["reflections"]] == [first["reflection"]]
    assert all(step["experiences"] for step in second["steps"])
    planner = next(request for request in model.requests if request.role == "planner")
    assert first["reflection"] in planner.user
    assert memory.stats().counts["reflections"] == 1  # the same episode, so the same id


async def test_an_episode_counts_as_learned_once_it_was_and_no_other_does():
    memory = fake_memory()
    deps, context = fake_dependencies(memory=memory), EpisodeContext(run="r", learn=True)
    done = await run(deps)
    assert not has_learned(memory, context, done)
    learn_next(deps, memory, METHODS["billp"], context, done)
    assert has_learned(memory, context, done)
    assert not has_learned(memory, context, {**done, "episode": "another"})


async def test_episodes_are_learned_together_as_one_by_one_in_one_write_of_each_kind(monkeypatch: pytest.MonkeyPatch):
    written: list[int] = []
    upsert = InMemoryStore.upsert

    def counted(store: InMemoryStore, records: Sequence[Record]) -> None:
        written.append(len(records))
        upsert(store, records)

    memories, context = [fake_memory(), fake_memory()], EpisodeContext(run="r", learn=True)
    deps = [fake_dependencies(memory=memory) for memory in memories]
    done = await run(deps[0])
    episodes: list[Trajectory] = [{**done, "episode": f"e{number}"} for number in range(3)]
    lessons = [(context, episode) for episode in episodes]
    monkeypatch.setattr(InMemoryStore, "upsert", counted)
    learn(deps[0], memories[0], METHODS["billp"], lessons)
    steps = sum(done["length"] for _, done in lessons)
    assert written == [3, steps, steps, 3]
    for lesson in lessons:
        learn(deps[1], memories[1], METHODS["billp"], [lesson])
    for kind in KINDS:
        together, singly = (memory.records(kind, limit=1000) for memory in memories)
        assert together
        assert together == singly


async def test_the_oldest_episodes_are_forgotten_where_memory_has_a_limit():
    memory = fake_memory()
    deps = fake_dependencies(memory=memory, memory__limit=2)
    done = await run(deps)
    for ordinal in range(4):
        context = EpisodeContext(run="r", learn=True, ordinal=ordinal)
        learn(deps, memory, METHODS["billp"], [(context, {**done, "episode": f"e{ordinal}"})])
    steps = 2 * done["length"]
    assert memory.stats().counts == {"reflections": 2, "actor": steps, "critic": steps, "uses": 2}
    assert [lesson.origin.episode for lesson in memory.reflections.latest(3)] == ["e3", "e2"]


async def test_unnamed_episodes_that_teach_leave_each_others_lessons_alone():
    memory = fake_memory()
    deps = fake_dependencies(memory=memory, learn_at_once=True)
    graph = build_episode_graph(fixed_dependencies(deps), deps.worlds.train.horizon)
    context, taught = EpisodeContext(method="billp", learn=True), []
    for user in tiny_worlds().train.users[[0, 1, 1]]:
        taught.append(
            await graph.ainvoke({"user": tiny_dataset().user_keys[int(user)], "episode": ""}, context=context)
        )
    steps = sum(len(done["steps"]) for done in taught)
    assert memory.stats().counts == {"reflections": 3, "actor": steps, "critic": steps, "uses": 3}
    assert len(memory.actor.outcomes()[1]) == steps
    # The latest lesson is that of the episode learned last.
    assert [lesson.origin.episode for lesson in memory.reflections.latest(3)] == [d["episode"] for d in taught[::-1]]


async def test_what_is_learned_of_a_step_is_its_own_advantage_and_target():
    memory = fake_memory()
    done = await run(fake_dependencies(memory=memory, learn_at_once=True))
    acted, judged = (memory.records(kind, limit=100) for kind in ("actor", "critic"))
    assert [record.field("advantage", float) for record in acted] == [step["advantage"] for step in done["steps"]]
    assert [record.field("value", float) for record in judged] == [step["target"] for step in done["steps"]]


async def test_an_episode_takes_notice_of_what_others_wrote_before_it_begins():
    stores = {kind: InMemoryStore(HashEmbedder().dimension) for kind in KINDS}
    mine, other = (
        AgentMemory(stores, HashEmbedder(), dataset="tiny", name="m", where="nowhere", close=lambda: None)
        for _ in range(2)
    )
    assert len(mine.actor.outcomes()[1]) == 0
    await run(fake_dependencies(memory=other, learn_at_once=True))
    await run(fake_dependencies(memory=mine), learn=False)
    assert len(mine.actor.outcomes()[1]) == len(other.actor.outcomes()[1]) > 0


async def test_a_named_episode_that_is_shorter_when_learned_again_leaves_nothing_of_the_longer_one():
    memory = fake_memory()
    deps, context = fake_dependencies(memory=memory), EpisodeContext(method="billp", learn=True, run="r")
    done = await run(deps)
    assert done["length"] > 2
    learn_next(deps, memory, METHODS["billp"], context, done)
    assert len(memory.actor.outcomes()[1]) == done["length"]
    shorter: Trajectory = {**done, "steps": done["steps"][:2], "length": 2}
    learn_next(deps, memory, METHODS["billp"], context, shorter)
    assert memory.stats().counts == {"reflections": 1, "actor": 2, "critic": 2, "uses": 1}
    assert len(memory.actor.outcomes()[1]) == 2


@pytest.mark.parametrize("name", [name for name, method in METHODS.items() if method.experiences])
async def test_every_step_of_a_method_that_remembers_steps_is_remembered(name: str):
    memory = fake_memory()
    done = await run(fake_dependencies(memory=memory, learn_at_once=True), name)
    assert memory.stats().counts["actor"] == done["length"] > 0


async def test_an_experience_is_used_where_the_llm_read_it():
    """Where memory chooses from the whole catalogue, single experiences are not even retrieved."""
    for method in ("billp-llm-only", "billp"):
        memory = fake_memory()
        deps = fake_dependencies(memory=memory, learn_at_once=True, memory__actor_distance=9.0)
        graph = build_episode_graph(fixed_dependencies(deps), deps.worlds.train.horizon)
        context = EpisodeContext(method=method, learn=True)
        steps = []
        for _ in range(4):
            steps += (await graph.ainvoke({"user": user_of("train"), "episode": ""}, context=context))["steps"]
        read = Counter(id_ for step in steps for id_ in step["experiences"])
        assert bool(read) == (method == "billp-llm-only")
        assert all(step["preferences"] for step in steps) == (method == "billp-llm-only")
        usage = memory.usage.table()
        for id_ in read:
            assert usage.of(id_).uses == read[id_]


async def test_an_experience_says_what_was_shown_before_it_and_whether_the_user_left():
    memory = fake_memory()
    done = await run(fake_dependencies(memory=memory, learn_at_once=True))
    outcomes = {outcome.item: outcome for outcome in memory.actor.outcomes()[1]}
    shown = [step["item"] for step in done["steps"]]
    assert done["ended"] != "horizon"
    for number, item in enumerate(shown):
        assert outcomes[item].before == tuple(shown[max(0, number - LONGEST) : number])
        assert outcomes[item].left == (number == len(shown) - 1)
    whole: Trajectory = {**done, "ended": "horizon"}
    whole["steps"][-1]["reason"] = "horizon"
    acted, _ = experiences_of(fake_dependencies(), EpisodeContext(method="billp", run="r"), whole)
    assert [experience.left for experience in acted] == [False] * len(shown), "who stays to the end has not left"


async def test_a_state_valued_ahead_of_a_step_that_nobody_judged_counts_nowhere():
    deps = fake_dependencies(memory=fake_memory(), learn_at_once=True, memory__critic_distance=9.0)
    await run(deps)
    done = await run(deps)
    whole = used_in(done)
    assert whole.valued_steps == done["length"] > 1
    left_out = {id_: [n for n in numbers if n > 1] for id_, numbers in done["valued"].items()}
    done["steps"][0] |= {"value": None, "next_value": None, "target": None, "advantage": None}
    used = used_in(done)
    assert used.valued_steps == done["length"] - 1
    assert {id_: count for id_, (count, _) in used.valued.items()} == {k: len(n) for k, n in left_out.items() if n}
