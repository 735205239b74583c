"""How often 95% intervals hold the truth, and how wide they are, by simulation.

    python -m benchmarks.intervals [DRAWS]

Numbers are drawn for seeds (trainings) and users: a part of the seed, a part of the user, and the rest, each normal
with the standard deviation named, or with exponential parts of the users. Prints Markdown tables: the share of draws
whose interval holds the truth, and the mean width over that of a normal interval which knows all deviations. First the
interval in use beside others (the bootstrap of users and seeds; t of the seeds' means; one variance with
Satterthwaite's degrees of freedom; the generalised interval, by drawing the deviations from what is known of them),
then the interval in use for paired differences, ratios, splits of the users and gaps.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from billp.experiments.stats.intervals import Estimate, difference_of, mean_of, ratio_of

Table = NDArray[np.float64]
Interval = tuple[float, float]
_MEAN = 40.0
_SIZES = ((3, 20), (3, 100), (3, 300), (5, 100), (9, 100))
# Standard deviations of seeds, users, rest.
_SPREADS = (
    (0.0, 8.0, 4.0), (0.5, 8.0, 4.0), (1.0, 8.0, 4.0), (2.0, 8.0, 4.0), (4.0, 8.0, 4.0), (20.0, 8.0, 4.0),
    (4.0, 2.0, 2.0), (0.0, 2.0, 8.0), (0.7, 2.0, 4.0), (1.0, 0.0, 4.0),
)  # fmt: skip


def main() -> None:
    """Prints the tables."""
    draws = int(sys.argv[1]) if sys.argv[1:] else 2000
    rng = np.random.default_rng(0)
    _head("seeds", "users", "sd of seeds, users, rest", *(f"{name}: held, width" for name in _METHODS))
    for seeds, users in _SIZES:
        for spread in _SPREADS:
            tables = [drawn(rng, seeds, users, spread) for _ in range(draws)]
            cells = []
            for method in _METHODS.values():
                found = [method(table, rng) for table in tables]
                width = np.mean([high - low for low, high in found]) / (2 * 1.96 * _error(seeds, users, spread))
                cells.append(f"{_held(found, _MEAN):.3f}, {width:.2f}")
            _print(seeds, users, ", ".join(f"{each:g}" for each in spread), *cells)
    sys.stdout.write("\n")
    _head("what", *(f"sd of seeds {seed:g}" for seed in _BY_SEEDS))
    for name, simulate in _CASES.items():
        cells = []
        for of_seed in _BY_SEEDS:
            ends, truths = zip(*(simulate(rng, of_seed) for _ in range(draws)), strict=True)
            cells.append(f"{_held(ends, truths[0]):.3f}")
        _print(name, *cells)


def drawn(
    rng: np.random.Generator, seeds: int, users: int, spread: tuple[float, float, float], *, skewed: bool = False
) -> Table:
    """(seeds, users) around 40."""
    of_seed, of_user, rest = spread
    user = rng.exponential(1.0, users) - 1 if skewed else rng.standard_normal(users)
    table = _MEAN + of_seed * rng.standard_normal((seeds, 1)) + of_user * user
    return np.asarray(table + rest * rng.standard_normal((seeds, users)))


def in_use(table: Table, _: np.random.Generator) -> Interval:
    """What the product reports."""
    return _ends(mean_of([table], trained=True))


def bootstrap(table: Table, rng: np.random.Generator, resamples: int = 400) -> Interval:
    """Percentiles of the mean over drawn users and drawn seeds (Owen 2007)."""
    seeds, users = table.shape
    of_users = rng.multinomial(users, np.full(users, 1 / users), size=resamples)
    of_seeds = rng.multinomial(seeds, np.full(seeds, 1 / seeds), size=resamples)
    low, high = np.quantile(((of_seeds @ table) * of_users).sum(axis=1) / table.size, [0.025, 0.975])
    return float(low), float(high)


def of_seeds_alone(table: Table, _: np.random.Generator) -> Interval:
    """t of the seeds' means."""
    return _around(table, _t(len(table) - 1) * np.sqrt(_mean_squares(table)[0] / table.size))


def satterthwaite(table: Table, _: np.random.Generator) -> Interval:
    """One variance, the sum of its parts, with the degrees of freedom of Satterthwaite (1946)."""
    seeds, users = table.shape
    of_seeds, of_users, rest = _mean_squares(table)
    of_seeds = max(of_seeds, rest)
    whole = of_seeds + of_users - rest
    parts = of_seeds**2 / (seeds - 1) + of_users**2 / (users - 1) + rest**2 / ((seeds - 1) * (users - 1))
    return _around(table, _t(max(whole**2 / parts, 1.0)) * np.sqrt(max(whole, 0.0) / table.size))


def generalised(table: Table, rng: np.random.Generator, resamples: int = 400) -> Interval:
    """Deviations drawn from what their mean squares say of them (Weerahandi 1993)."""
    free = (len(table) - 1, table.shape[1] - 1, (len(table) - 1) * (table.shape[1] - 1))
    seed_squares, user_squares, rest_squares = (
        squares * degrees / rng.chisquare(degrees, resamples)
        for squares, degrees in zip(_mean_squares(table), free, strict=True)
    )
    errors = rng.standard_normal(resamples) * np.sqrt(
        (user_squares + np.maximum(seed_squares - rest_squares, 0)) / table.size
    )
    return _around(table, float(np.quantile(np.abs(errors), 0.95)))


_METHODS: dict[str, Callable[[Table, np.random.Generator], Interval]] = {
    "in use": in_use,
    "bootstrap": bootstrap,
    "t of seeds": of_seeds_alone,
    "Satterthwaite": satterthwaite,
    "generalised": generalised,
}

_BY_SEEDS = (0.0, 0.5, 1.0, 2.0, 5.0, 20.0)
_USERS = 60


def _difference(rng: np.random.Generator, of_seed: float) -> tuple[Interval, float]:
    """Paired: both sides have the users' parts in common."""
    common = drawn(rng, 1, _USERS, (0.0, 8.0, 0.0))
    a, b = (drawn(rng, 3, _USERS, (of_seed, 3.0, 4.0)) + common for _ in range(2))
    return _ends(difference_of([a], [b], trained=True)), 0.0


def _ratio(rng: np.random.Generator, of_seed: float) -> tuple[Interval, float]:
    common = drawn(rng, 1, _USERS, (0.0, 8.0, 0.0)) - _MEAN
    a, b = (drawn(rng, 3, _USERS, (of_seed * scale, 3.0, 4.0)) + common for scale in (1.0, 0.2))
    return _ends(ratio_of([2 * a], [b], trained=True)), 2.0


def _skewed(rng: np.random.Generator, of_seed: float) -> tuple[Interval, float]:
    return in_use(drawn(rng, 3, _USERS, (of_seed, 8.0, 4.0), skewed=True), rng), _MEAN


def _gaps(rng: np.random.Generator, of_seed: float) -> tuple[Interval, float]:
    """A fifth of all episodes failed, by chance."""
    table = drawn(rng, 3, _USERS, (of_seed, 8.0, 4.0))
    return in_use(np.where(rng.random(table.shape) < 0.2, np.nan, table), rng), _MEAN


def _splits(rng: np.random.Generator, of_seed: float, of_split: float) -> tuple[Interval, float]:
    shifts = of_split * rng.standard_normal(3)
    split = [drawn(rng, 3, _USERS, (of_seed, 8.0, 4.0)) + shift for shift in shifts]
    return _ends(mean_of(split, trained=True)), _MEAN


_CASES: dict[str, Callable[[np.random.Generator, float], tuple[Interval, float]]] = {
    "paired difference": _difference,
    "paired ratio": _ratio,
    "skewed users": _skewed,
    "one episode in five failed": _gaps,
    "three splits that do not differ": lambda rng, of_seed: _splits(rng, of_seed, 0.0),
    "three splits, sd 1": lambda rng, of_seed: _splits(rng, of_seed, 1.0),
    "three splits, sd 5": lambda rng, of_seed: _splits(rng, of_seed, 5.0),
}
"""Three seeds and 60 users (a split); users' deviation 8, rest 4."""


def _error(seeds: int, users: int, spread: tuple[float, float, float]) -> float:
    """The standard error of the mean, all deviations known."""
    of_seed, of_user, rest = spread
    return float(np.sqrt(of_seed**2 / seeds + of_user**2 / users + rest**2 / (seeds * users)))


def _mean_squares(table: Table) -> tuple[float, float, float]:
    seeds, users = table.shape
    of_seed, of_user, mean = table.mean(axis=1), table.mean(axis=0), table.mean()
    rest = table - of_seed[:, None] - of_user + mean
    return (
        float(users * ((of_seed - mean) ** 2).sum() / (seeds - 1)),
        float(seeds * ((of_user - mean) ** 2).sum() / (users - 1)),
        float((rest**2).sum() / ((seeds - 1) * (users - 1))),
    )


def _t(free: float) -> float:
    return float(stdtrit(free, 0.975))


def _around(table: Table, half: float) -> Interval:
    return float(table.mean() - half), float(table.mean() + half)


def _ends(found: Estimate) -> Interval:
    return found.ci95 or (np.nan, np.nan)


def _held(found: Sequence[Interval], truth: float) -> float:
    return float(np.mean([low <= truth <= high for low, high in found]))


def _head(*titles: str) -> None:
    _print(*titles)
    _print(*("---" for _ in titles))


def _print(*cells: object) -> None:
    sys.stdout.write(f"| {' | '.join(map(str, cells))} |\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
