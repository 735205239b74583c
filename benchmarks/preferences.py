"""What an LLM's letters are worth: their own bias, what is left of it, and whether they follow the candidate.

    python -m benchmarks.preferences [CASES [PACK]]

Needs ml-100k. Asks for random shortlists of six, each in both orders, in two shapes of the Actor's prompt (with a
thought alone, and with experiences too). Half of the cases measure the letters' bias, the other half is judged:
how often each place of the list is on top, as the LLM says it, less the bias, and less the bias in both orders, with
chi-square over its five degrees of freedom (11.1 is what an even draw exceeds once in twenty times); the correlation of
what the two orders say of one candidate (1: the LLM means the candidate, 0: the place); and the correlation of the
preference with the item's mean rating in the logs. Prints a Markdown table.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from string import ascii_uppercase

import numpy as np
from numpy.typing import NDArray

from agents.actor import Actor, label_scores
from agents.models import ChatModel, Request
from agents.policy import label_preferences
from agents.prompt_pack import load_pack
from errors import ReplyFormatError
from graphs.acting import neutral_cases
from serving.embedded import start
from settings import load_settings
from simulators import load_dataset

SIZE = 6
SHAPES = {"thought": (True, False), "thought and experiences": (True, True)}


class Listening:
    """A model that keeps each reply's probabilities, for the Actor gives its preferences without the bias."""

    def __init__(self, model: ChatModel) -> None:
        self._model = model
        self._busy = asyncio.Semaphore(8)

    async def scores(self, request: Request) -> NDArray[np.float64]:
        async with self._busy:
            reply = await self._model.ask(request)
        scores = label_scores(reply.first_token, tuple(ascii_uppercase[:SIZE]))
        if scores is None:
            raise ReplyFormatError("the server reports the probability of no letter")
        return label_preferences(scores, None)


def chi_square(places: NDArray[np.float64]) -> str:
    """How often each place is on top, and how far that is from even."""
    counts = np.bincount(places.argmax(axis=1), minlength=SIZE)
    even = len(places) / SIZE
    return f"{' '.join(map(str, counts))} ({float(np.square(counts - even).sum() / even):.1f})"


def correlation(one: NDArray[np.float64], other: NDArray[np.float64]) -> str:
    return f"{np.corrcoef(one.ravel(), other.ravel())[0, 1]:+.2f}"


async def measure(base_url: str, count: int, pack: str | None) -> None:
    """Prints a row for each shape."""
    settings = load_settings({})
    dataset = load_dataset(settings.data, "ml-100k")
    stars = np.bincount(dataset.items, weights=dataset.ratings, minlength=len(dataset.catalogue))
    means = stars / np.maximum(np.bincount(dataset.items, minlength=len(dataset.catalogue)), 1)
    drawn = neutral_cases(dataset.catalogue, SIZE, count)
    rated = np.array([[means[item.index] for item in shortlist] for _, shortlist in drawn])
    async with ChatModel(base_url, settings.llm) as client:
        model = Listening(client)
        actor = Actor(client, load_pack(Path(pack) if pack else None), settings.actor, settings.planner.shown_steps)
        for name, shape in SHAPES.items():
            asked = [
                actor.scored_request(briefing.in_shape(shape), shortlist[::turn], 0)
                for turn in (1, -1)
                for briefing, shortlist in drawn
            ]
            scores = np.array(await asyncio.gather(*map(model.scores, asked)))
            forward, backward = scores[:count], scores[count:]
            half = count // 2
            bias = (forward[:half].mean(axis=0) + backward[:half].mean(axis=0)) / 2
            once, turned = forward - bias, (backward - bias)[:, ::-1]
            both = (once + turned)[half:] / 2
            row = [name, chi_square(forward[half:]), chi_square(once[half:]), chi_square(both)]
            row += [correlation(once[half:], turned[half:]), correlation(both, rated[half:])]
            sys.stdout.write(f"| {' | '.join(row)} |\n")
            sys.stdout.flush()


def main() -> None:
    """Prints a Markdown table."""
    count = int(sys.argv[1]) if sys.argv[1:] else 240
    titles = ["prompt with", "on top A to F: raw (chi-square)", "less the bias", "in both orders"]
    titles += ["the orders agree", "follows the mean rating"]
    for row in (titles, ["---"] * len(titles)):
        sys.stdout.write(f"| {' | '.join(row)} |\n")
    settings = load_settings({})
    server = None if settings.llm.base_url else start(settings)
    base_url = settings.llm.base_url or (server.base_url if server else "")
    asyncio.run(measure(base_url, count, sys.argv[2] if sys.argv[2:] else None))


if __name__ == "__main__":
    main()
