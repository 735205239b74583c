"""The quit rule, against a reference written down once more from its description."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.quit_rules import DistanceRule, Verdict, distance_quantile

LINE = np.array([[0.0], [1.0], [3.0], [3.5], [10.0], [10.0]], dtype=np.float32)


def leaves(vectors: np.ndarray, episode: list[int], rewards: list[float], beta: float, window: int) -> list[bool]:
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


@given(st.data())
def test_agrees_with_the_reference_from_the_first_step_on(data):
    seed, window = data.draw(st.integers(0, 10**6)), data.draw(st.integers(0, 6))
    beta = data.draw(st.sampled_from([0.0, 0.3, 1.0, 2.0]))
    vectors = np.random.default_rng(seed).normal(0, 1, (8, 2)).astype(np.float32)
    episode = data.draw(st.lists(st.integers(0, 7), min_size=1, max_size=12))
    rewards = data.draw(st.lists(st.integers(1, 5), min_size=len(episode), max_size=len(episode)))
    rule = DistanceRule(beta, window, 2)
    verdicts = [rule.judge(vectors, episode[:step], item, rewards[step]) for step, item in enumerate(episode)]
    expected = leaves(vectors, episode, [float(reward) for reward in rewards], beta, window)
    assert [verdict.reason is not None for verdict in verdicts] == expected
    for step, verdict in enumerate(verdicts):
        assert (verdict.too_close_to is not None) == (verdict.reason == "too_close")
        if verdict.too_close_to is not None:
            assert verdict.too_close_to in episode[max(0, step - window) : step]


@pytest.mark.parametrize(
    ("recent", "item", "reward", "window", "verdict"),
    [
        ([], 0, 5, 4, Verdict()),
        ([], 0, 1, 4, Verdict("low_reward")),
        ([], 0, 2, 4, Verdict()),
        ([0], 0, 5, 4, Verdict("too_close", 0)),
        ([0], 0, 5, 0, Verdict()),
        ([0, 4], 0, 5, 1, Verdict()),
        ([0, 4], 0, 5, 2, Verdict("too_close", 0)),
        ([0, 2], 1, 5, 4, Verdict()),  # exactly beta away is not closer than beta
        ([2, 0], 3, 5, 4, Verdict("too_close", 2)),
        ([4, 0], 5, 1, 4, Verdict("too_close", 4)),  # boredom is named before displeasure
        ([4, 5], 5, 5, 4, Verdict("too_close", 5)),  # of two items as close, the repeat
    ],
)
def test_verdicts(recent, item, reward, window, verdict):
    assert DistanceRule(1.0, window, 2).judge(LINE, recent, item, reward) == verdict


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
