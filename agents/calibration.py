"""The letters' own bias: what an LLM gives to A, B, C, ... whatever stands behind them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from agents.briefing import Briefing, Case
from agents.models import Usage
from agents.policy import Bias, label_bias
from catalogue import Item
from errors import ModelUnavailableError

Scorer = Callable[[Briefing, Sequence[Item], int], Awaitable[tuple[NDArray[np.float64] | None, Usage]]]
"""The letters' log-probabilities for a briefing, a shortlist and a seed, None where none was reported; and the cost."""


class Calibration:
    """Measures the bias once for each size of shortlist and shape of prompt; shared by all episodes.

    What it costs belongs to no episode, so that an episode's cost does not depend on which came first.
    """

    def __init__(self, scores: Scorer) -> None:
        self._scores = scores
        self._known: dict[tuple[int, tuple[bool, bool]], Bias] = {}
        self._measuring = asyncio.Lock()

    async def bias(self, size: int, shape: tuple[bool, bool], cases: Callable[[], Sequence[Case]]) -> Bias:
        """The bias for shortlists of `size` in prompts of `shape`, measured on `cases` unless it is known.

        A call that fails is one sample less, lest the episode that happens to measure fail for all; where every one
        failed, the model is away, and ModelUnavailableError is raised.
        """
        async with self._measuring:
            if (size, shape) not in self._known:
                self._known[size, shape] = label_bias(await self._samples(size, shape, cases()))
        return self._known[size, shape]

    async def _samples(self, size: int, shape: tuple[bool, bool], cases: Sequence[Case]) -> list[NDArray[np.float64]]:
        samples: list[NDArray[np.float64]] = []
        failure: ModelUnavailableError | None = None
        for number, (briefing, shortlist) in enumerate(cases):
            try:
                scores, _ = await self._scores(briefing.in_shape(shape), shortlist, number)
            except ModelUnavailableError as error:
                failure = error
                continue
            if len(shortlist) == size and scores is not None:
                samples.append(scores)
        if failure is not None and not samples:
            raise failure
        return samples
