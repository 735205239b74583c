"""UsageTable: how often a memory was used, what followed, counted once whatever is written twice."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from billp.errors import MemoryStoreError
from billp.memory import EpisodeUsage, UsageEntry, UsageStatistics, UsageTable
from billp.memory.usage import UsageLog
from tests.fakes.store import fake_memory
from tests.memory import examples


def uses(
    ordinal: int,
    reward: float,
    recalled: tuple[str, ...] = (),
    used: Mapping[str, tuple[int, float]] | None = None,
    valued: Mapping[str, tuple[int, float]] | None = None,
    *,
    run: str = "run",
) -> UsageEntry:
    """What an episode used; its judged steps are those in `used`, the valued ones those in `valued`."""
    used, valued = used or {}, valued or {}
    steps, valued_steps = (sum(n for n, _ in sums.values()) for sums in (used, valued))
    surprise, advantage = (sum(total for _, total in sums.values()) for sums in (used, valued))
    kept = EpisodeUsage(recalled, steps, surprise, valued_steps, advantage, used, valued)
    return examples.usage(ordinal, reward, kept, run)


def table(*written: UsageEntry) -> UsageTable:
    agent_memory = fake_memory()
    for each in written:
        agent_memory.usage.write([each])
    return agent_memory.usage.table()


def test_a_reflection_is_held_to_the_episodes_before():
    told = table(uses(0, 10), uses(1, 20, ("reflections/a",)), uses(2, 30, ("reflections/a",)))
    # 20 where 10 was usual, 30 where 15 was.
    assert told.of("reflections/a") == UsageStatistics(uses=2, episodes=2, change=12.5, error=2.5)
    assert told.of("reflections/b") == UsageStatistics()
    assert told.of("reflections/b").words() == "never used"
    assert told.of("reflections/a").words() == "used 2 times in 2 episodes; then +12.50 ± 2.50 stars"
    first = table(uses(0, 10, ("reflections/a",)), uses(0, 90, ("reflections/a",), run="other")).of("reflections/a")
    assert first == UsageStatistics(uses=2, episodes=2), "the first episode of a run has nothing to be compared with"
    assert first.words().endswith("nothing to compare with")
    lately = table(uses(0, 1000), *(uses(n, 10) for n in range(1, 21)), uses(21, 15, ("reflections/a",)))
    assert lately.of("reflections/a").change == 5, "only the last episodes say what is usual"


@pytest.mark.parametrize("key", ["actor/a", "critic/a"])
def test_steps_are_held_to_what_is_usual_and_episodes_count_alike(key: str):
    def told(shift: float, *beside: UsageEntry) -> UsageStatistics:
        episodes = [{key: (4, 8.0), "x": (4, -8.0)}, {key: (1, 4.0), "x": (1, -4.0)}]
        shifted = [{id_: (n, total + shift * n) for id_, (n, total) in each.items()} for each in episodes]
        if key == "actor/a":
            return table(*(uses(n, 1, used=each) for n, each in enumerate(shifted)), *beside).of(key)
        return table(*(uses(n, 1, valued=each) for n, each in enumerate(shifted)), *beside).of(key)

    assert told(0) == UsageStatistics(uses=5, episodes=2, change=3.0, error=1.0)
    assert told(7).change == 3.0
    if key == "critic/a":
        assert told(0, uses(9, 1, used={"item 3": (50, 900.0)})).change == 3.0, "other steps are no measure"


def test_what_was_written_before_values_were_counted_is_read():
    old = '{"recalled":["reflections/a"],"steps":1,"surprise":2.0,"used":{"item 3":[1,2.0]}}'
    assert EpisodeUsage.from_json(old) == EpisodeUsage(("reflections/a",), 1, 2.0, used={"item 3": (1, 2.0)})


def test_writing_an_episode_again_changes_nothing_and_order_neither():
    written = [uses(n, float(n * n), ("reflections/a",), {"actor/a": (2, float(n))}) for n in range(6)]
    once, twice = table(*written), table(*written[::-1], *written)
    for key in ("reflections/a", "actor/a"):
        assert once.of(key) == twice.of(key)
    assert once.of("actor/a").uses == 12


def test_only_what_clearly_harms_is_harmful():
    bad = [uses(n, 10.0 + n % 2, ("reflections/bad",) if n > 20 else ()) for n in range(21)]
    bad += [
        uses(21 + n, n % 3, ("reflections/bad", "reflections/new") if n > 8 else ("reflections/bad",))
        for n in range(10)
    ]
    told = table(*bad)
    assert list(told.harmful(("reflections",), 5)) == ["reflections/bad"]
    assert list(told.harmful(("reflections",), 11)) == []
    assert told.harmful(("actor",), 1) == {}


def test_where_everything_rises_nothing_is_harmful():
    rising = [uses(n, 3.0 * n + n % 3, ("reflections/a",) if n % 2 else ("reflections/b",)) for n in range(40)]
    assert (
        table(*rising, *(uses(40 + n, 120.0 + n % 3, ("reflections/late",)) for n in range(40))).harmful(
            ("reflections",), 10
        )
        == {}
    )


@pytest.mark.parametrize("seed", range(3))
def test_of_many_harmless_records_none_is_called_harmful(seed: int):
    rng = np.random.default_rng(seed)
    names = [f"reflections/{n:03d}" for n in range(200)]
    rows = [uses(n, float(rng.normal(50, 10)), tuple(rng.choice(names, 10, replace=False))) for n in range(300)]
    told = table(*rows)
    low = [name for name in names if (r := told.of(name)).change is not None and r.change + 2 * (r.error or 0) < 0]
    assert low, "two standard errors alone would accuse some"
    assert told.harmful(("reflections",), 10) == {}


def test_where_only_reflections_are_weighed_the_steps_are_not_read():
    told = EpisodeUsage(("reflections/a",), 1, 2.0, used={"actor/b": (1, 2.0)})
    assert EpisodeUsage.from_json(told.to_json(), steps=False) == EpisodeUsage(("reflections/a",))
    with pytest.raises(MemoryStoreError, match="not written by billp"):
        EpisodeUsage.from_json("[]", steps=False)


def test_what_was_not_written_by_us_is_refused():
    with pytest.raises(MemoryStoreError, match="not written by billp"):
        EpisodeUsage.from_json("[]")


def test_a_record_is_found_and_forgotten_by_its_id():
    agent_memory = fake_memory()
    agent_memory.actor.write([examples.actor(0), examples.actor(1)])
    assert len(agent_memory.actor.outcomes()[1]) == 2
    id_ = examples.actor(0).id
    kind, record = agent_memory.find(id_)
    assert (kind, record.id) == ("actor", id_)
    agent_memory.forget([id_, "reflections/never/there/-001"])
    assert len(agent_memory.actor.outcomes()[1]) == 1
    assert agent_memory.text_of(id_) is None
    for unknown in (id_, "nonsense", "actor"):
        with pytest.raises(MemoryStoreError, match="has no record"):
            agent_memory.find(unknown)


class TestWeight:
    """How much a reflection counts among others."""

    def test_what_nothing_is_known_of_counts_once(self):
        assert table(uses(0, 10)).weight("reflections/a") == 1
        assert table(uses(0, 10, ("reflections/a",))).weight("reflections/a") == 1, "nothing to compare with"

    def test_what_helped_counts_more_and_what_harmed_less_the_surer_the_oftener(self):
        returns = {"reflections/good": 30.0, "reflections/bad": 10.0}
        episodes = [uses(0, 20.0)]
        weights = []
        for number in range(1, 9):
            id_ = list(returns)[number % 2]
            episodes.append(uses(number, returns[id_], (id_,)))
            told = table(*episodes)
            weights.append((told.weight("reflections/good"), told.weight("reflections/bad")))
        assert weights[-1][0] > weights[3][0] > 1 > weights[3][1] > weights[-1][1] > 0
        assert weights[-1][0] < 2

    def test_a_rise_that_all_share_speaks_for_none(self):
        told = table(*(uses(n, 10.0 * n, ("reflections/a", "reflections/b")) for n in range(9)))
        assert told.of("reflections/a").change is not None
        assert told.weight("reflections/a") == pytest.approx(1)

    def test_the_latest_episodes_are_added_up_anew_once_there_are_more(self):
        agent_memory = fake_memory()
        for number in range(4):
            agent_memory.usage.write([uses(number, float(number), ("reflections/a",) if number else ())])
        before = agent_memory.usage.recent()
        assert before is agent_memory.usage.recent()
        assert before.of("reflections/a") == agent_memory.usage.table().of("reflections/a")
        agent_memory.usage.write([uses(4, 100.0, ("reflections/a",))])
        assert agent_memory.usage.recent().of("reflections/a").uses == 4
        agent_memory.clear()
        assert agent_memory.usage.recent().of("reflections/a").uses == 0

    def test_what_is_written_is_added_without_reading_the_store_again(self, monkeypatch):
        monkeypatch.setattr("billp.memory.usage._RECENT", 3)
        agent_memory = fake_memory()
        log = agent_memory.usage
        log.write([uses(0, 1.0, ("reflections/a",))])
        log.recent()
        read: list[str] = []
        monkeypatch.setattr(log.store, "largest", lambda *_: read.append("largest"))
        for number, recalled in ((1, "a"), (2, "b"), (5, "b"), (4, "b"), (5, "c")):  # the last in place of an earlier
            log.write([uses(number, float(number), (f"reflections/{recalled}",))])
        monkeypatch.undo()
        monkeypatch.setattr("billp.memory.usage._RECENT", 3)
        anew = UsageLog(log.store).recent()
        for name in "abc":
            assert log.recent().of(f"reflections/{name}") == anew.of(f"reflections/{name}")
        assert read == []
        assert anew.of("reflections/b").uses == 2
        log.refresh(log.store.count())
        assert log.recent() is log.recent()
