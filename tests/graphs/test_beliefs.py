"""What a memory lets believe: from train users alone, and anew after each change."""

from __future__ import annotations

from dataclasses import replace
from weakref import ref

import numpy as np

from billp.graphs.beliefs import BeliefModel
from billp.graphs.methods import METHODS
from billp.graphs.ranking import Beliefs
from billp.memory import AgentMemory, Knowledge
from billp.settings import load_settings
from billp.simulators import Dataset
from billp.simulators.rating.base import Logs
from tests.fakes.embedder import HashEmbedder
from tests.fakes.store import fake_memory
from tests.fakes.worlds import tiny_dataset, tiny_worlds
from tests.memory import examples

MEMORY_ONLY, NO_LOGS = METHODS["billp-memory-only"], METHODS["billp-memory-only-no-logs"]


def belief_model(dataset: Dataset | None = None) -> BeliefModel:
    dataset = dataset or tiny_dataset()
    vectors = np.asarray(HashEmbedder().embed([item.text for item in dataset.catalogue]), dtype=np.float32)
    return BeliefModel(load_settings({}), dataset, tiny_worlds(), vectors)


def taught(item: int = 5, reward: float = 1.0, steps: int = 12) -> AgentMemory:
    agent_memory = fake_memory()
    agent_memory.actor.write([
        replace(examples.actor(0, step), vector=agent_memory.embedder.embed(["x"])[0], item=item, reward=reward)
        for step in range(steps)
    ])  # fmt: skip
    return agent_memory


def alike(one: Beliefs, other: Beliefs) -> bool:
    return (
        np.array_equal(one.values.mean, other.values.mean)
        and np.array_equal(one.values.variance, other.values.variance)
        and np.array_equal(one.leaving.shapes, other.leaving.shapes)
        and np.array_equal(one.support, other.support)
    )


def changed(of: str) -> Dataset:
    """The dataset, but users of one world rated everything the other way round."""
    data = tiny_dataset()
    world = tiny_worlds().test if of == "test" else tiny_worlds().train
    theirs = np.isin(data.users, world.users)
    assert theirs.any()
    return replace(data, ratings=np.where(theirs, 6 - data.ratings, data.ratings).astype(np.float32))


def test_the_ratings_of_test_users_are_never_looked_at():
    memory = taught()
    usual = belief_model().beliefs(MEMORY_ONLY, memory)
    assert alike(usual, belief_model(changed("test")).beliefs(MEMORY_ONLY, memory))
    assert not alike(usual, belief_model(changed("train")).beliefs(MEMORY_ONLY, memory))


def test_dislikes_sampled_for_train_users_count_as_ratings_and_those_of_test_users_do_not():
    worlds, data, item = tiny_worlds(), tiny_dataset(), 5

    def believed(users: np.ndarray) -> float:
        sampled = Logs(users, np.full(len(users), item), np.full(len(users), 1, dtype=np.float32))
        return float(belief_model(replace(data, negatives=sampled)).beliefs(MEMORY_ONLY, None).values.mean[item])

    usual = float(belief_model().beliefs(MEMORY_ONLY, None).values.mean[item])
    assert believed(worlds.test.users) == usual
    assert believed(worlds.train.users) < usual - 0.3


def test_who_reads_no_logs_believes_the_same_whatever_they_say():
    memory = taught()
    for of in ("test", "train"):
        assert alike(belief_model().beliefs(NO_LOGS, memory), belief_model(changed(of)).beliefs(NO_LOGS, memory))


def test_beliefs_are_kept_until_memory_changes():
    memory, made = taught(), belief_model()
    first = made.beliefs(MEMORY_ONLY, memory)
    assert made.beliefs(MEMORY_ONLY, memory) is first
    assert made.beliefs(NO_LOGS, memory) is not first, "each method has its own"
    memory.actor.write([replace(examples.actor(1), vector=memory.embedder.embed(["x"])[0], item=6, reward=5.0)])
    second = made.beliefs(MEMORY_ONLY, memory)
    assert second is not first
    assert second.support[6] == first.support[6] + 1
    memory.forget([examples.actor(1).id])
    assert alike(made.beliefs(MEMORY_ONLY, memory), first)


def test_methods_that_take_turns_do_not_believe_anew_each_time():
    memory, made = taught(), belief_model()
    first, other = made.beliefs(MEMORY_ONLY, memory), made.beliefs(NO_LOGS, memory)
    assert made.beliefs(MEMORY_ONLY, memory) is first
    assert made.beliefs(NO_LOGS, memory) is other


def test_a_memory_that_is_gone_is_never_taken_for_another():
    made = belief_model()
    for item in range(20):  # each of them may lie where the one before it lay
        beliefs = made.beliefs(NO_LOGS, taught(item))
        assert np.flatnonzero(beliefs.support).tolist() == [item]


def test_the_beliefs_of_a_memory_that_is_gone_are_dropped():
    made, memory = belief_model(), taught()
    kept = ref(made.beliefs(NO_LOGS, memory))
    assert kept() is not None
    del memory
    made.beliefs(NO_LOGS, taught())
    assert kept() is None


def test_without_a_memory_the_logs_and_the_prior_are_believed():
    nothing = belief_model().beliefs(NO_LOGS, None)
    assert not nothing.support.any()
    assert alike(nothing, belief_model().beliefs(NO_LOGS, fake_memory()))
    logs = belief_model().beliefs(MEMORY_ONLY, None)
    mine = np.isin(tiny_dataset().users, tiny_worlds().train.users)
    assert logs.support.tolist() == np.bincount(tiny_dataset().items[mine], minlength=60).tolist()


def test_without_the_principle_nothing_is_at_stake():
    made, memory = belief_model(), taught()
    assert made.recommender(METHODS["billp-no-macro"], memory, explores=False).leave_cost == 0
    assert made.recommender(METHODS["billp"], memory, explores=False).leave_cost > 20
    assert made.recommender(METHODS["billp"], memory, explores=True).explores


def test_without_single_answers_memory_says_nothing_of_items():
    made, memory = belief_model(), taught(item=5, reward=1.0, steps=40)
    whole, macro, logs = (
        made.beliefs(method, agent_memory).values.mean[5]
        for method, agent_memory in (
            (METHODS["billp"], memory),
            (METHODS["billp-no-micro"], memory),
            (METHODS["billp"], None),
        )
    )
    assert macro == logs
    assert whole < macro


def test_other_knowledge_shares_how_close_items_are():
    first = belief_model()
    other = first.knowing(Knowledge.nothing(len(tiny_dataset().catalogue)))
    assert first.closeness(MEMORY_ONLY) is other.closeness(MEMORY_ONLY)
    assert first.closeness(NO_LOGS) is other.closeness(NO_LOGS)
    assert first.logs is other.logs
