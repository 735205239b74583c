"""The Critic: estimates the value of a state, and from it the advantage of a recommendation."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from langchain_core.language_models import BaseChatModel

from billp.agents.llm.abilities import abilities_of
from billp.agents.llm.asking import Request
from billp.agents.llm.reading import Reply
from billp.agents.llm.schema import named_choice
from billp.agents.llm.truncation import ask_fitting
from billp.agents.llm.usage import Usage
from billp.agents.observation import AgentObservation
from billp.agents.prompt_pack import Prompt
from billp.errors import ReplyFormatError
from billp.settings import CriticSettings

_SCORES = tuple(str(score) for score in range(10))  # single tokens, so that one token's probabilities hold them all
_MAX_REWARD = 5.0
_SHOWN_VALUES = 3  # remembered values in the prompt; the others count only in the mean


@dataclass(frozen=True, slots=True)
class Judgement:
    """V(s) on the scale of returns, and its cost."""

    value: float
    usage: Usage


@dataclass(frozen=True, slots=True)
class Advantage:
    """The result of a step: `target` = r + gamma V(s'), `advantage` = target - V(s)."""

    target: float
    advantage: float


class Critic:
    """Estimates V(s), the discounted sum of rewards from a state on (equation 5 of arXiv 2403.00843)."""

    def __init__(self, model: BaseChatModel, prompt: Prompt, settings: CriticSettings, shown_steps: int) -> None:
        self._model = model
        self._prompt = prompt
        self._settings = settings
        self._shown_steps = shown_steps

    @property
    def highest_value(self) -> float:
        """The value of score 9."""
        return highest_value(self._settings)

    async def judge(self, observed: AgentObservation, remembered: Sequence[float], seed: int) -> Judgement:
        """Returns V of the observation.

        `remembered` are targets of similar states from memory, nearest first: the LLM is shown some as scores, and its
        own score is then averaged with all of them, weighing as much as `critic.llm_weight` of them. With `critic.value
        = "logprobs"` the value is the expectation over the probabilities of the ten single-token scores, otherwise one
        sampled score. It is a sampled score too if the model reports no probabilities; if the model does not keep to a
        schema either, the score is looked for in its words. Raises ReplyFormatError if there is none.
        """
        able = abilities_of(self._model)
        expectation = self._settings.value == "logprobs" and able.logprobs
        request = Request(
            role="critic",
            system=self._prompt.fixed,
            user="",
            temperature=self._settings.temperature,
            top_p=self._settings.top_p,
            # A constrained sample is a JSON string; the expectation reads its one token's alternatives.
            max_tokens=self._settings.max_tokens if expectation else max(12, self._settings.max_tokens),
            seed=seed,
            choices=() if expectation else _SCORES,
            scores=expectation,
        )
        sampled = sampled_score if able.schema else score_in_words
        parse = expected_score if expectation else sampled
        values = {
            "history": observed.shown_history(),
            "steps": observed.shown_steps(self._shown_steps),
            "values": [self._as_score(value) for value in remembered[:_SHOWN_VALUES]],
        }
        score, usage = await ask_fitting(
            self._model, request, self._prompt, values, parse=parse, retries=self._settings.retries
        )
        return Judgement(averaged_value(score / 9 * self.highest_value, remembered, self._settings), usage)

    def _as_score(self, value: float) -> int:
        return round(min(max(value / self.highest_value, 0.0), 1.0) * 9)


def highest_value(settings: CriticSettings) -> float:
    """Returns the return of five stars for ever, 5 / (1 - gamma)."""
    return _MAX_REWARD / (1 - settings.gamma)


def averaged_value(judged: float | None, remembered: Sequence[float], settings: CriticSettings) -> float:
    """Returns V from the LLM's judgement and the remembered targets of similar states.

    The judgement weighs as much as `critic.llm_weight` targets. It is None where no LLM was asked; half the highest
    value stands for it then.
    """
    prior = highest_value(settings) / 2 if judged is None else judged
    weight = settings.llm_weight if remembered or settings.llm_weight else 1.0
    return (weight * prior + sum(remembered)) / (weight + len(remembered))


def advantage(reward: float, value: float, next_value: float, gamma: float) -> Advantage:
    """Returns A = r + gamma V(s') - V(s); `next_value` is 0 if the user left."""
    target = reward + gamma * next_value
    return Advantage(target, target - value)


def expected_score(reply: Reply) -> float:
    """Returns the mean score under the first token's probabilities, renormalised over its alternatives that are scores.

    Raises ReplyFormatError if none of the alternatives is a score.
    """
    weights = _score_weights(reply.first_token)
    total = sum(weights.values())
    if not total > 0:
        raise ReplyFormatError("no score among the first token's alternatives")
    return sum(int(score) * weight for score, weight in weights.items()) / total


def sampled_score(reply: Reply) -> float:
    """Returns the score that a reply names; raises ReplyFormatError if it is not one digit."""
    text = reply.text.strip().strip('"')
    if text not in _SCORES:
        raise ReplyFormatError(f"the reply {text[:40]!r} is not a digit from 0 to 9")
    return float(text)


def score_in_words(reply: Reply) -> float:
    """Returns the score in a free reply; raises ReplyFormatError if there is none, or more than one."""
    return float(named_choice(reply.text, _SCORES))


def _score_weights(first_token: Mapping[str, float]) -> dict[str, float]:
    weights: dict[str, float] = {}
    for token, logprob in first_token.items():
        score = token.strip()  # " 7" and "7" are two tokens of one meaning
        if score in _SCORES:
            weights[score] = weights.get(score, 0.0) + math.exp(logprob)
    return weights
