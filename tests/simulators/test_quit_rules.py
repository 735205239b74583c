"""The quit rules, against references written down once more from their descriptions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogue import Catalogue, Item
from simulators.item_traits import ItemTraits, category_sets
from simulators.quit_rules import (
    REASONS,
    CategoryWindowRule,
    DistanceRule,
    QuitRule,
    distance_quantile,
    rule_of,
    window_of,
)
from tests.fakes.worlds import TINY

LINE = np.array([[0.0], [1.0], [3.0], [3.5], [10.0], [10.0]], dtype=np.float32)
CATEGORIES = [(), ("a",), ("b",), ("a", "b"), ("c",), (), ("b", "c"), ("d",)]
Said = tuple[str, int]


def films(categories: list[tuple[str, ...]]) -> Catalogue:
    return Catalogue("films", tuple(Item(i, str(i), f"Film {i}", names) for i, names in enumerate(categories)))


def traits_of(seed: int = 0) -> ItemTraits:
    return ItemTraits(
        np.random.default_rng(seed).normal(0, 1, (8, 2)).astype(np.float32), category_sets(films(CATEGORIES))
    )


def distance_leaves(
    vectors: np.ndarray, episode: list[int], rewards: list[int], beta: float, window: int
) -> list[bool]:
    """For each step whether the user leaves at it, had they stayed until then."""
    answers = []
    for step, item in enumerate(episode):
        bored = False
        for back in range(1, window + 1):
            if step - back >= 0:
                earlier = episode[step - back]
                apart = sum(float(x - y) ** 2 for x, y in zip(vectors[item], vectors[earlier], strict=True)) ** 0.5
                bored = bored or item == earlier or apart < beta
        answers.append(bored or rewards[step] < 2)
    return answers


def category_leaves(episode: list[int], rewards: list[int], window: int, limit: int) -> list[bool]:
    """For each step whether the user leaves at it, had they stayed until then."""
    answers = []
    for step, item in enumerate(episode):
        sharing = 0
        for back in range(1, window + 1):
            if step - back >= 0 and set(CATEGORIES[item]) & set(CATEGORIES[episode[step - back]]):
                sharing += 1
        answers.append(sharing > limit or rewards[step] < 2)
    return answers


def judge_one(rule: QuitRule, traits: ItemTraits, shown: list[int], item: int, reward: float) -> Said:
    verdicts = rule.judge(traits, window_of(shown, rule.window), np.array([item]), np.array([reward], dtype=np.float32))
    return REASONS[verdicts.reasons[0]], int(verdicts.too_close_to[0])


def judge_along(rule: QuitRule, traits: ItemTraits, episode: list[int], rewards: list[int]) -> list[Said]:
    """Every step of an episode, judged at once."""
    steps = range(len(episode))
    recent = np.concatenate([window_of(episode[:step], rule.window) for step in steps])
    verdicts = rule.judge(traits, recent, np.array(episode), np.array(rewards, dtype=np.float32))
    return [(REASONS[verdicts.reasons[step]], int(verdicts.too_close_to[step])) for step in steps]


EPISODES = st.lists(st.tuples(st.integers(0, 7), st.integers(1, 5)), min_size=1, max_size=12)
WINDOWS = st.integers(0, 6)


@given(EPISODES, WINDOWS, st.sampled_from([0.0, 0.3, 1.0, 2.0]), st.integers(0, 10**6))
def test_distance_agrees_with_the_reference_from_the_first_step_on(steps, window, beta, seed):
    traits = traits_of(seed)
    episode, rewards = [item for item, _ in steps], [reward for _, reward in steps]
    said = judge_along(DistanceRule(beta, window, 2), traits, episode, rewards)
    assert [reason != "" for reason, _ in said] == distance_leaves(traits.vectors, episode, rewards, beta, window)
    for step, (reason, earlier) in enumerate(said):
        assert (earlier >= 0) == (reason == "too_close")
        assert earlier in [-1, *episode[max(0, step - window) : step]]


@given(EPISODES, WINDOWS, st.integers(0, 4))
def test_category_window_agrees_with_the_reference_from_the_first_step_on(steps, window, limit):
    episode, rewards = [item for item, _ in steps], [reward for _, reward in steps]
    said = judge_along(CategoryWindowRule(window, limit, 2), traits_of(), episode, rewards)
    assert [reason != "" for reason, _ in said] == category_leaves(episode, rewards, window, limit)
    for step, (reason, earlier) in enumerate(said):
        assert (earlier >= 0) == (reason == "same_category")
        assert earlier in [-1, *episode[max(0, step - window) : step]]


@pytest.mark.parametrize("rule", [DistanceRule(1.0, 3, 2), CategoryWindowRule(3, 1, 2), DistanceRule(1.0, 0, 2)])
@given(steps=EPISODES, asked=st.lists(st.integers(0, 7), min_size=1, max_size=9))
def test_many_at_once_are_judged_as_one_after_another(rule, steps, asked):
    traits, shown = traits_of(), [item for item, _ in steps]
    alone = [judge_one(rule, traits, shown, item, 3) for item in asked]
    rewards = np.full(len(asked), 3, dtype=np.float32)
    for recent, items in (
        (window_of(shown, rule.window), np.array(asked)),  # one user, many items
        (window_of(shown, rule.window)[:, None, :], np.array([asked])),  # users x items, as the oracle asks
    ):
        verdicts = rule.judge(traits, recent, items, rewards.reshape(items.shape))
        reasons, earlier = verdicts.reasons.ravel(), verdicts.too_close_to.ravel()
        assert [(REASONS[reason], int(item)) for reason, item in zip(reasons, earlier, strict=True)] == alone


@pytest.mark.parametrize(
    ("recent", "item", "reward", "window", "said"),
    [
        ([], 0, 5, 4, ("", -1)),
        ([], 0, 1, 4, ("low_reward", -1)),
        ([], 0, 2, 4, ("", -1)),
        ([0], 0, 5, 4, ("too_close", 0)),
        ([0], 0, 5, 0, ("", -1)),
        ([0, 4], 0, 5, 1, ("", -1)),
        ([0, 4], 0, 5, 2, ("too_close", 0)),
        ([0, 2], 1, 5, 4, ("", -1)),  # exactly beta away is not closer than beta
        ([2, 0], 3, 5, 4, ("too_close", 2)),
        ([4, 0], 5, 1, 4, ("too_close", 4)),  # boredom is named before displeasure
        ([4, 5], 5, 5, 4, ("too_close", 5)),  # of two items as close, the repeat
    ],
)
def test_verdicts_by_distance(recent, item, reward, window, said):
    traits = ItemTraits(LINE, category_sets(films([()] * 6)))
    assert judge_one(DistanceRule(1.0, window, 2), traits, recent, item, reward) == said


@pytest.mark.parametrize(
    ("rule", "recent", "item", "reward", "said"),
    [
        ((3, 0), [], 1, 5, ("", -1)),
        ((3, 0), [], 1, 1, ("low_reward", -1)),
        ((3, 0), [1], 3, 5, ("same_category", 1)),
        ((3, 1), [1], 3, 5, ("", -1)),
        ((3, 1), [1, 2], 3, 5, ("same_category", 2)),  # each shares another one: items count, the newest is named
        ((2, 1), [1, 4, 2], 3, 5, ("", -1)),  # the first has left the window
        ((3, 0), [0, 5, 0], 0, 5, ("", -1)),  # without categories not even a repeat has one in common
        ((3, 0), [1, 3], 1, 1, ("same_category", 3)),  # boredom is named before displeasure
        ((0, 0), [1, 1], 1, 5, ("", -1)),
    ],
)
def test_verdicts_by_category(rule, recent, item, reward, said):
    window, limit = rule
    assert judge_one(CategoryWindowRule(window, limit, 2), traits_of(), recent, item, reward) == said


def test_more_than_64_categories_need_more_than_one_word():
    catalogue = films([(f"c{number:03}", f"c{number + 1:03}") for number in range(199)])
    sets = category_sets(catalogue)
    assert sets.shape == (199, 4)
    assert sets.dtype == np.uint64
    shared = (sets[:, None, :] & sets[None, :, :]).any(axis=-1)
    apart = np.abs(np.arange(199)[:, None] - np.arange(199))
    assert np.array_equal(shared, apart <= 1)


def test_the_settings_name_the_rule():
    changed = TINY.model_copy(update={"quit_rule": "category-window", "category_window": 7, "category_limit": 3})
    assert rule_of(changed, 0.5) == CategoryWindowRule(7, 3, TINY.min_reward)
    assert rule_of(TINY, 0.5) == DistanceRule(0.5, TINY.window, TINY.min_reward)


def test_the_quantile_is_that_of_all_pairs_of_different_items():
    vectors = np.random.default_rng(0).normal(0, 1, (40, 3)).astype(np.float32)
    apart = [np.linalg.norm(vectors[i] - vectors[j]) for i in range(40) for j in range(i)]
    for q in (0.05, 0.5, 1.0):
        assert distance_quantile(vectors, q, np.random.default_rng(1)) == pytest.approx(np.quantile(apart, q), rel=0.03)
    assert distance_quantile(vectors, 0, np.random.default_rng(1)) == pytest.approx(min(apart), rel=1e-5)


def test_the_quantile_of_one_item_is_zero():
    assert distance_quantile(LINE[:1], 0.5, np.random.default_rng(0)) == 0


def test_the_same_seed_gives_the_same_quantile():
    vectors = np.random.default_rng(0).normal(0, 1, (40, 3)).astype(np.float32)
    first, second = (distance_quantile(vectors, 0.05, np.random.default_rng(3), pairs=500) for _ in range(2))
    assert first == second
    assert distance_quantile(vectors, 0.05, np.random.default_rng(4), pairs=500) != first
