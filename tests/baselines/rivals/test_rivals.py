"""Each rival against its formula, worked out plainly for one user at a time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from billp.agents.overlap import overlap
from billp.baselines.rivals.diverse import DiverseBest, DiverseLearned
from billp.baselines.rivals.dpp import SlidingDPP
from billp.baselines.rivals.linucb import LinUCB
from billp.baselines.rivals.mmr import MMR, tuned
from billp.baselines.rivals.registry import RIVALS
from billp.baselines.rivals.rival import RatedEpisode
from billp.baselines.rivals.tuning import trial
from billp.errors import EpisodeError
from billp.graphs.methods import METHODS
from billp.setting_groups import MMRSettings
from tests.baselines.rivals.making import material, seen
from tests.fakes.worlds import tiny_dataset, tiny_worlds

CATALOGUE = tiny_dataset().catalogue
SHOWN = [[], [3], [5, 9, 14, 2, 30, 31], [7, 8, 1]]


def alike(item: int, other: int) -> float:
    return overlap(frozenset(CATALOGUE[item].categories), frozenset(CATALOGUE[other].categories))


def highest(item: int, shown: list[int], window: int) -> float:
    return max((alike(item, other) for other in shown[-window:]), default=0.0)


def test_every_rival_is_a_method_and_every_method_of_that_kind_a_rival():
    assert {name for name, method in METHODS.items() if method.chooser == "rival"} == RIVALS.keys()


@pytest.mark.parametrize("name", RIVALS)
def test_what_uses_no_logs_is_the_same_whatever_users_rated(name: str):
    given = material()
    other = replace(given.dataset, ratings=given.dataset.ratings[::-1].copy())
    lessons = [RatedEpisode([1, 2, 3], [5.0, 1.0, 4.0], True)]
    made = [RIVALS[name](material(dataset=data)) for data in (given.dataset, other)]
    for rival in made:
        rival.learn(lessons)
    asked = seen([[item] for item in range(40)])
    first, second = (rival.recommender(explore=False).choose(asked).tolist() for rival in made)
    assert (first != second) == METHODS[name].uses_logs


@pytest.mark.parametrize("name", RIVALS)
def test_what_learns_is_changed_by_lessons_and_nothing_else_is(name: str):
    rival = RIVALS[name](material())
    asked = seen([[item] for item in range(20)])
    before = rival.recommender(explore=False).choose(asked).tolist()
    rng = np.random.default_rng(0)
    rival.learn(
        [RatedEpisode(rng.permutation(60)[:12].tolist(), rng.integers(1, 6, 12).tolist(), False) for _ in range(20)]
    )
    after = rival.recommender(explore=False).choose(asked).tolist()
    assert (before != after) == METHODS[name].answers


@pytest.mark.parametrize("name", [name for name in RIVALS if METHODS[name].answers])
def test_batches_do_not_matter_to_what_is_learned(name: str):
    rng = np.random.default_rng(1)
    lessons = [
        RatedEpisode(rng.permutation(60)[:9].tolist(), rng.integers(1, 6, 9).tolist(), bool(n % 2)) for n in range(12)
    ]
    whole, parts = RIVALS[name](material()), RIVALS[name](material())
    whole.learn(lessons)
    for lesson in lessons:
        parts.learn([lesson])
    asked = seen([[item] for item in range(30)])
    for explore in (True, False):
        chosen = [rival.recommender(explore=explore).choose(asked).tolist() for rival in (whole, parts)]
        assert chosen[0] == chosen[1]


@pytest.mark.parametrize("explore", [True, False])
@pytest.mark.parametrize("name", RIVALS)
def test_an_item_depends_on_the_user_alone_and_is_not_masked(name: str, explore: bool):
    recommender = RIVALS[name](material()).recommender(explore=explore)
    masked = [{row, row + 20, row + 40} for row in range(len(SHOWN))]
    together = seen(SHOWN, masked)
    items = recommender.choose(together)
    assert not together.masked[np.arange(len(SHOWN)), items].any()
    for row, shown in enumerate(SHOWN):
        assert recommender.choose(seen([shown], [masked[row]], seed=row)).tolist() == [items[row]]
    with pytest.raises(EpisodeError, match="Every item was shown"):
        recommender.choose(seen([[1]], [set(range(60))]))


def test_mmr_is_the_mean_less_the_highest_overlap():
    given = material()
    items = MMR(given.means, given.overlap, window=4, weight=1.5).choose(seen(SHOWN))
    for item, shown in zip(items.tolist(), SHOWN, strict=True):
        scores = {
            other: given.means[other] - 1.5 * highest(other, shown, 4) for other in range(60) if other not in shown
        }
        assert item == max(scores, key=lambda other: scores[other])


def test_item_means_are_those_of_train_users_shrunk_by_five_ratings():
    data, world = tiny_dataset(), tiny_worlds().train
    mine = np.isin(data.users, world.users)
    usual = data.ratings[mine].mean(dtype=np.float64)
    for item in (0, 17, 59):
        own = data.ratings[mine & (data.items == item)]
        assert material().means[item] == pytest.approx((own.sum() + 5 * usual) / (len(own) + 5))


def test_the_tuned_mmr_earns_at_least_as_much_on_train_users_as_any_of_its_grid():
    given = material()
    chosen = tuned(given).chosen
    without = MMR(given.means, given.overlap, int(chosen["window"]), chosen["weight"])
    best = trial(given, without).stars
    for window in (2, 4, 8):
        for weight in (0.5, 4.0):
            assert trial(given, MMR(given.means, given.overlap, window, weight)).stars <= best
    assert trial(given, replace(without, noise=chosen["noise"])).stars >= 0.95 * best
    assert tuned(given).chosen == chosen


def test_numbers_of_mmr_that_are_set_are_not_chosen():
    chosen = tuned(material()).chosen
    assert tuned(material(mmr=MMRSettings(window=3, weight=0.7, noise=0.4))).chosen == {
        "window": 3, "weight": 0.7, "noise": 0.4,
    }  # fmt: skip
    beside = tuned(material(mmr=MMRSettings(noise=0.4))).chosen
    assert beside == {**chosen, "noise": 0.4}
    assert tuned(material(mmr=MMRSettings(weight=0.0))).chosen["weight"] == 0.0


def test_the_tuned_mmr_sees_no_test_user():
    data, worlds = tiny_dataset(), tiny_worlds()
    ratings = data.ratings.copy()
    ratings[np.isin(data.users, worlds.test.users)] = 1
    assert tuned(material(dataset=replace(data, ratings=ratings))).chosen == tuned(material()).chosen


def test_round_robin_takes_the_best_item_of_another_kind():
    given = material()
    items = RIVALS["round-robin"](given).recommender(explore=False).choose(seen(SHOWN))
    for item, shown in zip(items.tolist(), SHOWN, strict=True):
        free = [other for other in range(60) if other not in shown and highest(other, shown, 2) == 0]
        assert item == max(free, key=lambda other: given.means[other])


def test_diverse_random_draws_evenly_from_the_least_alike():
    shown = [[5, 9, 14]] * 3000
    items = RIVALS["diverse-random"](material()).recommender(explore=False).choose(seen(shown))
    least = min(highest(item, shown[0], 4) for item in range(60) if item not in shown[0])
    free = [item for item in range(60) if item not in shown[0] and highest(item, shown[0], 4) == least]
    counts = np.bincount(items, minlength=60)[free]
    assert counts.sum() == 3000
    assert counts.min() > 0.6 * 3000 / len(free)


def test_learned_values_are_ridge_and_residuals():
    rival = DiverseLearned(material())
    rng = np.random.default_rng(0)
    items, stars = rng.integers(60, size=200), rng.integers(1, 6, 200).astype(float)
    rival.learn([RatedEpisode(items.tolist(), stars.tolist(), False)])
    made = rival.recommender(explore=False)
    assert isinstance(made, DiverseBest)
    years = np.array([np.nan if item.year is None else item.year for item in CATALOGUE], dtype=float)
    ages = np.nan_to_num((years - np.nanmean(years)) / 10)
    kinds = np.array([[name in item.categories for name in CATALOGUE.categories] for item in CATALOGUE], dtype=float)
    x = np.column_stack([np.ones(60), ages, ages**2, kinds])
    w = np.linalg.solve(x[items].T @ x[items] + np.eye(x.shape[1]), x[items].T @ stars)
    for item in range(60):
        residuals = stars[items == item] - x[item] @ w
        assert made.values[item] == pytest.approx(x[item] @ w + residuals.sum() / (len(residuals) + 2))


def test_in_training_what_is_hardly_known_varies_most():
    rival = DiverseLearned(material())
    rival.learn([RatedEpisode([4] * 99, [3.0] * 99, False)])
    made = rival.recommender(explore=True)
    assert isinstance(made, DiverseBest)
    assert made.doubts is not None
    assert made.doubts[4] == pytest.approx(0.06)
    assert made.doubts[5] == pytest.approx(0.6)


def test_dpp_maximises_the_determinant():
    given = material()
    items = SlidingDPP(given.means, given.overlap, window=4, quality=0.5).choose(seen(SHOWN))
    for item, shown in zip(items.tolist(), SHOWN, strict=True):
        window = shown[-4:]

        def log_det(members: list[int]) -> float:
            kernel = np.array([[alike(a, b) + 1e-3 * (a == b) for b in members] for a in members])
            return float(np.linalg.slogdet(kernel)[1]) if members else 0.0

        free = [other for other in range(60) if other not in shown]
        scores = {other: 0.5 * given.means[other] + log_det([*window, other]) - log_det(window) for other in free}
        assert scores[item] == pytest.approx(max(scores.values()), abs=1e-4)


def test_linucb_learns_that_likeness_makes_users_leave():
    rival = LinUCB(material())
    rng = np.random.default_rng(2)
    lessons = []
    for _ in range(200):
        items = [int(rng.integers(60))]
        while len(items) < 8:
            items.append(int(rng.integers(60)))
            if highest(items[-1], items[:-1], 4) > 0:
                break
        left = len(items) < 8 or highest(items[-1], items[:-1], 4) > 0
        lessons.append(RatedEpisode(items, [4.0] * len(items), left))
    rival.learn(lessons)
    chosen = rival.recommender(explore=False).choose(seen([[item] for item in range(60)]))
    assert all(alike(item, after) == 0 for item, after in enumerate(chosen.tolist()))
