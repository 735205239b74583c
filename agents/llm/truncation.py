"""Shortens prompts to the server's context, by one rule.

Only a server knows how many tokens a prompt has, so its refusal is the measure; calls that are not refused cost nothing
extra. After a refusal the oldest half of the steps is left out and the server is asked again, until one step is left;
then likewise the oldest half of the history. Instructions, thought, lessons and experience are never cut.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from langchain_core.language_models import BaseChatModel

from billp.agents.llm.asking import Parsed, Request, ask_parsed
from billp.agents.llm.reading import Reply
from billp.agents.llm.usage import Usage
from billp.agents.prompt_pack import Prompt
from billp.errors import ContextOverflowError

_CUT = ("steps", "history")  # in this order; each a list, oldest first


async def ask_fitting(
    model: BaseChatModel,
    request: Request,
    prompt: Prompt,
    values: Mapping[str, Any],
    *,
    parse: Callable[[Reply], Parsed],
    retries: int,
) -> tuple[Parsed, Usage]:
    """Does `ask_parsed` with the user message rendered from `values`, shortened while the server finds it too long.

    Raises ContextOverflowError if the shortest is too long as well, and what `ask_parsed` raises.
    """
    text: str | None = None
    for shown in shortened(values):
        rendered = prompt.render(**shown)
        if rendered == text:  # this prompt does not show what was left out
            continue
        text = rendered
        try:
            return await ask_parsed(model, replace(request, user=text), parse, retries)
        except ContextOverflowError as error:
            refused = error
    raise refused


def shortened(values: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yields `values` unchanged, then with fewer and fewer steps, then items of the history; oldest go first."""
    yield values
    for name in _CUT:
        while len(kept := values.get(name, [])) > 1:
            values = {**values, name: kept[(len(kept) + 1) // 2 :]}
            yield values
