"""The one door to chat models.

Embedded llama.cpp, vLLM and any other server are the same OpenAI-compatible client with another base URL.
A server that is down or slow is asked again a bounded number of times, then the episode fails by name; a
reply in the wrong form likewise. Nothing is guessed.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, Self, TypeVar

from errors import ModelUnavailableError, ReplyFormatError
from settings import LLMSettings

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


class ChatModel:
    """A chat model behind an OpenAI-compatible server; an async context manager that closes its connections."""

    def __init__(self, base_url: str, settings: LLMSettings) -> None:
        import httpx
        from langchain_openai import ChatOpenAI

        self._connections = httpx.AsyncClient(timeout=settings.timeout_s)
        self._settings = settings
        self._base_url = base_url
        self._client = ChatOpenAI(
            openai_api_base=base_url,
            openai_api_key=settings.api_key,
            model_name=settings.model,
            request_timeout=settings.timeout_s,
            max_retries=0,  # retries are ours: bounded, and counted once
            streaming=False,
            http_async_client=self._connections,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._connections.aclose()

    async def ask(self, request: Request) -> Reply:
        """One reply, with bounded retries and exponential backoff while the server is down or slow."""
        import openai
        from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_exponential

        patient = AsyncRetrying(
            retry=retry_if_exception_type((openai.APIConnectionError, openai.InternalServerError, openai.RateLimitError)),
            stop=stop_after_attempt(self._settings.retries + 1),
            wait=wait_exponential(multiplier=self._settings.backoff_s),
            reraise=True,
        )
        try:
            return await patient(self._ask_once, request)
        except openai.APIConnectionError as error:  # time-outs included
            raise ModelUnavailableError(
                f"The LLM server at {self._base_url} did not answer within {self._settings.retries + 1} tries "
                f"({type(error).__name__}); check that it runs, or raise llm.timeout_s."
            ) from error
        except openai.APIStatusError as error:
            raise ModelUnavailableError(
                f"The LLM server at {self._base_url} refused the {request.role} call with status "
                f"{error.status_code}; check llm.model, llm.api_key and the context length."
            ) from error

    async def _ask_once(self, request: Request) -> Reply:
        extra: dict[str, Any] = {}
        if request.choices:
            # In the body as it is: handed over as an argument, the client would parse the reply itself and refuse
            # one whose trailing white space ran into the token budget.
            extra["extra_body"] = {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {
                        "name": "choice",
                        "strict": True,
                        "schema": {"type": "string", "enum": list(request.choices)},
                    },
                }
            }
        if request.scores:
            extra |= {"logprobs": True, "top_logprobs": 20}
        started = time.perf_counter()
        message = await self._client.ainvoke(
            [("system", request.system), ("user", request.user)],
            temperature=request.temperature,
            max_tokens=request.max_tokens,
            seed=request.seed,
            **extra,
        )
        seconds = time.perf_counter() - started
        tokens: Mapping[str, Any] = message.usage_metadata or {}
        usage = Usage(
            calls=1,
            prompt_tokens=int(tokens.get("input_tokens", 0)),
            cached_tokens=int(tokens.get("input_token_details", {}).get("cache_read", 0)),
            completion_tokens=int(tokens.get("output_tokens", 0)),
            seconds=seconds,
        )
        content = (message.response_metadata.get("logprobs") or {}).get("content") or []
        first = {entry["token"]: float(entry["logprob"]) for entry in content[0]["top_logprobs"]} if content else {}
        return Reply(text=str(message.text), first_token=first, usage=usage)


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
