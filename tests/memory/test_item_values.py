"""What is liked: the posterior over items, against the same computed without any shortcut."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from billp.catalogue import Catalogue, Item
from billp.memory.item_values import ItemValues, Observed, fit_values, known_of

Floats = NDArray[np.float64]
NOTHING = slice(0, 0)


def by_brute_force(fitted: ItemValues, doubts: Floats, logs: Observed, answers: Observed) -> tuple[Floats, Floats]:
    """Mean and covariance of v = X w + u given all averages, u of the variance that the posterior itself says.

    One joint Gaussian of all items' values, conditioned on the averages, which have independent errors.
    """
    known, n = fitted.known, len(fitted.known)
    own = own_variance_of(fitted, logs, answers)
    prior_mean = known[:, 0] * 3.3
    prior = known @ np.diag(doubts**2) @ known.T + own * np.eye(n)
    rows, averages, errors = [], [], []
    for item in range(n):
        if logs.counts[item]:
            rows.append(item)
            averages.append(logs.means[item])
            errors.append(1.0 / logs.counts[item] + logs.doubt)
        if answers.counts[item]:
            rows.append(item)
            averages.append(answers.means[item] - fitted.bias)
            errors.append(fitted.spread / answers.counts[item] + answers.doubt)
    select = np.eye(n)[rows]
    gain = prior @ select.T @ np.linalg.inv(select @ prior @ select.T + np.diag(errors))
    mean = prior_mean + gain @ (np.array(averages) - select @ prior_mean)
    return mean + fitted.bias, prior - gain @ select @ prior


def own_variance_of(fitted: ItemValues, logs: Observed, answers: Observed) -> float:
    """The variance of items' own parts: that of an item of which nothing was observed."""
    (unseen, *_) = np.flatnonzero((logs.counts == 0) & (answers.counts == 0))
    return float(fitted.own_variance[unseen])


@pytest.fixture
def small() -> tuple[Floats, Floats, Observed, Observed]:
    """Nine items, some rated in logs, some answered, some both, some neither.

    With so few the variance of their own parts stays as it usually is, and so do not change between rounds.
    """
    rng = np.random.default_rng(0)
    known = np.column_stack([np.ones(9), rng.normal(size=(9, 2))])
    logs = Observed.of(9, np.array([0, 0, 0, 1, 2, 2, 3]), np.array([4.0, 5, 4, 2, 3, 4, 1]))
    answers = Observed.of(9, np.array([2, 4, 4, 4, 5]), np.array([2.0, 5, 5, 5, 1]), doubt=0.1)
    return known, np.array([1.5, 0.3, 0.2]), logs, answers


def settled(known: Floats, doubts: Floats, logs: Observed, answers: Observed, monkeypatch: pytest.MonkeyPatch):
    """The posterior after so many rounds that the variances no longer change."""
    monkeypatch.setattr("billp.memory.item_values._ROUNDS", 60)
    return fit_values(known, doubts, logs, answers)


def test_mean_and_variance_are_those_of_the_joint_gaussian(
    small: tuple[Floats, Floats, Observed, Observed], monkeypatch: pytest.MonkeyPatch
):
    fitted = settled(*small, monkeypatch)
    mean, covariance = by_brute_force(fitted, *small[1:])
    assert fitted.mean == pytest.approx(mean, abs=1e-6)
    assert fitted.variance == pytest.approx(np.diag(covariance), abs=1e-6)


def test_draws_have_the_moments_of_the_joint_gaussian(
    small: tuple[Floats, Floats, Observed, Observed], monkeypatch: pytest.MonkeyPatch
):
    fitted = settled(*small, monkeypatch)
    mean, covariance = by_brute_force(fitted, *small[1:])
    rng = np.random.default_rng(1)
    drawn = np.array([fitted.draw(rng) for _ in range(20_000)])
    assert drawn.mean(axis=0) == pytest.approx(mean, abs=0.03)
    assert np.cov(drawn.T) == pytest.approx(covariance, abs=0.03)


def test_where_nothing_is_observed_the_prior_is_believed():
    known = np.column_stack([np.ones(4), np.array([0.0, 1.0, -1.0, 2.0])])
    nothing = Observed.nothing(4)
    fitted = fit_values(known, np.array([1.5, 0.3]), nothing, nothing)
    assert fitted.mean == pytest.approx(np.full(4, 3.3))
    assert fitted.variance == pytest.approx(1.5**2 + 0.3**2 * known[:, 1] ** 2 + 0.12, abs=1e-6)
    assert fitted.bias == 0


def test_the_more_answers_there_are_the_nearer_is_the_mean_to_theirs():
    known, doubts, nothing = np.ones((3, 1)), np.array([1.5]), Observed.nothing(3)

    def believed(count: int, doubt: float = 0.0) -> float:
        stars = np.concatenate([np.full(count, 5.0), np.full(300, 3.0)])
        items = np.concatenate([np.zeros(count, dtype=np.int64), np.ones(300, dtype=np.int64)])
        return float(fit_values(known, doubts, nothing, Observed.of(3, items, stars, doubt)).mean[0])

    means = [believed(count) for count in (0, 1, 4, 30, 1000)]
    assert means == sorted(means)
    assert means[0] == pytest.approx(3.0, abs=0.1)
    assert means[-1] == pytest.approx(5.0, abs=0.01)
    assert believed(1000, doubt=0.3) < 4.8, "answers that may mislead are never believed wholly"


def test_what_an_item_is_known_to_be_tells_of_items_never_seen():
    rng = np.random.default_rng(2)
    horror = (np.arange(400) % 2).astype(float)
    known = np.column_stack([np.ones(400), horror])
    items = np.repeat(np.arange(380), 3)
    stars = 3.5 - 0.8 * horror[items] + rng.normal(0, 0.5, len(items))
    fitted = fit_values(known, np.array([1.5, 0.3]), Observed.nothing(400), Observed.of(400, items, stars))
    assert fitted.mean[381:400:2] == pytest.approx(np.full(10, 2.7), abs=0.15)
    assert fitted.mean[380:400:2] == pytest.approx(np.full(10, 3.5), abs=0.15)


def test_of_what_a_language_model_says_the_useful_is_found_and_the_useless_left():
    rng = np.random.default_rng(3)
    said = rng.normal(size=(500, 2))  # the first column tells of the stars, the second of nothing
    said[7] = np.nan  # an item of which it was not asked
    catalogue = Catalogue("made-up", tuple(Item(n, str(n), f"Film {n}", ("War",), 1990) for n in range(500)))
    known, doubts, columns = known_of(catalogue, said)
    assert not known[7, columns].any()
    items = np.repeat(np.arange(500), 4)
    stars = 3.4 + 0.5 * np.nan_to_num(said[items, 0]) + rng.normal(0, 0.6, len(items))
    fitted = fit_values(known, doubts, Observed.nothing(500), Observed.of(500, items, stars), columns)
    useful, useless = fitted.weights[fitted.knowledge]
    assert useful == pytest.approx(0.5, abs=0.06)
    assert useless == pytest.approx(0.0, abs=0.06)


def test_answers_that_all_lie_above_the_logs_are_a_bias_and_no_merit_of_single_items():
    rng = np.random.default_rng(4)
    quality = rng.normal(0, 0.4, 60)
    rated, answered = np.repeat(np.arange(60), 50), np.repeat(np.arange(30), 20)
    logs = Observed.of(60, rated, 3.2 + quality[rated] + rng.normal(0, 1, len(rated)))
    answers = Observed.of(60, answered, 3.9 + quality[answered] + rng.normal(0, 0.6, len(answered)), doubt=0.05)
    fitted = fit_values(np.ones((60, 1)), np.array([1.5]), logs, answers)
    assert fitted.bias == pytest.approx(0.7, abs=0.12)
    assert fitted.mean == pytest.approx(3.9 + quality, abs=0.55)
    assert abs((fitted.mean - quality)[:30].mean() - (fitted.mean - quality)[30:].mean()) < 0.1


def test_the_spread_of_answers_is_learned():
    rng = np.random.default_rng(5)
    items = np.repeat(np.arange(40), 25)
    for spread in (0.1, 1.2):
        stars = 3.0 + rng.normal(0, np.sqrt(spread), len(items))
        fitted = fit_values(np.ones((40, 1)), np.array([1.5]), Observed.nothing(40), Observed.of(40, items, stars))
        assert fitted.spread == pytest.approx(spread, rel=0.15)


def test_the_columns_of_what_is_known_are_categories_and_years():
    films = [("War",), ("War", "Sea"), (), ("War",)]
    years = [1990, 2000, None, 1995]
    pairs = zip(films, years, strict=True)
    catalogue = Catalogue("made-up", tuple(Item(n, str(n), "Film", *pair) for n, pair in enumerate(pairs)))
    known, doubts, columns = known_of(catalogue)
    assert known.shape == (4, len(doubts)) == (4, 5)
    assert known[:, 1].tolist() == [1, 1, 0, 1], "the most frequent category first"
    assert known[:, 2].tolist() == [0, 1, 0, 0]
    assert known[[0, 1, 3], 3].mean() == pytest.approx(0)
    assert known[[0, 1, 3], 3].std() == pytest.approx(1)
    assert known[2, 3] == 0, "a year that is not known is a usual one"
    assert columns == slice(5, 5)
