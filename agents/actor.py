"""The Actor: from the thought, the tool's words and the experiences to a choice or a proposal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from string import ascii_uppercase

import numpy as np

from agents.fitting import ask_fitting
from agents.models import Model, Reply, Request, Usage, ask_parsed
from agents.planner import one_sentence
from agents.prompt_pack import PromptPack, clean
from agents.tools import CategoryAnalysis
from agents.views import Situation, show, titles
from catalogue import Item
from errors import ReplyFormatError
from settings import ActorSettings

_SHOWN_EXPERIENCES = 1  # titles of each kind in the prompt; every further one costs about ten tokens a step
_SHOWN_STEPS = 6


@dataclass(frozen=True, slots=True)
class Briefing:
    """What the Actor knows before it acts: the thought, the tool's analysis, items that went well or badly."""

    thought: str
    analysis: CategoryAnalysis
    encouraged: tuple[Item, ...] = ()
    discouraged: tuple[Item, ...] = ()

    def words(self) -> dict[str, object]:
        """The briefing as prompt variables, in clean words."""
        return {
            "thought": clean(self.thought, 400),
            "lately": [clean(category, 40) for category in self.analysis.lately],
            "fresh": [clean(category, 40) for category in self.analysis.fresh],
            "encouraged": titles(self.encouraged)[:_SHOWN_EXPERIENCES],
            "discouraged": titles(self.discouraged)[:_SHOWN_EXPERIENCES],
        }


@dataclass(frozen=True, slots=True)
class Candidate:
    """One line of a shortlist as the LLM sees it."""

    label: str
    title: str
    categories: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """Position chosen in the shortlist, 0-based, and what it cost."""

    position: int
    usage: Usage


@dataclass(frozen=True, slots=True)
class Proposal:
    """An item in the Actor's own words, and what it cost."""

    text: str
    usage: Usage


class Actor:
    """Chooses one of a shortlist, or proposes an item in words."""

    def __init__(self, model: Model, pack: PromptPack, settings: ActorSettings) -> None:
        self._model = model
        self._choose = pack["actor-shortlist"]
        self._propose = pack["actor-free"]
        self._settings = settings

    async def choose(self, briefing: Briefing, shortlist: Sequence[Item], seed: int) -> Choice:
        """One of the shortlist, by letter; no reply can name anything else.

        With `actor.choice = "scores"` one token is asked for, and a letter is drawn from the probabilities that the
        model gives to the letters. Where none of them is among the alternatives it reports, and with "schema"
        always, the reply itself is constrained by a schema, which costs some more tokens. Raises ReplyFormatError
        when the server ignores the schema, ModelUnavailableError when it is away.
        """
        labels = tuple(ascii_uppercase[: len(shortlist)])
        shown = [show(item) for item in shortlist]
        candidates = [Candidate(label, item.title, item.categories) for label, item in zip(labels, shown, strict=True)]
        request = Request(
            role="actor",
            system=self._choose.fixed,
            user=self._choose.render(**briefing.words(), candidates=candidates),
            temperature=self._settings.temperature,
            max_tokens=self._settings.max_tokens,
            seed=seed,
            choices=labels,
        )
        spent = Usage()
        if self._settings.choice == "scores":
            reply = await self._model.ask(replace(request, choices=(), scores=True, max_tokens=1))
            spent += reply.usage
            drawn = drawn_label(reply.first_token, labels, self._settings.temperature, seed)
            if drawn is not None:
                return Choice(drawn, spent)
            spent += Usage(format_failures=1)

        def position(reply: Reply) -> int:
            label = reply.text.strip().strip('"')
            if label not in labels:
                raise ReplyFormatError(f"the reply {label[:40]!r} is none of {labels[0]} to {labels[-1]}")
            return labels.index(label)

        chosen, usage = await ask_parsed(self._model, request, position, self._settings.retries)
        return Choice(chosen, spent + usage)

    async def propose(self, briefing: Briefing, situation: Situation, seed: int) -> Proposal:
        """An item in words, to be grounded; raises ReplyFormatError when the model stays silent."""
        request = Request(
            role="actor",
            system=self._propose.fixed,
            user="",
            temperature=self._settings.temperature,
            max_tokens=self._settings.free_max_tokens,
            seed=seed,
        )
        values = {
            **briefing.words(),
            "history": situation.shown_history(),
            "steps": situation.shown_steps(_SHOWN_STEPS),
        }
        text, usage = await ask_fitting(
            self._model, request, self._propose, values, parse=one_sentence, retries=self._settings.retries
        )
        return Proposal(text, usage)


def drawn_label(first_token: Mapping[str, float], labels: Sequence[str], temperature: float, seed: int) -> int | None:
    """Position of a label drawn from its log-probabilities at `temperature`; None where no label is among them.

    At temperature 0 the likeliest label is taken, the first of equals. A label that is not among the reported
    alternatives is as unlikely as the unlikeliest of them at most, and is not drawn.
    """
    scores = np.full(len(labels), -np.inf)
    for token, logprob in first_token.items():
        if (label := token.strip()) in labels:  # " B" and "B" are two tokens of one meaning
            position = labels.index(label)
            scores[position] = np.logaddexp(scores[position], logprob)
    if not np.isfinite(scores).any():
        return None
    if temperature == 0:
        return int(scores.argmax())
    weights = np.exp((scores - scores.max()) / temperature)
    return int(np.random.default_rng(seed).choice(len(labels), p=weights / weights.sum()))
