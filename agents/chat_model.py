"""The one door to chat models.

Embedded llama.cpp, vLLM and any other server are the same OpenAI-compatible client with another base URL. The
client is one POST on aiohttp with the reply checked by pydantic: measured per call with an instant server, aiohttp
costs 0.3 ms, httpx 2.3 ms and a vendor's SDK on top of it 4 ms more, at two or three calls a step.

A server that is slow or overloaded is asked again a bounded number of times, then the episode fails by name; a
reply in the wrong form likewise. A server that went away is waited for, then the run stops and can be resumed.
Nothing is guessed.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Iterator
from typing import Any, Self

import aiohttp
from pydantic import ValidationError

from agents.completion import Completion, Tokens
from agents.models import Reply, Request, Usage
from errors import ContextOverflowError, ModelUnavailableError, ServerAwayError
from settings import LLMSettings

log = logging.getLogger(__name__)
_SECRET_FROM = 8  # characters
_LONGEST_WAIT_S = 5.0  # between two tries
# How llama.cpp, vLLM and OpenAI say that a prompt is too long; their status alone could mean anything.
_TOO_LONG = re.compile(
    rb"exceed_context_size|maximum context length|context_length_exceeded|longer than the maximum model"
)


class ChatModel:
    """A chat model behind an OpenAI-compatible server; an async context manager that closes its connections."""

    def __init__(self, base_url: str, settings: LLMSettings) -> None:
        self._settings = settings
        self._url = f"{base_url.rstrip('/')}/chat/completions"
        self._session: aiohttp.ClientSession | None = None
        self._away = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def ask(self, request: Request) -> Reply:
        """One reply.

        While the server is slow or overloaded it is asked again at most `llm.retries` times, with growing pauses;
        then ModelUnavailableError. While it is away (nobody listens, or a gateway says so) it is asked again for
        `llm.patience_s` seconds; then ServerAwayError. ContextOverflowError when it finds the prompt too long.
        """
        failures, away_since = 0, None
        for pause in _pauses(self._settings.backoff_s):
            try:
                reply = await self._ask_once(request)
            except (aiohttp.ClientError, TimeoutError) as error:
                if _is_away(error):
                    away_since = away_since or time.monotonic()
                    self._wait_for_it(error, time.monotonic() - away_since)
                elif _may_pass(error) and failures < self._settings.retries:
                    failures += 1
                else:
                    raise self._unavailable(request, error) from error
            except ValidationError as error:
                raise ModelUnavailableError(
                    f"The LLM server at {self._url} answered with something else than a chat completion; "
                    f"check that llm.base_url names an OpenAI-compatible server and ends in /v1."
                ) from error
            else:
                self._away = False
                return reply
            await asyncio.sleep(pause)
        raise AssertionError("the pauses never end")

    def _wait_for_it(self, error: BaseException, seconds: float) -> None:
        """Says once that the server is away; raises ServerAwayError when it has been for too long."""
        patience = self._settings.patience_s
        if seconds >= patience:
            raise ServerAwayError(
                f"The LLM server at {self._url} is away and did not come back within {patience:g} s "
                f"({type(error).__name__}); start it, then go on with --resume, or raise llm.patience_s."
            ) from error
        if not self._away:
            log.warning("The LLM server at %s is away; waiting up to %g s for it.", self._url, patience)
        self._away = True

    def _unavailable(self, request: Request, error: BaseException) -> ModelUnavailableError:
        if isinstance(error, aiohttp.ClientResponseError):
            return ModelUnavailableError(
                f"The LLM server at {self._url} refused the {request.role} call with status "
                f"{error.status}; check llm.model, llm.api_key and the context length."
            )
        return ModelUnavailableError(
            f"The LLM server at {self._url} did not answer within {self._settings.retries + 1} tries "
            f"({type(error).__name__}); check that it runs, or raise llm.timeout_s."
        )

    async def _ask_once(self, request: Request) -> Reply:
        started = time.perf_counter()
        async with self._opened().post(self._url, json=self._body(request)) as response:
            content = await response.read()
            seconds = time.perf_counter() - started
            if response.status in (400, 413) and _TOO_LONG.search(content):
                raise ContextOverflowError(
                    f"The {request.role}'s prompt is longer than the context of the LLM server at {self._url}; serve "
                    f"the model with a larger one (vllm.max_model_len, llm.context)."
                )
            response.raise_for_status()
        completion = Completion.model_validate_json(self._without_key(content))
        tokens = completion.usage or Tokens()
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


def _is_away(error: BaseException) -> bool:
    """Whether nobody answered at all: no connection, one that broke off, or a gateway without a server behind it."""
    if isinstance(error, aiohttp.ClientResponseError):
        return error.status in (502, 503, 504)
    return isinstance(error, (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError))


def _may_pass(error: BaseException) -> bool:
    """Whether the same call may succeed later."""
    if isinstance(error, aiohttp.ClientResponseError):
        return error.status in (408, 409, 429) or error.status >= 500
    return isinstance(error, TimeoutError)


def _pauses(first_s: float) -> Iterator[float]:
    """Seconds between tries: each twice the one before, up to five."""
    pause = first_s
    while True:
        yield min(pause, _LONGEST_WAIT_S)
        pause = min(2 * pause, _LONGEST_WAIT_S)
