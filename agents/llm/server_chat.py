"""The chat model of any OpenAI-compatible server: embedded llama.cpp, vLLM or another one, by its base URL.

A call is one POST on aiohttp, and pydantic checks the reply. Measured per call with an instant server, this model with
LangChain's part around it costs 2.5 ms of CPU and a vendor's SDK 8.5 ms, at two or three calls a step.

A slow or overloaded server is asked again a bounded number of times, then the episode fails with a named error; a
server that went away is waited for, then the run stops and can be resumed. Nothing is guessed.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Self

from langchain_core.messages import AIMessage, BaseMessage, convert_to_openai_messages
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import PrivateAttr, ValidationError
from pydantic_core import from_json

from billp.agents.llm.abilities import Abilities
from billp.agents.llm.asking import asking
from billp.agents.llm.completion import Completion, Piece, failure_in, last_chunk
from billp.agents.llm.refusals import refusal, without_key
from billp.agents.llm.retrying import AwayError, MomentaryError, Patience
from billp.agents.llm.wrapping import AsyncChat, Manager, in_one_piece
from billp.errors import ModelUnavailableError
from billp.setting_groups import LLMSettings

if TYPE_CHECKING:
    import aiohttp

_LARGEST = 4 * 2**20  # bytes of a reply; a larger one cannot be a chat completion
_KEPT_S = 3.0  # seconds that an idle connection may be kept
_ROLES = {"system": "system", "human": "user", "ai": "assistant"}


class _OlderServerError(MomentaryError):
    """The server does not know a parameter, and is asked with its older name from now on."""


class _DroppedError(AwayError):
    """The connection ended in the middle of a call: servers drop idle connections, and some servers die."""


class ServerChat(AsyncChat):
    """A chat model behind an OpenAI-compatible server; an async context manager that closes its connections."""

    base_url: str
    settings: LLMSettings
    abilities: Abilities = Abilities()
    """The result of the start-up check; all abilities until then."""
    limit_field: Literal["max_completion_tokens", "max_tokens"] = "max_completion_tokens"
    """The server's name for the most tokens of a reply; older servers know `max_tokens` only."""
    waits: bool = True
    """Whether a server that is away is waited for."""
    _session: aiohttp.ClientSession | None = PrivateAttr(None)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    @property
    def model(self) -> str:
        """The model's name, as sent to the server."""
        return self.settings.model

    @property
    def url(self) -> str:
        """The URL of calls."""
        return f"{self.base_url.rstrip('/')}/chat/completions"

    async def _agenerate(
        self, messages: list[BaseMessage], stop: list[str] | None = None, run_manager: Manager = None, **kwargs: Any
    ) -> ChatResult:
        """Returns one reply.

        Raises ModelUnavailableError and ServerAwayError as `Patience` does; ContextOverflowError if the server finds
        the prompt too long, ModelUnavailableError at once if it refuses the call.
        """
        message = await self._patience.answer(lambda: self._ask_once(messages, stop, kwargs), waits=self.waits)
        return ChatResult(generations=[ChatGeneration(message=message)])

    async def _astream(
        self, messages: list[BaseMessage], stop: list[str] | None = None, run_manager: Manager = None, **kwargs: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        """Yields the same reply token by token, without log-probabilities.

        A broken stream is requested once more as a whole, and continued if the whole begins with the same words.
        """
        text = ""
        try:
            async for chunk in self._pieces(messages, stop, kwargs):
                text += str(chunk.message.text)
                yield chunk
        except MomentaryError as error:
            whole = await self._patience.answer(lambda: self._ask_once(messages, stop, kwargs), waits=self.waits)
            reply = str(whole.text)
            if not reply.startswith(text):
                raise ModelUnavailableError(
                    f"{self._where} broke off in the middle of the {asking.get()}'s reply ({error}); "
                    f"check that it runs, or raise llm.timeout_s."
                ) from error
            result = ChatResult(
                generations=[ChatGeneration(message=whole.model_copy(update={"content": reply[len(text) :]}))]
            )
            yield in_one_piece(result)

    async def _pieces(
        self, messages: list[BaseMessage], stop: list[str] | None, kwargs: dict[str, Any]
    ) -> AsyncIterator[ChatGenerationChunk]:
        """Yields the chunks of one stream; raises MomentaryError if it does not begin, breaks or has no end."""
        body = self._body(messages, stop, kwargs) | {"stream": True, "stream_options": {"include_usage": True}}
        started, usage, ended = time.perf_counter(), None, False
        async with self._posted(body) as response:
            if response.content_type != "text/event-stream":
                raise MomentaryError("no stream")
            async for event in self._events(response):
                ended = ended or event == b"[DONE]"
                if not event.startswith(b"{"):
                    continue
                piece = self._piece(self._without_key(event))
                usage = usage if piece.usage is None else piece.usage
                if piece.choices:
                    ended = ended or piece.choices[0].finish_reason is not None
                    yield ChatGenerationChunk(message=piece.chunk())
        if not ended:
            raise MomentaryError("the stream stopped in the middle")
        seconds = time.perf_counter() - started
        yield ChatGenerationChunk(message=last_chunk(self.model, seconds, usage))

    async def _events(self, response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
        """Yields the data of each event of a stream."""
        size, unfinished = 0, b""
        async for part in response.content.iter_any():
            size += len(part)
            self._check_size(size)
            *lines, unfinished = (unfinished + part).split(b"\n")
            for line in lines:
                if line.startswith(b"data:"):
                    yield line[5:].strip()

    def _piece(self, content: bytes) -> Piece:
        answer = self._read(content)
        status = failure_in(answer)
        if status is not None:
            raise self._refused(status, content)
        try:
            return Piece.model_validate(answer)
        except ValidationError as error:
            raise self._foreign() from error

    async def _ask_once(self, messages: list[BaseMessage], stop: list[str] | None, kwargs: dict[str, Any]) -> AIMessage:
        try:
            return await self._ask_in_these_words(messages, stop, kwargs)
        except (_OlderServerError, _DroppedError):  # a server that died refuses the next connection
            return await self._ask_in_these_words(messages, stop, kwargs)

    async def _ask_in_these_words(
        self, messages: list[BaseMessage], stop: list[str] | None, kwargs: dict[str, Any]
    ) -> AIMessage:
        started = time.perf_counter()
        async with self._posted(self._body(messages, stop, kwargs)) as response:
            content = await self._content(response)
        seconds = time.perf_counter() - started
        answer = self._read(content)
        status = failure_in(answer)
        if status is not None:
            raise self._refused(status, content)
        try:
            return Completion.model_validate(answer).message(self.model, seconds)
        except ValidationError as error:
            raise self._foreign() from error

    @asynccontextmanager
    async def _posted(self, body: dict[str, Any]) -> AsyncIterator[aiohttp.ClientResponse]:
        """Provides the response to `body` with status 200; raises the error for other statuses or none."""
        import aiohttp  # noqa: PLC0415 -- see _opened

        # llama.cpp closes the connection after a stream without announcing it; the next call on it would fail.
        headers = {"Connection": "close"} if body.get("stream") else None
        try:
            async with self._opened().post(self.url, json=body, headers=headers, allow_redirects=False) as response:
                if response.status != 200:
                    content = await self._content(response)
                    if self._takes_other_limit(response.status, content):
                        raise _OlderServerError("it knows max_tokens only")
                    raise self._refused(response.status, content, response.headers)
                yield response
        except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError) as error:
            kind = AwayError if isinstance(error, aiohttp.ClientConnectorError) else _DroppedError
            raise kind(type(error).__name__) from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise MomentaryError(type(error).__name__) from error

    def _refused(self, status: int, content: bytes, headers: Mapping[str, str] | None = None) -> Exception:
        return refusal(
            status, content, headers or {}, base_url=self.base_url, where=self._where, settings=self.settings
        )

    def _takes_other_limit(self, status: int, content: bytes) -> bool:
        """Returns whether the server lacks the limit's name; the older name is used from now on."""
        if status not in (400, 422) or b"max_completion_tokens" not in content or self.limit_field == "max_tokens":
            return False
        self.limit_field = "max_tokens"
        return True

    async def _content(self, response: aiohttp.ClientResponse) -> bytes:
        """Returns the whole reply, without the API key."""
        parts, size = [], 0
        async for part in response.content.iter_any():
            size += len(part)
            self._check_size(size)
            parts.append(part)
        return self._without_key(b"".join(parts))

    def _check_size(self, size: int) -> None:
        if size > _LARGEST:
            raise ModelUnavailableError(
                f"{self._where} answered the {asking.get()} with more than {_LARGEST >> 20} MB, which is no "
                f"chat completion; check llm.base_url."
            )

    def _read(self, content: bytes) -> object:
        try:
            return from_json(content)
        except ValueError as error:
            raise self._foreign() from error

    def _foreign(self) -> ModelUnavailableError:
        return ModelUnavailableError(
            f"{self._where} answered with something else than a chat completion; "
            f"check that llm.base_url names an OpenAI-compatible server and ends in /v1."
        )

    @property
    def _where(self) -> str:
        return f"The LLM server at {self.url}"

    @cached_property
    def _patience(self) -> Patience:
        return Patience(self._where, self.settings)

    def _opened(self) -> aiohttp.ClientSession:
        """Returns the session, made by the first call, since it belongs to the running event loop."""
        import aiohttp  # noqa: PLC0415 -- slow to import, and many a method asks no LLM

        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=self.settings.timeout_s),
                headers={"Authorization": f"Bearer {self.settings.api_key.get_secret_value()}"},
                # The runner limits the number of calls at once. Servers drop connections that were idle for 5 s.
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEPT_S),
                trust_env=False,  # a proxy of this machine must not come between us and the server
            )
        return self._session

    def _without_key(self, content: bytes) -> bytes:
        return without_key(content, self.settings)

    def _body(self, messages: list[BaseMessage], stop: list[str] | None, kwargs: dict[str, Any]) -> dict[str, Any]:
        left_out = {"max_tokens", "stream"} if self.abilities.seed else {"max_tokens", "stream", "seed"}
        asked = {name: value for name, value in kwargs.items() if name not in left_out}
        body: dict[str, Any] = {"model": self.model, "messages": [_as_sent(message) for message in messages], **asked}
        if "max_tokens" in kwargs:
            body[self.limit_field] = kwargs["max_tokens"]
        if stop:
            body["stop"] = stop
        return body | self.settings.extra_body

    @property
    def _llm_type(self) -> str:
        return "openai-compatible"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model": self.model, "base_url": self.base_url}


def _as_sent(message: BaseMessage) -> dict[str, Any]:
    if message.type in _ROLES:
        return {"role": _ROLES[message.type], "content": message.content}
    sent: dict[str, Any] = convert_to_openai_messages(message)
    return sent
