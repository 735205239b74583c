"""The one door to chat models.

Embedded llama.cpp, vLLM and any other server are the same OpenAI-compatible client with another base URL. The
client is one POST on aiohttp with the reply checked by pydantic: measured per call with an instant server, aiohttp
costs 0.3 ms, httpx 2.3 ms and a vendor's SDK on top of it 4 ms more, at two or three calls a step.

A server that is down or slow is asked again a bounded number of times, then the episode fails by name; a
reply in the wrong form likewise. Nothing is guessed.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Protocol, Self, TypeVar

import aiohttp
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, wait_exponential

from errors import ModelUnavailableError, ReplyFormatError
from settings import LLMSettings

Parsed = TypeVar("Parsed")
_SECRET_FROM = 8  # characters


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


class _Open(BaseModel):
    # What a server answers may hold what it was sent, the API key included: errors do not quote it.
    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)


class _TokenScore(_Open):
    token: str
    logprob: float


class _Token(_TokenScore):
    top_logprobs: list[_TokenScore] = []


class _Logprobs(_Open):
    content: list[_Token] | None = None


class _Message(_Open):
    content: str | None = None


class _Choice(_Open):
    message: _Message
    logprobs: _Logprobs | None = None


class _CachedTokens(_Open):
    cached_tokens: int | None = None


class _Tokens(_Open):
    prompt_tokens: int = 0
    completion_tokens: int = 0
    prompt_tokens_details: _CachedTokens | None = None


class _Completion(_Open):
    """The part of a chat completion that is read."""

    choices: Annotated[list[_Choice], Field(min_length=1)]
    usage: _Tokens | None = None


class ChatModel:
    """A chat model behind an OpenAI-compatible server; an async context manager that closes its connections."""

    def __init__(self, base_url: str, settings: LLMSettings) -> None:
        self._settings = settings
        self._url = f"{base_url.rstrip('/')}/chat/completions"
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def ask(self, request: Request) -> Reply:
        """One reply, with bounded retries and exponential backoff while the server is down, slow or overloaded."""
        patient = AsyncRetrying(
            retry=retry_if_exception(_may_pass),
            stop=stop_after_attempt(self._settings.retries + 1),
            wait=wait_exponential(multiplier=self._settings.backoff_s),
            reraise=True,
        )
        try:
            return await patient(self._ask_once, request)
        except aiohttp.ClientResponseError as error:
            raise ModelUnavailableError(
                f"The LLM server at {self._url} refused the {request.role} call with status "
                f"{error.status}; check llm.model, llm.api_key and the context length."
            ) from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ModelUnavailableError(
                f"The LLM server at {self._url} did not answer within {self._settings.retries + 1} tries "
                f"({type(error).__name__}); check that it runs, or raise llm.timeout_s."
            ) from error
        except ValidationError as error:
            raise ModelUnavailableError(
                f"The LLM server at {self._url} answered with something else than a chat completion; "
                f"check that llm.base_url names an OpenAI-compatible server and ends in /v1."
            ) from error

    async def _ask_once(self, request: Request) -> Reply:
        started = time.perf_counter()
        async with self._opened().post(self._url, json=self._body(request)) as response:
            content = await response.read()
            seconds = time.perf_counter() - started
            response.raise_for_status()
        completion = _Completion.model_validate_json(self._without_key(content))
        tokens = completion.usage or _Tokens()
        details = tokens.prompt_tokens_details
        choice = completion.choices[0]
        scored = choice.logprobs.content if choice.logprobs else None
        return Reply(
            text=choice.message.content or "",
            first_token={entry.token: entry.logprob for entry in scored[0].top_logprobs} if scored else {},
            usage=Usage(
                calls=1,
                prompt_tokens=tokens.prompt_tokens,
                cached_tokens=(details.cached_tokens or 0) if details else 0,
                completion_tokens=tokens.completion_tokens,
                seconds=seconds,
            ),
        )

    def _opened(self) -> aiohttp.ClientSession:
        """The session, made by the first call, since it belongs to the event loop that is running then."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=self._settings.timeout_s),
                headers={"Authorization": f"Bearer {self._settings.api_key.get_secret_value()}"},
                connector=aiohttp.TCPConnector(limit=0),  # how many run at once is the runner's affair
                trust_env=False,  # a proxy of the machine's has no business between us and the server named
            )
        return self._session

    def _without_key(self, content: bytes) -> bytes:
        """What a server answered, without the API key: some echo the headers they were sent."""
        key = self._settings.api_key.get_secret_value().encode()
        # A short one is no secret but a word such as `none` or `EMPTY`, which a reply may well hold.
        return content.replace(key, b"[api key]") if len(key) >= _SECRET_FROM else content

    def _body(self, request: Request) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self._settings.model,
            "messages": [
                {"role": "system", "content": request.system},
                {"role": "user", "content": request.user},
            ],
            "temperature": request.temperature,
            "max_completion_tokens": request.max_tokens,
            "seed": request.seed,
        }
        if request.choices:
            schema = {"type": "string", "enum": list(request.choices)}
            body["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": "choice", "strict": True, "schema": schema},
            }
        if request.scores:
            body |= {"logprobs": True, "top_logprobs": 20}
        return body


def _may_pass(error: BaseException) -> bool:
    """Whether the same call may succeed later."""
    if isinstance(error, aiohttp.ClientResponseError):
        return error.status in (408, 409, 429) or error.status >= 500
    return isinstance(error, (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, TimeoutError))


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
