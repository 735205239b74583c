"""The Actor: chooses a candidate, or proposes an item, from thought, analysis and experiences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from string import ascii_uppercase

import numpy as np
from langchain_core.language_models import BaseChatModel
from numpy.typing import NDArray

from billp.agents.actor_input import ActorInput
from billp.agents.llm.abilities import abilities_of
from billp.agents.llm.asking import Request
from billp.agents.llm.reading import Reply
from billp.agents.llm.schema import named_choice
from billp.agents.llm.truncation import ask_fitting
from billp.agents.llm.usage import Usage
from billp.agents.observation import show
from billp.agents.preferences import choose, label_preferences, named_preferences, unbiased_preferences
from billp.agents.prompt_pack import PromptPack
from billp.agents.roles.planner import one_sentence
from billp.catalogue import Item
from billp.errors import ReplyFormatError
from billp.settings import ActorSettings


@dataclass(frozen=True, slots=True)
class Candidate:
    """One line of a shortlist as the LLM sees it."""

    label: str
    title: str
    categories: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """The chosen position in the shortlist (from 0), the LLM's preferences, and the cost.

    Preferences are centred nats; empty if the LLM was not asked.
    """

    position: int
    preferences: tuple[float, ...]
    usage: Usage


@dataclass(frozen=True, slots=True)
class Proposal:
    """An item in the Actor's own words, and what it cost."""

    text: str
    usage: Usage


class Actor:
    """Chooses one of a shortlist, or proposes an item in words."""

    def __init__(self, model: BaseChatModel, pack: PromptPack, settings: ActorSettings, shown_steps: int) -> None:
        self._model = model
        self._choose = pack["actor-shortlist"]
        self._propose = pack["actor-free"]
        self._settings = settings
        self._shown_steps = shown_steps

    async def choose(self, actor_input: ActorInput, shortlist: Sequence[Item], seed: int, *, greedy: bool) -> Choice:
        """Returns the choice of one of the shortlist, by letter; no reply can name anything else.

        With `actor.choice = "scores"` one token is asked for, and the model's probabilities of the letters are its
        preferences; asking in two orders (`actor.orders`) cancels the letters' own bias. If none of the letters is
        among the reported alternatives, and always with "schema", a schema constrains the reply itself, which costs
        some more tokens and names one candidate; a model that does not keep to a schema names it in words. The
        preferred candidate is taken if `greedy`, otherwise one is drawn at the Actor's temperature. Raises
        ReplyFormatError if the server ignores the schema, ModelUnavailableError if it is away.
        """
        preferences, usage = await self._preferences(actor_input, shortlist, seed)
        position = choose(preferences, temperature=self._settings.temperature, greedy=greedy, seed=seed)
        return Choice(position, tuple(round(float(nats), 4) for nats in preferences), usage)

    async def _preferences(
        self, actor_input: ActorInput, shortlist: Sequence[Item], seed: int
    ) -> tuple[NDArray[np.float64], Usage]:
        """Returns (n,) centred nats by which the LLM prefers each candidate, and the cost."""
        spent, able = Usage(), abilities_of(self._model)
        if self._settings.choice == "scores" and able.logprobs:
            first, spent = await self._scores(actor_input, shortlist, seed)
            turned = None
            if (
                first is not None and self._settings.orders > 1
            ):  # after the first call, since the beginning of the prompt is cached then
                turned, usage = await self._scores(actor_input, [*shortlist[1:], shortlist[0]], seed)
                spent += usage
            if first is not None:
                return label_preferences(first) if turned is None else unbiased_preferences(first, turned), spent
            spent += Usage(format_failures=1)
        labels = tuple(ascii_uppercase[: len(shortlist)])

        def position(reply: Reply) -> int:
            if not able.schema:
                return labels.index(named_choice(reply.text, labels))
            label = reply.text.strip().strip('"')
            if label not in labels:
                raise ReplyFormatError(f"the reply {label[:40]!r} is none of {labels[0]} to {labels[-1]}")
            return labels.index(label)

        request, values = self._question(actor_input, shortlist, seed)
        named, usage = await ask_fitting(
            self._model, request, self._choose, values, parse=position, retries=self._settings.retries
        )
        return named_preferences(named, len(labels)), spent + usage

    async def _scores(
        self, actor_input: ActorInput, shortlist: Sequence[Item], seed: int
    ) -> tuple[NDArray[np.float64] | None, Usage]:
        """Returns the letters' log-probabilities in one order, None if none was reported, and the cost."""
        request, values = self._question(actor_input, shortlist, seed)
        labels = request.choices
        return await ask_fitting(
            self._model,
            _scored(request),
            self._choose,
            values,
            parse=lambda reply: label_scores(reply.first_token, labels),
            retries=0,
        )

    def _question(
        self, actor_input: ActorInput, shortlist: Sequence[Item], seed: int
    ) -> tuple[Request, dict[str, object]]:
        """Returns a question whose reply a schema constrains to one letter, without its words, and their values."""
        labels = tuple(ascii_uppercase[: len(shortlist)])
        shown = [show(item) for item in shortlist]
        candidates = [Candidate(label, item.title, item.categories) for label, item in zip(labels, shown, strict=True)]
        request = Request(
            role="actor",
            system=self._choose.fixed,
            user="",
            temperature=self._settings.temperature,
            top_p=self._settings.top_p,
            max_tokens=self._settings.max_tokens,
            seed=seed,
            choices=labels,
        )
        return request, {**actor_input.words(self._shown_steps), "candidates": candidates}

    def scored_request(self, actor_input: ActorInput, shortlist: Sequence[Item], seed: int) -> Request:
        """Returns a question whose reply's first token holds the letters' probabilities."""
        request, values = self._question(actor_input, shortlist, seed)
        return replace(_scored(request), user=self._choose.render(**values))

    async def propose(self, actor_input: ActorInput, seed: int) -> Proposal:
        """Returns an item in words, to be grounded; raises ReplyFormatError if the reply is empty."""
        request = Request(
            role="actor",
            system=self._propose.fixed,
            user="",
            temperature=self._settings.temperature,
            top_p=self._settings.top_p,
            max_tokens=self._settings.free_max_tokens,
            seed=seed,
        )
        values = actor_input.words(self._shown_steps)
        text, usage = await ask_fitting(
            self._model, request, self._propose, values, parse=one_sentence, retries=self._settings.retries
        )
        return Proposal(text, usage)


def _scored(request: Request) -> Request:
    """Returns the same question with its answer read from the first token's probabilities."""
    return replace(request, choices=(), scores=True, max_tokens=1)


def label_scores(first_token: Mapping[str, float], labels: Sequence[str]) -> NDArray[np.float64] | None:
    """Returns (n,) log-probability of each label, -inf if not reported; None if none of them was."""
    scores = np.full(len(labels), -np.inf)
    for token, logprob in first_token.items():
        if (label := token.strip()) in labels:  # " B" and "B" are two tokens of one meaning
            position = labels.index(label)
            scores[position] = np.logaddexp(scores[position], logprob)
    return scores if np.isfinite(scores).any() else None
