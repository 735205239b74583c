"""Episodes of many users at once, as arrays: for methods that ask no LLM and need no state but what was shown.

They equal the episodes that the graph would play one by one: recommenders get the same input and draw from the same
seeds, and the worlds answer the same. A user's step costs microseconds here and milliseconds there.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from billp.agents.llm.asking import call_seed
from billp.agents.llm.usage import Usage
from billp.agents.plain import DrawnShortlists
from billp.agents.recommender import Observations
from billp.baselines.rollout import CELLS, Choose, Rollout
from billp.errors import EpisodeError
from billp.experiments.runs.episode_plans import EpisodePlan
from billp.graphs.dependencies import Dependencies
from billp.graphs.methods import Method
from billp.graphs.ranking import MemoryRecommender
from billp.graphs.recommending import CHOOSING, SHORTLISTING, recommender_of, weighed_by
from billp.graphs.recording import MIDDLE_REWARD, decided, episode_record, step_record, unweighed
from billp.graphs.state import Ended, Trajectory, Weighed, usage_state
from billp.graphs.trail import trail
from billp.graphs.users import masked_history
from billp.simulators import Oracle, StepResult
from billp.simulators.quit.registry import REASON_NAMES

Played = tuple[EpisodePlan, float, Trajectory | EpisodeError]
"""A finished episode, when it began (seconds since the epoch), and its output."""


def play_many(deps: Dependencies, method: Method, plans: Sequence[EpisodePlan]) -> Iterator[list[Played]]:
    """Plays `plans` with `method`; yields, step by step, the episodes that ended.

    Raises DataError for a user who is not in the logs, and BadInputError for one of the other world.
    """
    together = max(1, CELLS // len(deps.catalogue))
    for _, group in groupby(plans, key=lambda plan: plan.split):
        members = list(group)
        for start in range(0, len(members), together):
            yield from _Block(deps, method, members[start : start + together]).play()


class _Block:
    """Some users of one world, all at the same step."""

    def __init__(self, deps: Dependencies, method: Method, plans: Sequence[EpisodePlan]) -> None:
        self._deps, self._method, self._plans = deps, method, plans
        self._started = time.time()
        settings, data = deps.settings, deps.dataset
        users = [data.user_index(plan.user) for plan in plans]
        world = deps.worlds.train if plans[0].split == "train" else deps.worlds.test
        purpose = SHORTLISTING if method.chooser == "shortlist" else CHOOSING
        self._histories = [data.history(user, settings.memory.state_items) for user in users]
        self._rollout = Rollout(
            world,
            users,
            self._histories,
            [masked_history(settings, data, user) for user in users],
            mask_shown=settings.actor.mask_shown,
            seed_of=lambda row, step: call_seed(plans[row].seed, plans[row].id, step, purpose),
        )
        self._weighed: list[list[Weighed]] = [[] for _ in plans]

    def play(self) -> Iterator[list[Played]]:
        waiting = set(range(len(self._plans)))
        try:
            for rows, reasons in self._rollout.play(self._choice()):
                waiting -= set(rows.tolist())
                if len(rows):
                    yield [
                        (self._plans[row], self._started, self._output(row, REASON_NAMES[reason]))
                        for row, reason in zip(rows.tolist(), reasons.tolist(), strict=True)
                    ]
        except EpisodeError as error:
            yield [(self._plans[row], self._started, error) for row in sorted(waiting)]

    def _choice(self) -> Choose:
        if self._method.chooser == "oracle":
            oracle = Oracle(self._rollout.episodes.world, self._rollout.episodes.users)
            return lambda rows, seen: oracle.choose(self._rollout.episodes, rows, seen.masked)
        recommender = recommender_of(self._deps, self._method, explores=self._plans[0].learn)
        if isinstance(recommender, MemoryRecommender):
            return lambda rows, seen: self._weighed_by(recommender, rows, seen)
        if isinstance(recommender, DrawnShortlists):
            return lambda rows, seen: self._drawn(recommender, rows, seen)
        return lambda rows, seen: recommender.choose(seen)

    def _weighed_by(
        self, recommender: MemoryRecommender, rows: NDArray[np.int64], seen: Observations
    ) -> NDArray[np.int64]:
        count = self._deps.settings.actor.shortlist
        found = weighed_by(recommender, seen, count)
        for row, weighed in zip(rows.tolist(), found, strict=True):
            self._weighed[row].append(weighed)
        return np.array([weighed["shortlist"][0] for weighed in found], dtype=np.int64)

    def _drawn(self, recommender: DrawnShortlists, rows: NDArray[np.int64], seen: Observations) -> NDArray[np.int64]:
        drawn = recommender.candidates(seen)
        for row, candidates in zip(rows.tolist(), drawn, strict=True):
            self._weighed[row].append(unweighed(candidates))
        return np.array([candidates[0] for candidates in drawn])

    def _output(self, row: int, ended: Ended) -> Trajectory:
        plan, count = self._plans[row], int(self._rollout.steps[row])
        shown, rewards, earlier = (
            column[row, :count].tolist()
            for column in (self._rollout.shown, self._rollout.rewards, self._rollout.earlier)
        )
        weighed = self._weighed[row] or [unweighed() for _ in shown]
        steps = [
            step_record(
                self._deps.catalogue,
                shown[:step],
                decided(item, weighed[step]),
                StepResult(rewards[step], ended if step + 1 == count else "", earlier[step]),
                advantage=rewards[step] - MIDDLE_REWARD if plan.learn and self._method.experiences else None,
            )
            for step, item in enumerate(shown)
        ]
        done = episode_record(plan.user, plan.id, self._histories[row], steps, usage_state(Usage()))
        planner = self._deps.settings.planner
        for step, nodes in zip(steps, trail(self._method, done, planner.steps, planner.revise), strict=True):
            step["nodes"] = nodes
        return done
