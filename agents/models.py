"""What is asked of a chat model and what it answers, whichever it is: a server, a tape, a fake."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar

from errors import ReplyFormatError

Parsed = TypeVar("Parsed")


@dataclass(frozen=True, slots=True)
class Usage:
    """What calls cost: tokens, and seconds waited for replies."""

    calls: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0
    format_failures: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.calls + other.calls,
            self.prompt_tokens + other.prompt_tokens,
            self.cached_tokens + other.cached_tokens,
            self.completion_tokens + other.completion_tokens,
            self.seconds + other.seconds,
            self.format_failures + other.format_failures,
        )


@dataclass(frozen=True, slots=True)
class Request:
    """One call. `choices` constrains the reply to one of them; `scores` asks for first-token log-probabilities."""

    role: str
    system: str
    user: str
    temperature: float
    max_tokens: int
    seed: int
    choices: tuple[str, ...] = ()
    scores: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """The text, and the log-probabilities of the first token's most likely alternatives if asked for."""

    text: str
    first_token: Mapping[str, float] = field(default_factory=dict)
    usage: Usage = Usage()


class Model(Protocol):
    """Anything that answers a Request."""

    async def ask(self, request: Request) -> Reply:
        """The reply; raises ModelUnavailableError when there is none within the bounded retries."""
        ...


async def ask_parsed(
    model: Model, request: Request, parse: Callable[[Reply], Parsed], retries: int
) -> tuple[Parsed, Usage]:
    """Asks until `parse` accepts the reply, at most `retries` more times, each with another seed.

    `parse` raises ReplyFormatError on a reply it cannot use. Returns its value and what all tries cost.
    Raises ReplyFormatError when every try failed.
    """
    spent = Usage()
    for attempt in range(retries + 1):
        reply = await model.ask(replace(request, seed=request.seed + attempt))
        spent += reply.usage
        try:
            return parse(reply), spent
        except ReplyFormatError as error:
            spent += Usage(format_failures=1)
            last = error
    raise ReplyFormatError(
        f"The {request.role} gave no usable reply in {retries + 1} tries ({last}); try another model or prompt pack."
    ) from last


def call_seed(*parts: object) -> int:
    """A seed in [0, 2**31) that depends on `parts` alone, so that a call repeats whatever ran beside it."""
    digest = hashlib.sha256("\x1f".join(str(part) for part in parts).encode()).digest()
    return int.from_bytes(digest[:4], "big") & 0x7FFFFFFF
