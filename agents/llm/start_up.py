"""The start-up check: tests a chat model's abilities with a few tiny calls before a run begins."""

from __future__ import annotations

import contextlib
from dataclasses import replace

from billp.agents.llm.abilities import Abilities
from billp.agents.llm.asking import Request, ask
from billp.agents.llm.providers import ProviderChat
from billp.agents.llm.reading import Reply
from billp.agents.llm.server_chat import ServerChat
from billp.agents.llm.servers import SeveralServers
from billp.errors import ContextOverflowError, ModelUnavailableError, UnusableModelError

_FREE = Request(
    role="start-up check",
    system="You know films.",
    user="Which films may somebody like who likes comedies?",
    temperature=1.0,
    max_tokens=6,  # enough to tell two draws apart, and little on a slow machine
    seed=11,
)
_WORDS = ("zyzzyva", "quokka")
"""No model would say one of these by itself, so that an ignored schema is noticed."""
_HELD = replace(
    _FREE, system="Answer in one word.", user="What colour is the sky?", temperature=0.0, max_tokens=16, choices=_WORDS
)
_SCORED = replace(
    _FREE, system="Answer with one digit.", user="Two plus two?", temperature=0.0, max_tokens=1, scores=True
)


async def find_abilities(model: ServerChat | ProviderChat | SeveralServers, where: str) -> Abilities:
    """Asks four tiny questions and stores the abilities of `model` in it; `where` names it in errors.

    A server that is away is not waited for: it was probably not started. Raises UnusableModelError if a free question
    gets no words or if several servers differ, ModelUnavailableError or ServerAwayError if there is no answer.
    """
    if isinstance(model, SeveralServers):
        found = [await find_abilities(server, server.base_url) for server in model.servers]
        for server, able in zip(model.servers, found, strict=True):
            if able != found[0]:
                raise UnusableModelError(
                    f"{server.base_url} and {model.servers[0].base_url} can do different things; serve the same model "
                    "on both."
                )
        return found[0]
    model.waits = False
    try:
        return await _found(model, where)
    finally:
        model.waits = True


async def _found(model: ServerChat | ProviderChat, where: str) -> Abilities:
    hoped = model.abilities
    first = await _free(model, where)
    again = await _free(model, where) if model.abilities.seed else None
    model.abilities = replace(
        model.abilities,
        seed=again is not None and again.text == first.text,
        logprobs=hoped.logprobs and await _gives_logprobs(model),
        schema=hoped.schema and await _holds_to_a_schema(model),
    )
    return model.abilities


async def _free(model: ServerChat | ProviderChat, where: str) -> Reply:
    """Returns a free reply within the tokens asked for; stores in `model` what had to be left out."""
    reply = await _not_refused(model)
    if isinstance(model, ServerChat) and reply.usage.completion_tokens > _FREE.max_tokens:
        model.limit_field = "max_tokens"  # it ignored the newer name
        reply = await ask(model, _FREE)
    if not any(letter.isalpha() for letter in reply.text):
        why = reply.problem or f"it said {reply.text[:40]!r}"
        raise UnusableModelError(f"{where} gives no words to a plain question: {why}.")
    return reply


async def _not_refused(model: ServerChat | ProviderChat) -> Reply:
    """Returns the reply to a free question; leaves out what the server refuses a call for."""
    hoped = model.abilities
    lesser = [replace(hoped, seed=seed, sampling=sampling) for sampling in (True, False) for seed in (True, False)]
    try:
        return await ask(model, _FREE)
    except ContextOverflowError:
        raise
    except ModelUnavailableError as error:
        refused = error
    for able in lesser:
        if able == hoped or able.seed > hoped.seed:
            continue
        model.abilities = able
        with contextlib.suppress(ModelUnavailableError):  # its first answer counts
            return await ask(model, _FREE)
    model.abilities = hoped
    raise refused


async def _gives_logprobs(model: ServerChat | ProviderChat) -> bool:
    try:
        reply = await ask(model, _SCORED)
    except ModelUnavailableError:
        return False
    return any(token.strip().isdigit() for token in reply.first_token)  # a model that thinks first gives others


async def _holds_to_a_schema(model: ServerChat | ProviderChat) -> bool:
    try:
        reply = await ask(model, _HELD)
    except ModelUnavailableError:
        return False
    return reply.text.strip().strip('"') in _WORDS
