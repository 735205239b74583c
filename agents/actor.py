"""The Actor: from the thought, the tool's words and the experiences to a choice or a proposal."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from string import ascii_uppercase

import numpy as np
from numpy.typing import NDArray

from agents.fitting import ask_fitting
from agents.models import Model, Reply, Request, Usage, ask_parsed
from agents.planner import one_sentence
from agents.policy import Advice, Bias, choose, label_bias, label_preferences, named_preferences
from agents.prompt_pack import PromptPack, clean
from agents.tools import CategoryAnalysis
from agents.views import Situation, show, titles
from catalogue import Item
from errors import ModelUnavailableError, ReplyFormatError
from settings import ActorSettings

_SHOWN_EXPERIENCES = 1  # titles of each kind in the prompt; every further one costs about ten tokens a step
_SHOWN_STEPS = 6
_MOST_REACH = 4.0  # nats that an LLM is taken to prefer one candidate to another by at most, until it is measured
_MEASURED = 8  # in training, one choice in so many is asked for though it cannot matter, to go on measuring the LLM


@dataclass(frozen=True, slots=True)
class Briefing:
    """What the Actor knows before it acts: the thought, the tool's analysis, items that went well or badly."""

    thought: str
    analysis: CategoryAnalysis
    encouraged: tuple[Item, ...] = ()
    discouraged: tuple[Item, ...] = ()

    @property
    def shape(self) -> tuple[bool, bool]:
        """Whether a prompt has a thought and experiences: the letters' own bias depends on it."""
        return bool(self.thought), bool(self.encouraged or self.discouraged)

    def in_shape(self, shape: tuple[bool, bool]) -> Briefing:
        """The briefing without the parts that the shape lacks."""
        thought, experiences = shape
        return Briefing(
            self.thought if thought else "",
            self.analysis,
            self.encouraged if experiences else (),
            self.discouraged if experiences else (),
        )

    def words(self) -> dict[str, object]:
        """The briefing as prompt variables, in clean words."""
        return {
            "thought": clean(self.thought, 400),
            "lately": [clean(category, 40) for category in self.analysis.lately],
            "fresh": [clean(category, 40) for category in self.analysis.fresh],
            "encouraged": titles(self.encouraged)[:_SHOWN_EXPERIENCES],
            "discouraged": titles(self.discouraged)[:_SHOWN_EXPERIENCES],
        }


Case = tuple[Briefing, Sequence[Item]]
"""A briefing and the shortlist that goes with it."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One line of a shortlist as the LLM sees it."""

    label: str
    title: str
    categories: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """Position chosen in the shortlist, 0-based, the LLM's preferences (nats, centred; empty: not asked), the cost."""

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

    def __init__(self, model: Model, pack: PromptPack, settings: ActorSettings) -> None:
        self._model = model
        self._choose = pack["actor-shortlist"]
        self._propose = pack["actor-free"]
        self._settings = settings
        self._bias: dict[tuple[int, tuple[bool, bool]], Bias] = {}
        self._measuring = asyncio.Lock()

    async def choose(
        self,
        briefing: Briefing,
        shortlist: Sequence[Item],
        seed: int,
        *,
        advice: Advice | None = None,
        explore: bool = False,
        neutral: Callable[[], Sequence[Case]] = tuple,
    ) -> Choice:
        """One of the shortlist, by letter; no reply can name anything else.

        With `actor.choice = "scores"` one token is asked for, and the model's probabilities of the letters are its
        preferences, less the letters' own bias, which is measured once on the `neutral` cases. Where none of the
        letters is among the alternatives that the server reports, and with "schema" always, the reply itself is
        constrained by a schema, which costs some more tokens and names one candidate. Without `advice` a letter is
        drawn from the preferences at the Actor's temperature; with it, memory bends the choice (`agents.policy`), and
        the LLM is not asked where its answer could win too little. Raises ReplyFormatError when the server ignores the
        schema, ModelUnavailableError when it is away.
        """
        worth = advice is None or self._worth_asking(advice, _MOST_REACH, explore, seed)
        bias = await self._bias_of(len(shortlist), briefing.shape, neutral) if worth else Bias(None, _MOST_REACH)
        if advice is not None and not (worth and self._worth_asking(advice, bias.reach, explore, seed)):
            return Choice(choose(None, advice, tau=self._settings.tau, explore=explore, seed=seed), (), Usage())
        preferences, usage = await self._preferences(briefing, shortlist, seed, bias.labels)
        bent = advice or Advice((0.0,) * len(shortlist), 1.0)
        position = choose(
            preferences,
            bent,
            tau=self._settings.tau if advice else self._settings.temperature,
            explore=explore or advice is None,
            seed=seed,
        )
        return Choice(position, tuple(round(float(nats), 4) for nats in preferences), usage)

    def _worth_asking(self, advice: Advice, reach: float, explore: bool, seed: int) -> bool:
        """Whether what the LLM prefers could win something by changing the choice, or should be measured."""
        if self._settings.ask == "always" or len(advice.advantages) < 2:
            return True
        if explore:  # a choice is drawn; what moves the odds by less than a nat hardly matters
            return advice.trust * reach > self._settings.tau or seed % _MEASURED == 0
        best, second = sorted(advice.advantages, reverse=True)[:2]
        return advice.trust * reach - (best - second) > self._settings.stake

    async def _preferences(
        self,
        briefing: Briefing,
        shortlist: Sequence[Item],
        seed: int,
        bias: NDArray[np.float64] | None,
    ) -> tuple[NDArray[np.float64], Usage]:
        """(n,) centred nats by which the LLM prefers each candidate, and the cost."""
        labels = tuple(ascii_uppercase[: len(shortlist)])
        spent, found = Usage(), []
        if self._settings.choice == "scores":
            for turn in (1, -1)[: self._settings.orders]:  # one by one: the second finds the prompt's head computed
                reply = await self._model.ask(self.scored_request(briefing, shortlist[::turn], seed))
                spent += reply.usage
                scores = label_scores(reply.first_token, labels)
                if scores is not None:
                    found.append(label_preferences(scores, bias)[::turn])
            if found:
                return np.asarray(np.mean(found, axis=0)), spent
            spent += Usage(format_failures=1)

        def position(reply: Reply) -> int:
            label = reply.text.strip().strip('"')
            if label not in labels:
                raise ReplyFormatError(f"the reply {label[:40]!r} is none of {labels[0]} to {labels[-1]}")
            return labels.index(label)

        request = self._request(briefing, shortlist, seed)
        named, usage = await ask_parsed(self._model, request, position, self._settings.retries)
        return named_preferences(named, len(labels)), spent + usage

    async def _bias_of(self, size: int, shape: tuple[bool, bool], neutral: Callable[[], Sequence[Case]]) -> Bias:
        """What the letters get whatever stands behind them; measured once for a size and shape, shared by episodes.

        What it costs belongs to no episode, so that an episode's cost does not depend on which came first.
        """
        async with self._measuring:
            if (size, shape) not in self._bias:
                cases = neutral() if self._settings.choice == "scores" else ()
                self._bias[size, shape] = label_bias(await self._samples(size, shape, cases))
        return self._bias[size, shape]

    async def _samples(self, size: int, shape: tuple[bool, bool], cases: Sequence[Case]) -> list[NDArray[np.float64]]:
        """The labels' log-probabilities on `cases`.

        A call that fails is one sample less, lest the episode that happens to measure fail for all; where every one
        failed, the model is away, and ModelUnavailableError is raised.
        """
        samples: list[NDArray[np.float64]] = []
        failure: ModelUnavailableError | None = None
        for number, (briefing, shortlist) in enumerate(cases):
            try:
                reply = await self._model.ask(self.scored_request(briefing.in_shape(shape), shortlist, number))
            except ModelUnavailableError as error:
                failure = error
                continue
            scores = label_scores(reply.first_token, tuple(ascii_uppercase[: len(shortlist)]))
            if len(shortlist) == size and scores is not None:
                samples.append(scores)
        if failure is not None and not samples:
            raise failure
        return samples

    def _request(self, briefing: Briefing, shortlist: Sequence[Item], seed: int) -> Request:
        labels = tuple(ascii_uppercase[: len(shortlist)])
        shown = [show(item) for item in shortlist]
        candidates = [Candidate(label, item.title, item.categories) for label, item in zip(labels, shown, strict=True)]
        return Request(
            role="actor",
            system=self._choose.fixed,
            user=self._choose.render(**briefing.words(), candidates=candidates),
            temperature=self._settings.temperature,
            max_tokens=self._settings.max_tokens,
            seed=seed,
            choices=labels,
        )

    def scored_request(self, briefing: Briefing, shortlist: Sequence[Item], seed: int) -> Request:
        """The question whose answer's first token holds the letters' probabilities."""
        return replace(self._request(briefing, shortlist, seed), choices=(), scores=True, max_tokens=1)

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


def label_scores(first_token: Mapping[str, float], labels: Sequence[str]) -> NDArray[np.float64] | None:
    """(n,) log-probability of each label, -inf where it is not among the alternatives; None where none of them is."""
    scores = np.full(len(labels), -np.inf)
    for token, logprob in first_token.items():
        if (label := token.strip()) in labels:  # " B" and "B" are two tokens of one meaning
            position = labels.index(label)
            scores[position] = np.logaddexp(scores[position], logprob)
    return scores if np.isfinite(scores).any() else None
