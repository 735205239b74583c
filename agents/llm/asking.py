"""Asks a chat model one question of a role: `ask`, and `ask_parsed` for a reply in a given form."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import HumanMessage, SystemMessage

from billp.agents.llm.abilities import Abilities, abilities_of
from billp.agents.llm.reading import Reply, reply_of
from billp.agents.llm.schema import held_to, one_of
from billp.agents.llm.usage import Usage
from billp.errors import ReplyFormatError

Parsed = TypeVar("Parsed")
_ALTERNATIVES = 20  # number of log-probabilities: the most that OpenAI's interface allows

asking: ContextVar[str] = ContextVar("asking", default="LLM")
"""The role whose call is running, for errors and the tape; LangChain cannot pass it to the model it calls."""


@dataclass(frozen=True, slots=True)
class Request:
    """One call. `choices` constrains the reply to one of them, `schema` to JSON of that form; `scores` asks for

    first-token log-probabilities.
    """

    role: str
    system: str
    user: str
    temperature: float
    max_tokens: int
    seed: int
    choices: tuple[str, ...] = ()
    scores: bool = False
    schema: Mapping[str, Any] | None = None
    top_p: float = 1.0


async def ask(model: BaseChatModel, request: Request) -> Reply:
    """Returns one reply; callbacks and traces see it under the role's name and tag.

    Raises ModelUnavailableError if there is none within the bounded tries, ServerAwayError if the server went away for
    good.
    """
    token = asking.set(request.role)
    started = time.perf_counter()
    try:
        message = await model.ainvoke(
            [SystemMessage(request.system), HumanMessage(request.user)],
            {"run_name": request.role, "tags": [request.role]},
            **parameters(request, abilities_of(model)),
        )
    finally:
        asking.reset(token)
    return reply_of(message, time.perf_counter() - started)


def parameters(request: Request, able: Abilities) -> dict[str, Any]:
    """Returns the call's parameters in OpenAI's terms, without forms that the model does not know."""
    asked: dict[str, Any] = {
        "max_tokens": request.max_tokens,
        "seed": request.seed,  # models that know none leave it out; a tape knows calls by it all the same
    }
    if able.sampling:
        asked |= {"temperature": request.temperature} | ({"top_p": request.top_p} if request.top_p < 1 else {})
    if request.choices and able.schema:
        asked["response_format"] = one_of(request.choices)
    if request.schema is not None and able.schema:
        asked["response_format"] = held_to(request.schema)
    if request.scores and able.logprobs:
        asked |= {"logprobs": True, "top_logprobs": _ALTERNATIVES}
    if request.choices or request.scores or request.schema is not None:
        asked["stream"] = False  # one letter, or half an object, is not worth streaming
    return asked


async def ask_parsed(
    model: BaseChatModel, request: Request, parse: Callable[[Reply], Parsed], retries: int
) -> tuple[Parsed, Usage]:
    """Asks until `parse` accepts the reply, at most `retries` more times, each with another seed.

    `parse` raises ReplyFormatError for a reply it cannot use. Returns its value and what all tries cost. Raises
    ReplyFormatError if every try failed.
    """
    spent = Usage()
    for attempt in range(retries + 1):
        reply = await ask(model, replace(request, seed=request.seed + attempt))
        spent += reply.usage
        try:
            return parse(reply), spent
        except ReplyFormatError as error:
            spent += Usage(format_failures=1)
            last, why = error, reply.problem or str(error)
    raise ReplyFormatError(
        f"The {request.role} gave no usable reply in {retries + 1} tries ({why}); try another model or prompt pack."
    ) from last


async def first_token(
    model: BaseChatModel, system: str, user: str, *, role: str, seed: int, temperature: float = 0.0
) -> tuple[dict[str, float], Usage]:
    """Returns log-probabilities of the reply's first token, by token, and what the call cost.

    Calls may run side by side. The dict is empty if the model reports none.
    """
    reply = await ask(model, Request(role, system, user, temperature, max_tokens=1, seed=seed, scores=True))
    return dict(reply.first_token), reply.usage


def call_seed(*parts: object) -> int:
    """Returns a seed in [0, 2**31) that depends on `parts` alone, so that a call can be repeated anywhere."""
    digest = hashlib.sha256("\x1f".join(str(part) for part in parts).encode()).digest()
    return int.from_bytes(digest[:4], "big") & 0x7FFFFFFF
