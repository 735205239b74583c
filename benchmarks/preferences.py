"""What an LLM's letters are worth: their own bias, what is left of it, and whether they follow the candidate.

    python -m benchmarks.preferences [CASES [PACK]]

Needs ml-100k. Asks for random shortlists of six, after random histories and up to 30 steps, in two shapes of the
Actor's prompt (with a thought alone, and with experiences too), each in four orders. Prints how often each place of the
list is on top, as the LLM says it and with the bias cancelled by the first two orders, with chi-square over its five
degrees of freedom (11.1 is what an even draw exceeds once in twenty times); the correlation of what the first two and
the last two orders say of one candidate (1: the LLM means the candidate, 0: chance); and the correlation of the
preference with the item's mean rating in the logs. A Markdown table.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from pathlib import Path
from string import ascii_uppercase

import numpy as np
from numpy.typing import NDArray

from billp.agents.actor_input import ActorInput
from billp.agents.llm.asking import Request, ask
from billp.agents.llm.server_chat import ServerChat
from billp.agents.observation import AgentObservation
from billp.agents.preferences import label_preferences, unbiased_preferences
from billp.agents.prompt_pack import load_pack
from billp.agents.roles.actor import Actor, label_scores
from billp.agents.tools import analyse_categories
from billp.catalogue import Catalogue, Item
from billp.errors import ReplyFormatError
from billp.serving.embedded import start
from billp.settings import load_settings
from billp.simulators import load_dataset

SIZE = 6
SHAPES = {"thought": False, "thought and experiences": True}
Case = tuple[ActorInput, list[Item]]


class Listening:
    """A model that keeps each reply's probabilities."""

    def __init__(self, model: ServerChat) -> None:
        self._model = model
        self._busy = asyncio.Semaphore(8)

    async def scores(self, request: Request) -> NDArray[np.float64]:
        async with self._busy:
            reply = await ask(self._model, request)
        scores = label_scores(reply.first_token, tuple(ascii_uppercase[:SIZE]))
        if scores is None:
            raise ReplyFormatError("the server reports the probability of no letter")
        return label_preferences(scores)


def cases(known: Catalogue, count: int) -> list[Case]:
    """Briefings with everything in them, and shortlists, of random items."""
    rng = np.random.default_rng(SIZE)
    drawn: list[Case] = []
    for _ in range(count):
        steps = int(rng.integers(0, 31))
        items = known.some([int(item) for item in rng.permutation(len(known))[: SIZE + 7 + steps]])
        shortlist, history, two, shown = items[:SIZE], items[SIZE : SIZE + 5], items[-2:], items[SIZE + 5 : -2]
        rewards = tuple(int(reward) for reward in rng.integers(2, 6, len(shown)))
        observed = AgentObservation(tuple(history), tuple(shown), rewards)
        analysis = analyse_categories(observed.history, observed.recommended)
        thought = f"The user may like {', '.join(analysis.fresh[:2]) or 'something new'} next."
        drawn.append((ActorInput(observed, thought, analysis, tuple(two[:1]), tuple(two[1:])), shortlist))
    return drawn


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
    drawn = cases(dataset.catalogue, count)
    rated = np.array([[means[item.index] for item in shortlist] for _, shortlist in drawn])
    async with ServerChat(base_url=base_url, settings=settings.llm) as client:
        model = Listening(client)
        actor = Actor(client, load_pack(Path(pack) if pack else None), settings.actor, settings.planner.shown_steps)
        for name, told in SHAPES.items():
            asked = [
                actor.scored_request(
                    actor_input if told else replace(actor_input, encouraged=(), discouraged=()),
                    [*shortlist[turn:], *shortlist[:turn]],
                    0,
                )
                for turn in range(4)
                for actor_input, shortlist in drawn
            ]
            scores = np.array(await asyncio.gather(*map(model.scores, asked))).reshape(4, count, SIZE)
            first = np.array([unbiased_preferences(*pair) for pair in zip(scores[0], scores[1], strict=True)])
            later = np.array([unbiased_preferences(*pair) for pair in zip(scores[2], scores[3], strict=True)])
            again = np.roll(later, 2, axis=1)
            row = [name, chi_square(scores[0]), chi_square(first), correlation(first, again)]
            row += [correlation(first + again, rated - rated.mean(axis=1, keepdims=True))]
            sys.stdout.write(f"| {' | '.join(row)} |\n")
            sys.stdout.flush()


def main() -> None:
    """Prints a Markdown table."""
    count = int(sys.argv[1]) if sys.argv[1:] else 120
    titles = ["prompt with", "on top A to F: raw (chi-square)", "bias cancelled"]
    titles += ["orders agree", "follows the mean rating"]
    for row in (titles, ["---"] * len(titles)):
        sys.stdout.write(f"| {' | '.join(row)} |\n")
    settings = load_settings({})
    server = None if settings.llm.base_url else start(settings)
    base_url = settings.llm.base_url or (server.base_url if server else "")
    asyncio.run(measure(base_url, count, sys.argv[2] if sys.argv[2:] else None))


if __name__ == "__main__":
    main()
