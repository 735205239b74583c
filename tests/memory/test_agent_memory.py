"""The whole memory: its three parts, isolation, export and import."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st

from billp.catalogue import Catalogue
from billp.errors import MemoryStoreError
from billp.memory import (
    ActorExperience,
    AgentMemory,
    CriticExperience,
    EpisodeUsage,
    Origin,
    drop_memory,
    list_memories,
    open_memory,
)
from billp.settings import Settings
from tests.fakes.embedder import HashEmbedder
from tests.fakes.store import fake_memory
from tests.fakes.worlds import tiny_dataset
from tests.memory import examples
from tests.memory.examples import NOTHING, everything, fill


def test_what_is_written_is_recalled_with_its_distance(settings: Settings, embedder: HashEmbedder) -> None:
    with open_memory(settings, "ml-100k", "default", embedder) as agent_memory:
        fill(agent_memory)
        near = agent_memory.reflections.similar(examples.unit(2), 2)
        assert near[0].record == examples.reflection(2)
        assert near[0].distance < 1e-6 < near[1].distance
        assert agent_memory.actor.similar(examples.unit(101), 1)[0].record == examples.actor(1, 1)
        assert agent_memory.critic.similar(examples.unit(101), 9, 0.01)[0].record == examples.critic(1, 1)
        assert agent_memory.critic.similar(examples.unit(5), 9, 0.01) == []
        assert [r.ordinal for r in agent_memory.reflections.latest(2)] == [2, 1]


def test_stats_say_what_there_is_and_where(settings: Settings, embedder: HashEmbedder) -> None:
    with open_memory(settings, "ml-100k", "default", embedder) as agent_memory:
        fill(agent_memory)
        stats = agent_memory.stats()
    assert stats.counts == {"reflections": 3, "actor": 6, "critic": 6, "uses": 0}
    assert (stats.dataset, stats.memory, stats.embedder, stats.dimension) == ("ml-100k", "default", "hash", 32)
    assert stats.where.startswith(str((settings.data / "memory").resolve()))


def test_memories_stay_apart_and_outlive_their_connection(settings: Settings, embedder: HashEmbedder) -> None:
    names = [("ml-100k", "default"), ("ml-100k", "Default"), ("ml-100k", "a/b é"), ("steam", "default")]
    for dataset, name in names:
        with open_memory(settings, dataset, name, embedder) as agent_memory:
            assert agent_memory.stats().counts == NOTHING
            fill(agent_memory)
    with (
        open_memory(settings, "ml-100k", "default", embedder) as one,
        open_memory(settings, *names[1], embedder) as other,
    ):
        one.clear()
        assert one.stats().counts == NOTHING
        assert other.stats().counts["actor"] == 6
    assert list_memories(settings) == {"ml-100k": ["Default", "a/b é"], "steam": ["default"]}


def test_there_is_no_memory_before_the_first_and_listing_makes_none(settings: Settings, embedder: HashEmbedder) -> None:
    assert list_memories(settings) == {}
    assert not settings.data.exists()
    open_memory(settings, "ml-100k", "default", embedder).close()
    assert list_memories(settings) == {}


def test_one_kind_can_be_cleared(settings: Settings, embedder: HashEmbedder) -> None:
    with open_memory(settings, "ml-100k", "default", embedder) as agent_memory:
        fill(agent_memory)
        agent_memory.clear("actor")
        assert agent_memory.stats().counts == {"reflections": 3, "actor": 0, "critic": 6, "uses": 0}
        fill(agent_memory)
        assert agent_memory.stats().counts["actor"] == 6


def test_another_embedder_is_refused_and_the_folder_is_free_again(settings: Settings, embedder: HashEmbedder) -> None:
    with open_memory(settings, "ml-100k", "default", embedder) as agent_memory:
        fill(agent_memory)
    other = HashEmbedder(name="other")
    with pytest.raises(MemoryStoreError, match="embedder hash"):
        open_memory(settings, "ml-100k", "default", other)
    drop_memory(settings, "ml-100k", "default")
    drop_memory(settings, "ml-100k", "never there")
    with open_memory(settings, "ml-100k", "default", other) as agent_memory:
        fill(agent_memory)
        assert agent_memory.stats().embedder == "other"


def test_pages_and_search() -> None:
    agent_memory = fake_memory()
    states = ["war drama", "space opera", "war film"]
    vectors = agent_memory.embedder.embed(states)
    agent_memory.critic.write(
        [CriticExperience(text, vectors[i], examples.origin(step=i), 1.0) for i, text in enumerate(states)]
    )
    assert [record.text for record in agent_memory.records("critic", limit=2, offset=1)] == ["space opera", "war film"]
    assert [match.record.text for match in agent_memory.search("critic", "war drama", 2)] == ["war drama", "war film"]


@pytest.mark.integration
@pytest.mark.enable_socket
def test_a_memory_on_a_server(chroma_server: str, tmp_path: Path, embedder: HashEmbedder) -> None:
    settings = Settings(data_dir=tmp_path / "data", chroma_url=chroma_server)
    with open_memory(settings, "ml-100k", "served", embedder) as agent_memory:
        fill(agent_memory)
        assert agent_memory.stats().where == chroma_server
        assert agent_memory.actor.similar(examples.unit(101), 1)[0].record == examples.actor(1, 1)
        with open_memory(settings, "ml-100k", "served", embedder) as same:
            assert everything(same) == everything(agent_memory)
    assert list_memories(settings)["ml-100k"] == ["served"]
    drop_memory(settings, "ml-100k", "served")
    assert "ml-100k" not in list_memories(settings)
    assert not settings.data.exists()


def test_a_memory_of_another_catalogue_is_refused():
    agent_memory, catalogue = fake_memory(), tiny_dataset().catalogue
    vectors = agent_memory.embedder.embed([item.text for item in catalogue])
    agent_memory.check_catalogue(catalogue, vectors)
    titles = [item.title for item in catalogue]
    agent_memory.actor.write(
        [replace(examples.actor(n), item=n, item_title=titles[n], vector=vectors[n]) for n in range(9)]
    )
    agent_memory.check_catalogue(catalogue, vectors)
    for others in (catalogue.items[1:], catalogue.items[:4]):
        moved = tuple(replace(item, index=place) for place, item in enumerate(others))
        with pytest.raises(MemoryStoreError, match=r"learned with another catalogue \(item \d was 'Film"):
            agent_memory.check_catalogue(Catalogue("tiny", moved), vectors)


def test_what_another_connection_writes_and_forgets_is_noticed_before_an_episode(
    settings: Settings, embedder: HashEmbedder
) -> None:
    with (
        open_memory(settings, "ml-100k", "default", embedder) as one,
        open_memory(settings, "ml-100k", "default", embedder) as other,
    ):
        fill(one)
        (changes, known), usage = one.actor.outcomes(), one.usage.recent()
        assert len(known) == 6
        one.refresh()
        assert one.actor.outcomes() == (changes, known), "nothing changed, so nothing is believed anew"
        assert one.usage.recent() is usage
        other.actor.write([examples.actor(7)])
        one.refresh()
        written, known = one.actor.outcomes()
        assert written != changes
        assert len(known) == 7
        other.forget([examples.actor(0).id])
        one.refresh()
        forgotten, known = one.actor.outcomes()
        assert forgotten not in (changes, written)
        assert len(known) == 6
        other.usage.write([examples.usage(0, 9.0, EpisodeUsage(recalled=("reflections/a",)))])
        one.refresh()
        assert one.usage.recent().of("reflections/a").uses == 1
        other.clear()
        one.refresh()
        assert one.actor.outcomes()[1] == []
        assert one.reflections.latest(3) == one.critic.similar(examples.unit(1), 3) == []
        fill(other)
        one.refresh()
        assert len(one.actor.outcomes()[1]) == len(one.critic.similar(examples.unit(1), 9)) == 6


def test_an_experience_written_anew_counts_as_it_is_now(settings: Settings, embedder: HashEmbedder) -> None:
    with open_memory(settings, "ml-100k", "default", embedder) as agent_memory:
        first = examples.actor(0)
        agent_memory.actor.write([first])
        before, known = agent_memory.actor.outcomes()
        assert known == [first.outcome]
        anew = replace(first, reward=first.reward + 3, advantage=first.advantage + 3, before=(1,), left=False)
        agent_memory.actor.write([anew])
        after, known = agent_memory.actor.outcomes()
        assert after != before
        assert known == [anew.outcome]
        assert (known[0].reward, known[0].before, known[0].left) == (first.reward + 3, (1,), False)
        agent_memory.actor.reread()
        assert agent_memory.actor.outcomes()[1] == known, "and as such it is read back from the store"


def test_an_experience_of_an_earlier_version_does_not_say_who_left(settings: Settings, embedder: HashEmbedder) -> None:
    with open_memory(settings, "ml-100k", "default", embedder) as agent_memory:
        whole = examples.actor(0).to_record()
        fields = {name: value for name, value in whole.fields.items() if name not in ("before", "left")}
        old = replace(whole, fields={**fields, "liking": 0.5, "preference": -0.1})
        agent_memory.actor.store.upsert([old])
        (outcome,) = agent_memory.actor.outcomes()[1]
        assert (outcome.before, outcome.left) == ((), None)
        (experience,) = agent_memory.actor.similar(old.vector, 1)
        assert (experience.record.before, experience.record.left) == ((), None)


def _taught(agent_memory: AgentMemory, ordinals: Sequence[int]) -> None:
    agent_memory.reflections.write([examples.reflection(ordinal) for ordinal in ordinals])
    agent_memory.actor.write([_actor(ordinal, step) for ordinal in ordinals for step in (1, 5)])
    agent_memory.critic.write([replace(examples.critic(0), origin=_step(ordinal, 2)) for ordinal in ordinals])
    agent_memory.usage.write([replace(examples.usage(n, 9.0, EpisodeUsage()), origin=_step(n, -1)) for n in ordinals])


def _actor(ordinal: int, step: int) -> ActorExperience:
    return replace(examples.actor(0), origin=_step(ordinal, step))


def _step(ordinal: int, step: int) -> Origin:
    return examples.origin(f"{ordinal:04d}", step)


@settings_of_hypothesis(deadline=None)
@given(limit=st.integers(1, 12), sizes=st.lists(st.integers(1, 7), max_size=8))
def test_the_latest_episodes_are_kept_whatever_batches_they_came_in(limit: int, sizes: list[int]) -> None:
    agent_memory, end = fake_memory(), 0
    for size in sizes:
        _taught(agent_memory, range(end, end + size))
        agent_memory.actor.outcomes()
        end += size
        agent_memory.keep_latest(limit, end - 1)
        held = [int(fields["ordinal"]) for _, fields in agent_memory.usage.store.fields()]
        assert held == list(range(end - len(held), end))
        assert min(end, limit - limit // 4) <= len(held) <= limit
        assert [outcome.id for outcome in agent_memory.actor.outcomes()[1]] == agent_memory.stores["actor"].ids()
    _taught(agent_memory, range(end))  # as a run does that goes on after a kill
    if end:
        agent_memory.keep_latest(limit, end - 1)
        assert agent_memory.stats().counts == {
            "reflections": len(held), "actor": 2 * len(held), "critic": len(held), "uses": len(held),
        }  # fmt: skip
        assert [int(fields["ordinal"]) for _, fields in agent_memory.usage.store.fields()] == held
