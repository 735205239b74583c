"""Stars against coverage: what lists of the users' own cost, for billp's memory and for a tuned re-ranker.

    python -m benchmarks.coverage [--dataset ml-100k] [--rule distance] [--seeds 0,1,2] [--episodes 100] > ROWS
    python -m benchmarks.coverage --table ROWS ...

The first form prints one JSON line for each seed, method and amount of chance: the mean stars of the first 100 test
users, the share of the catalogue that they saw together, and how many different items that is, weighted by how often
each was seen (the exponential of the entropy). `billp-memory-only` reads the train users' logs and learned from
training episodes under the settings; its chance is `actor.variety`. `mmr` reads the same logs; its window and weight
earn most from train users under the same rule, its chance is its noise.

The second form prints, for each coverage, the stars on the line through a method's points, as means over splits and
seeds, and how far billp is above `mmr` with a 95% interval over splits and seeds. Needs no LLM.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from benchmarks.knowledge import Training, play
from billp.agents.recommender import Recommender
from billp.baselines.rivals.mmr import MMR
from billp.experiments.runs.recommenders import RunningRival
from billp.graphs.dependencies import Dependencies
from billp.graphs.methods import method_named
from billp.graphs.resources import Resources
from billp.settings import QuitRuleName, load_settings
from billp.simulators import users_of

Method = Literal["billp-memory-only", "mmr"]
VARIETIES = (0.0, 0.2, 0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0)
NOISES = (0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5)
COVERAGES = (0.08, 0.1, 0.125, 0.15, 0.2, 0.25, 0.3, 0.4)
_USERS = 100


class Row(BaseModel):
    """What one method came to with one amount of chance."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rule: QuitRuleName
    split: int
    seed: int
    method: Method
    chance: float
    stars: float
    steps: float
    coverage: float
    different: float


def rows_of(deps: Dependencies, seed: int, episodes: int) -> Iterator[Row]:
    """The rows of one seed."""
    method = method_named("billp-memory-only")
    learned = Training(deps, True, seed).episodes(np.zeros((len(deps.catalogue), 1)), [episodes])[episodes]
    belief_model = deps.belief_model
    billp = belief_model.recommender_by(belief_model.after(method, learned), method, explores=False)
    mmr = RunningRival(deps, "mmr", seed).recommender(explore=False)
    if not isinstance(mmr, MMR):
        raise TypeError("The rival mmr is made of something else than MMR.")
    for variety in VARIETIES:
        yield Row(method="billp-memory-only", chance=variety, **_shown(deps, replace(billp, variety=variety), seed))
    for noise in NOISES:
        yield Row(method="mmr", chance=noise, **_shown(deps, replace(mmr, noise=noise), seed))


def _shown(deps: Dependencies, recommender: Recommender, seed: int) -> dict[str, Any]:
    """A row without its method and chance."""
    world = deps.worlds.test
    played, _ = play(deps, world, users_of(world, _USERS, world.settings.seed), recommender, seed)
    seen = np.bincount(played.shown[played.shown >= 0], minlength=world.n_items)
    shares = seen[seen > 0] / seen.sum()
    return {
        "rule": world.settings.quit_rule,
        "split": world.settings.seed,
        "seed": seed,
        "stars": round(float(played.rewards.sum(axis=1).mean()), 2),
        "steps": round(float(played.steps.mean()), 2),
        "coverage": round(len(shares) / world.n_items, 4),
        "different": round(float(np.exp(-(shares * np.log(shares)).sum())), 1),
    }


def stars_at(rows: Sequence[Row], coverages: Sequence[float]) -> NDArray[np.float64]:
    """Stars at each coverage on the line through the rows' points; nan beyond the first and the last."""
    points = sorted((row.coverage, row.stars) for row in rows)
    x, y = np.array(points).T
    return np.asarray(np.interp(coverages, x, y, left=np.nan, right=np.nan), dtype=np.float64)


def table(rows: Sequence[Row]) -> str:
    """Markdown: stars by coverage of both methods, and how far billp is above."""
    trainings = sorted({(row.split, row.seed) for row in rows})
    curves = np.array(
        [
            [
                stars_at([row for row in rows if (row.split, row.seed, row.method) == (*key, method)], COVERAGES)
                for method in get_args(Method)
            ]
            for key in trainings
        ]
    )  # (trainings, methods, coverages)
    lines = ["| coverage | billp-memory-only | mmr | billp above | trainings |", "| ---: | ---: | ---: | ---: | ---: |"]
    for place, coverage in enumerate(COVERAGES):
        both = curves[np.isfinite(curves[:, :, place]).all(axis=1), :, place]
        if len(both) < 2:
            continue
        billp, mmr = both.mean(axis=0)
        gain = both[:, 0] - both[:, 1]
        error = 1.96 * gain.std(ddof=1) / np.sqrt(len(gain))
        above = f"{gain.mean():.1f} [{gain.mean() - error:.1f}, {gain.mean() + error:.1f}] ({billp / mmr - 1:+.1%})"
        lines.append(f"| {coverage:.1%} | {billp:.1f} | {mmr:.1f} | {above} | {len(both)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Prints JSON lines, or a table of such."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", default="ml-100k")
    parser.add_argument("--rule", default="distance", choices=get_args(QuitRuleName))
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--episodes", type=int, default=100)
    parser.add_argument("--table", type=Path, nargs="+")
    asked = parser.parse_args()
    if asked.table:
        lines = [line for file in asked.table for line in file.read_text(encoding="utf-8").splitlines()]
        sys.stdout.write(table([Row.model_validate(json.loads(line)) for line in lines]))
        return
    resources = Resources(load_settings({"run.quit_rule": asked.rule}))
    deps = resources.deps(asked.dataset, memory=None, llm=False)
    for seed in map(int, asked.seeds.split(",")):
        for row in rows_of(deps, seed, asked.episodes):
            sys.stdout.write(row.model_dump_json() + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
