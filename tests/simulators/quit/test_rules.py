"""The quit rules, against references written down once more from their descriptions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from billp.catalogue import Catalogue, Item
from billp.simulators.quit.category_window import CategoryWindowRule
from billp.simulators.quit.distance import DistanceRule, distance_quantile
from billp.simulators.quit.item_traits import ItemTraits, category_sets
from billp.simulators.quit.rule import Past, QuitRule, window_of

LINE = np.array([[0.0], [1.0], [3.0], [3.5], [10.0], [10.0]], dtype=np.float32)
CATEGORIES = [(), ("a",), ("b",), ("a", "b"), ("c",), (), ("b", "c"), ("d",)]
Said = tuple[bool, int]


def films(categories: list[tuple[str, ...]]) -> Catalogue:
    return Catalogue("films", tuple(Item(i, str(i), f"Film {i}", names) for i, names in enumerate(categories)))


def traits_of(seed: int = 0) -> ItemTraits:
    return ItemTraits(
        np.random.default_rng(seed).normal(0, 1, (8, 2)).astype(np.float32), category_sets(films(CATEGORIES))
    )


def distance_bores(vectors: np.ndarray, episode: list[int], beta: float, window: int) -> list[bool]:
    """For each step whether the user leaves at it, had they stayed until then."""
    answers = []
    for step, item in enumerate(episode):
        bored = False
        for back in range(1, window + 1):
            if step - back >= 0:
                earlier = episode[step - back]
                apart = sum(float(x - y) ** 2 for x, y in zip(vectors[item], vectors[earlier], strict=True)) ** 0.5
                bored = bored or item == earlier or apart < beta
        answers.append(bored)
    return answers


def category_bores(episode: list[int], window: int, limit: int) -> list[bool]:
    """For each step whether the user leaves at it, had they stayed until then."""
    answers = []
    for step, item in enumerate(episode):
        sharing = 0
        for back in range(1, window + 1):
            if step - back >= 0 and set(CATEGORIES[item]) & set(CATEGORIES[episode[step - back]]):
                sharing += 1
        answers.append(sharing > limit)
    return answers


def judge(rule: QuitRule, recent: np.ndarray, items: np.ndarray, ratings: np.ndarray) -> list[Said]:
    """Whether each user leaves, and over which earlier item."""
    said = rule.judge(Past(recent, np.zeros((1, rule.window))), np.zeros((1,), dtype=np.int64), items, ratings)
    return list(zip(said.leaves.ravel().tolist(), said.earlier.ravel().tolist(), strict=True))


def judge_one(rule: QuitRule, shown: list[int], item: int) -> Said:
    (said,) = judge(rule, window_of(shown, rule.window), np.array([item]), np.array([3], dtype=np.float32))
    return said


def judge_along(rule: QuitRule, episode: list[int]) -> list[Said]:
    """Every step of an episode, judged at once."""
    recent = np.concatenate([window_of(episode[:step], rule.window) for step in range(len(episode))])
    return judge(rule, recent, np.array(episode), np.full(len(episode), 3, dtype=np.float32))


EPISODES = st.lists(st.integers(0, 7), min_size=1, max_size=12)
WINDOWS = st.integers(0, 6)


@given(EPISODES, WINDOWS, st.sampled_from([0.0, 0.3, 1.0, 2.0]), st.integers(0, 10**6))
def test_distance_agrees_with_the_reference_from_the_first_step_on(episode, window, beta, seed):
    traits = traits_of(seed)
    said = judge_along(DistanceRule(traits, beta, window, 2), episode)
    assert [leaves for leaves, _ in said] == distance_bores(traits.vectors, episode, beta, window)
    for step, (leaves, earlier) in enumerate(said):
        assert (earlier >= 0) == leaves
        assert earlier in [-1, *episode[max(0, step - window) : step]]


@given(EPISODES, WINDOWS, st.integers(0, 4))
def test_category_window_agrees_with_the_reference_from_the_first_step_on(episode, window, limit):
    said = judge_along(CategoryWindowRule(traits_of(), window, limit, 2), episode)
    assert [leaves for leaves, _ in said] == category_bores(episode, window, limit)
    for step, (leaves, earlier) in enumerate(said):
        assert (earlier >= 0) == leaves
        assert earlier in [-1, *episode[max(0, step - window) : step]]


@pytest.mark.parametrize(
    ("recent", "item", "window", "said"),
    [
        ([], 0, 4, (False, -1)),
        ([0], 0, 4, (True, 0)),
        ([0], 0, 0, (False, -1)),
        ([0, 4], 0, 1, (False, -1)),
        ([0, 4], 0, 2, (True, 0)),
        ([0, 2], 1, 4, (False, -1)),  # exactly beta away is not closer than beta
        ([2, 0], 3, 4, (True, 2)),
        ([4, 0], 5, 4, (True, 4)),
        ([4, 5], 5, 4, (True, 5)),  # of two items as close, the repeat
    ],
)
def test_judged_by_distance(recent, item, window, said):
    traits = ItemTraits(LINE, category_sets(films([()] * 6)))
    assert judge_one(DistanceRule(traits, 1.0, window, 2), recent, item) == said


@pytest.mark.parametrize(
    ("rule", "recent", "item", "said"),
    [
        ((3, 0), [], 1, (False, -1)),
        ((3, 0), [1], 3, (True, 1)),
        ((3, 1), [1], 3, (False, -1)),
        ((3, 1), [1, 2], 3, (True, 2)),  # each shares another one: items count, the newest is named
        ((2, 1), [1, 4, 2], 3, (False, -1)),  # the first has left the window
        ((3, 0), [0, 5, 0], 0, (False, -1)),  # without categories not even a repeat has one in common
        ((0, 0), [1, 1], 1, (False, -1)),
    ],
)
def test_judged_by_category(rule, recent, item, said):
    window, limit = rule
    assert judge_one(CategoryWindowRule(traits_of(), window, limit, 2), recent, item) == said


def test_more_than_64_categories_need_more_than_one_word():
    catalogue = films([(f"c{number:03}", f"c{number + 1:03}") for number in range(199)])
    sets = category_sets(catalogue)
    assert sets.shape == (199, 4)
    assert sets.dtype == np.uint64
    shared = (sets[:, None, :] & sets[None, :, :]).any(axis=-1)
    apart = np.abs(np.arange(199)[:, None] - np.arange(199))
    assert np.array_equal(shared, apart <= 1)


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
