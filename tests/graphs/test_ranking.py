"""The principle of staying decides first, then what is liked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from billp.agents.closeness import Closeness
from billp.agents.measures import ByCategories
from billp.agents.recommender import NO_ITEM
from billp.catalogue import Catalogue, Item
from billp.errors import EpisodeError
from billp.graphs.finished_steps import FinishedSteps
from billp.graphs.ranking import Beliefs, MemoryRecommender, Weighing, believe, different, leave_cost_of
from billp.graphs.recommending import observation
from billp.memory.experiences import Outcome
from billp.memory.item_values import Observed, known_of
from billp.memory.leaving import LONGEST, fit_leaving

KINDS = ("War", "Comedy", "Sea")
CATALOGUE = Catalogue("made-up", tuple(Item(n, str(n), f"Film {n}", (KINDS[n % 3],), 1990) for n in range(12)))
CLOSENESS = Closeness(12, [ByCategories(CATALOGUE)])
LEAVE_COST = 50.0


def outcome(
    number: int, item: int, stars: float = 4.0, before: Sequence[int] = (), left: bool | None = False
) -> Outcome:
    return Outcome(f"actor/run/{number}", "0-0-0", item, stars, 0.0, tuple(before), left)


def believed(outcomes: Sequence[Outcome], *, values: bool = True) -> Beliefs:
    return believe(CLOSENESS, known_of(CATALOGUE), Observed.nothing(12), outcomes, answer_doubt=0.05, values=values)


def lived(count: int = 300, seed: int = 0) -> list[Outcome]:
    """Users leave whenever an item is of the kind of the one before; item 3 gets five stars and all others three."""
    rng = np.random.default_rng(seed)
    found = []
    for number in range(count):
        before, item = (int(each) for each in rng.choice(12, size=2, replace=False))
        found.append(outcome(number, item, 5.0 if item == 3 else 3.0, [before], left=before % 3 == item % 3))
    return found


def recommender(
    outcomes: Sequence[Outcome], *, explores: bool = False, variety: float = 0.0, leave_cost: float = LEAVE_COST
):
    return MemoryRecommender(believed(outcomes), explores=explores, leave_cost=leave_cost, variety=variety)


def choice(made: MemoryRecommender, shown: Sequence[int], masked: Sequence[int] = (), seed: int = 0) -> int:
    seen = observation([], shown, [4.0] * len(shown), masked, n_items=12, seed=seed)
    return int(made.choose(seen)[0])


def test_what_keeps_users_decides_before_what_they_like():
    made = recommender(lived())
    assert choice(made, []) == choice(made, [1]) == 3, "the best liked where it bores nobody"
    after_war = choice(made, [0])
    assert after_war % 3 != 0, "and another kind where it does, however well liked it is"
    assert choice(replace(made, leave_cost=0.0), [0]) == 3, "without a principle what is liked decides"


def test_among_what_keeps_users_alike_the_better_liked_is_chosen():
    made = recommender([*lived(), *(outcome(1000 + n, 7, 5.0, [0]) for n in range(20))])
    assert choice(made, [0]) == 7
    assert choice(made, [0], masked=[7]) not in (7, 0, 3, 6, 9)


@pytest.mark.parametrize("explores", [True, False])
@given(masked=st.sets(st.integers(0, 11), max_size=11), seed=st.integers(0, 99))
def test_masked_items_are_never_chosen(explores: bool, masked: set[int], seed: int):
    made = MemoryRecommender(BELIEFS, explores=explores, leave_cost=LEAVE_COST, variety=0.1)
    assert choice(made, [0, 1], sorted(masked), seed) not in masked
    recent = np.array([NO_ITEM] * (LONGEST - 2) + [0, 1])
    hidden = np.isin(np.arange(12), sorted(masked))
    shortlist = different(made.weigh(recent, hidden, seed), CLOSENESS, 12)
    assert sorted(shortlist) == sorted(set(range(12)) - masked)


def test_where_every_item_is_masked_that_is_said():
    with pytest.raises(EpisodeError, match="Every item was shown already"):
        choice(recommender([]), [], range(12))


def test_the_items_of_a_list_differ_before_any_are_alike():
    # The best items are all of one kind; those of the others score far below, as where users would leave over them.
    scores = np.array([4.0, -20.0, -300.0] * 4) - np.arange(12) / 100
    listed = different(Weighing(scores, scores, scores), CLOSENESS, 12)
    assert listed[:3] == [0, 1, 2]
    assert listed[3:6] == [3, 4, 5], "then what is close to one before, best first"
    assert listed[6:] == [6, 7, 8, 9, 10, 11]
    assert different(Weighing(scores, scores, scores), CLOSENESS, 2) == [0, 1]
    assert different(Weighing(np.full(12, -np.inf), scores, scores), CLOSENESS, 2) == []


def test_whatever_order_experiences_come_in_the_same_is_believed():
    outcomes = lived(60)
    one, other = believed(outcomes), believed(outcomes[::-1])
    assert np.array_equal(one.values.mean, other.values.mean)
    assert np.array_equal(one.leaving.shapes, other.leaving.shapes)
    assert np.array_equal(one.support, other.support)


def test_chance_comes_from_the_seed_alone():
    for explores in (True, False):
        made = MemoryRecommender(BELIEFS, explores=explores, leave_cost=LEAVE_COST, variety=0.5)
        drawn = [choice(made, [0], seed=seed) for seed in range(40)]
        assert drawn == [choice(made, [0], seed=seed) for seed in range(40)]
        assert len(set(drawn)) > 2
    settled = MemoryRecommender(BELIEFS, explores=False, leave_cost=LEAVE_COST, variety=0.0)
    assert len({choice(settled, [0], seed=seed) for seed in range(40)}) == 1


@pytest.mark.parametrize("scale", [0.2, 1.0, 4.0])
def test_chance_weighs_as_much_where_items_hardly_differ_as_where_they_do(scale: float):
    values = BELIEFS.values
    scaled = replace(BELIEFS, values=replace(values, mean=3.5 + (values.mean - values.mean.mean()) * scale))

    def drawn(beliefs: Beliefs) -> list[int]:
        made = MemoryRecommender(beliefs, explores=False, leave_cost=0.0, variety=4.0)
        return [choice(made, [], seed=seed) for seed in range(40)]

    assert drawn(scaled) == drawn(BELIEFS)
    assert len(set(drawn(scaled))) > 1


def test_chance_decides_where_no_item_is_known_to_be_better():
    made = recommender([], variety=0.5)
    assert len({choice(made, [], seed=seed) for seed in range(40)}) > 2


def test_users_are_met_one_by_one_or_together_with_the_same_choice():
    made = MemoryRecommender(BELIEFS, explores=True, leave_cost=LEAVE_COST, variety=0.1)
    alone = [observation([], [user], [4.0], [user], n_items=12, seed=user) for user in range(6)]
    together = replace(
        alone[0],
        histories=[[]] * 6,
        **{
            name: np.concatenate([getattr(seen, name) for seen in alone])
            for name in ("shown", "rewards", "steps", "masked", "seeds")
        },
    )
    assert made.choose(together).tolist() == [int(made.choose(seen)[0]) for seen in alone]


def test_the_chance_to_leave_is_that_of_independent_causes():
    rng = np.random.default_rng(0)
    recent = rng.integers(12, size=LONGEST)
    weighing = MemoryRecommender(BELIEFS, explores=False, leave_cost=LEAVE_COST, variety=0.0).weigh(
        recent, np.zeros(12, bool), 0
    )
    (table,) = BELIEFS.tables
    for item in range(12):
        rate = BELIEFS.dislike[item]
        for back in range(LONGEST):
            level = int(CLOSENESS.between(np.array([item]), recent[[-1 - back]])[0, 0])
            rate += table[back, level]
        assert weighing.leaves[item] == pytest.approx(1 - np.exp(-rate))
        assert weighing.scores[item] == pytest.approx(weighing.values[item] - LEAVE_COST * weighing.leaves[item])


def test_the_risk_of_low_stars_is_averaged_over_the_answers_expected():
    values, variance = np.array([1.2, 2.5, 4.8]), 0.5
    rng = np.random.default_rng(1)
    answers = np.clip(np.rint(values + np.sqrt(variance) * rng.standard_normal((200_000, 3))), 1, 5).astype(int)
    expected = BELIEFS.leaving.star_rates[answers - 1].mean(axis=0)
    assert BELIEFS.dislike_of(values, variance) == pytest.approx(expected, abs=0.012)


def test_without_values_answers_teach_what_makes_users_leave_and_nothing_of_items():
    outcomes = lived()
    whole, staying = believed(outcomes), believed(outcomes, values=False)
    assert np.array_equal(whole.leaving.shapes, staying.leaving.shapes)
    assert staying.values.mean == pytest.approx(np.full(12, staying.values.mean[0]))
    assert not staying.support.any()
    assert whole.support.sum() == len(outcomes)
    assert whole.values.mean.argmax() == 3


def test_experiences_that_do_not_say_who_left_teach_what_is_liked_alone():
    old = [replace(each, left=None) for each in lived()]
    beliefs, prior = believed(old), believed([])
    assert np.array_equal(beliefs.leaving.shapes, prior.leaving.shapes)
    assert beliefs.values.mean.argmax() == 3


def test_what_is_at_stake_are_the_stars_still_to_come():
    prior = fit_leaving(("categories",), (6,), FinishedSteps.of(CLOSENESS, []).departures, logs=False)
    # 4 stars a step for ever, discounted by gamma: 4 / (1 - gamma).
    assert leave_cost_of(prior, gamma=0.9, caution=1.0) == pytest.approx(40)
    assert leave_cost_of(prior, gamma=0.9, caution=2.0) == pytest.approx(80)
    assert leave_cost_of(replace(prior, usual=0.05), 0.9, 1.0) == pytest.approx(4 / (1 - 0.9 * 0.95))
    assert leave_cost_of(replace(prior, usual=0.4), 0.9, 1.0) == leave_cost_of(replace(prior, usual=0.05), 0.9, 1.0)


BELIEFS = believed(lived(60))
