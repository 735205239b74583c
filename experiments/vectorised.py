"""Episodes of many users at once, as arrays: for methods that ask no LLM and need no state beside what was shown.

They are the episodes that the graph would play one by one: recommenders are told the same and draw from the same
seeds, and the worlds answer the same. A step of a user costs microseconds here and milliseconds there.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from agents.llm.usage import Usage
from agents.plain import DrawnShortlists
from agents.recommender import Observations, Recommender
from errors import EpisodeError
from experiments.plans import EpisodePlan
from graphs.methods import Method
from graphs.recommending import recommender_of
from graphs.recording import Weighed, episode_record, step_record
from graphs.services import Services
from graphs.state import Ended, EpisodeOutput, usage_update
from graphs.stepping import CHOOSING, SHORTLISTING, seed_of
from graphs.users import Response, masked_history
from simulators import Episodes
from simulators.quit.registry import REASON_NAMES

Played = tuple[EpisodePlan, float, EpisodeOutput | EpisodeError]
"""An episode that is over, when it was begun (seconds since the epoch), and how it went."""

_CELLS = 400_000  # users x items looked at together: a few megabytes for each array that a recommender makes of them


def play_many(services: Services, method: Method, plans: Sequence[EpisodePlan]) -> Iterator[list[Played]]:
    """Plays `plans` with `method`; yields, step by step, the episodes that ended.

    Raises DataError for a user whom the logs do not know, and BadInputError for one who lives in the other world.
    """
    together = max(1, _CELLS // len(services.catalogue))
    for _, group in groupby(plans, key=lambda plan: plan.split):
        members = list(group)
        for start in range(0, len(members), together):
            yield from _Block(services, method, members[start : start + together]).play()


class _Block:
    """Some users of one world, all at the same step."""

    def __init__(self, services: Services, method: Method, plans: Sequence[EpisodePlan]) -> None:
        self._services, self._method, self._plans = services, method, plans
        self._started = time.time()
        data, count = services.dataset, services.settings.memory.state_items
        users = [data.user_index(plan.user) for plan in plans]
        self._world = services.worlds.train if plans[0].split == "train" else services.worlds.test
        self._histories = [data.history(user, count) for user in users]
        self._episodes = Episodes(self._world, np.array(users))
        shape = len(plans), self._world.horizon
        self._rewards = np.zeros(shape)
        self._culprits = np.zeros(shape, dtype=np.int64)
        self._shortlists: list[list[list[int]]] = [[] for _ in plans]
        self._masks = _Masks(services, users)

    def play(self) -> Iterator[list[Played]]:
        rows = np.arange(len(self._plans))
        try:
            recommender = None if self._method.chooser == "oracle" else recommender_of(self._services, self._method)
            while len(rows):
                step = int(self._episodes.steps[rows[0]])
                items = self._best(rows) if recommender is None else self._chosen(recommender, rows, step)
                answers = self._episodes.step(rows, items)
                self._rewards[rows, step] = answers.rewards
                self._culprits[rows, step] = answers.too_close_to
                self._masks.show(rows, items, step)
                over = ~answers.stays
                reasons = answers.reasons[over].tolist()
                ended = rows[over].tolist()
                rows = rows[~over]
                if ended:
                    yield [
                        (self._plans[row], self._started, self._output(row, REASON_NAMES[reason]))
                        for row, reason in zip(ended, reasons, strict=True)
                    ]
        except EpisodeError as error:
            yield [(self._plans[row], self._started, error) for row in rows.tolist()]

    def _chosen(self, recommender: Recommender, rows: NDArray[np.int64], step: int) -> NDArray[np.int64]:
        purpose = SHORTLISTING if self._method.chooser == "shortlist" else CHOOSING
        plans = [self._plans[row] for row in rows.tolist()]
        seen = Observations(
            histories=[self._histories[row] for row in rows.tolist()],
            shown=self._episodes.shown[rows, :step].astype(np.int64),
            rewards=self._rewards[rows, :step],
            steps=np.full(len(rows), step),
            masked=self._masks.of(rows),
            seeds=np.array([seed_of(plan.seed, plan.id, step, purpose) for plan in plans]),
        )
        if not isinstance(recommender, DrawnShortlists):
            return recommender.choose(seen)
        drawn = recommender.candidates(seen)
        for row, candidates in zip(rows.tolist(), drawn, strict=True):
            self._shortlists[row].append(candidates)
        return np.array([candidates[0] for candidates in drawn])

    def _best(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        users, masked = self._services.users, self._masks.of(rows)
        return np.array([
            users.best(
                self._plans[row].split,
                self._plans[row].user,
                self._episodes.shown[row, : self._episodes.steps[row]].tolist(),
                np.flatnonzero(hidden).tolist(),
            )
            for row, hidden in zip(rows.tolist(), masked, strict=True)
        ])  # fmt: skip

    def _output(self, row: int, ended: Ended) -> EpisodeOutput:
        plan, count = self._plans[row], int(self._episodes.steps[row])
        shown, rewards = self._episodes.shown[row, :count].tolist(), self._rewards[row, :count].tolist()
        culprits = self._culprits[row, :count].tolist()
        drawn = self._shortlists[row] or [[] for _ in shown]
        steps = [
            step_record(
                self._services.catalogue,
                shown[:step],
                item,
                Response(rewards[step], ended if step + 1 == count else "", culprits[step]),
                weighed=Weighed(drawn[step]),
            )
            for step, item in enumerate(shown)
        ]
        return episode_record(plan.user, plan.id, self._histories[row], steps, usage_update(Usage()))


class _Masks:
    """What may not be recommended, as `graphs.stepping.masked_items` says, for users at the same step."""

    def __init__(self, services: Services, users: Sequence[int]) -> None:
        self._shown = services.settings.actor.mask_shown
        self._own = [masked_history(services.settings, services.dataset, user) for user in users]
        self._masked = np.zeros((len(users), len(services.catalogue)), dtype=bool)
        self._begin(np.arange(len(users)))
        self._free = self._masked.shape[1] - self._masked.sum(axis=1)

    def of(self, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Those of the users at `rows`; shape (k, items)."""
        return self._masked if len(rows) == len(self._masked) else self._masked[rows]

    def show(self, rows: NDArray[np.int64], items: NDArray[np.int64], step: int) -> None:
        """Notes what was recommended to the users at `rows`, whose step number `step` (from 0) this was."""
        if self._shown:
            self._masked[rows, items] = True
            self._begin(rows[(step + 1) % self._free[rows] == 0])

    def _begin(self, rows: NDArray[np.int64]) -> None:
        self._masked[rows] = False
        for row in rows.tolist():
            self._masked[row, self._own[row]] = True
