"""Chat models of other providers than an OpenAI-compatible server, made by LangChain's `init_chat_model`.

`llm.model = "anthropic:claude-haiku-5-5"` names one: the provider's name in LangChain, a colon, the model. The
provider's package is imported when the model is made, not before: some take seconds.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import httpx
from langchain_core.exceptions import ContextOverflowError as TooLongError
from langchain_core.exceptions import ModelConnectionError, ModelError, ModelTimeoutError
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult

from billp.agents.llm.abilities import Abilities
from billp.agents.llm.asking import asking
from billp.agents.llm.refusals import TOO_LONG, without_key
from billp.agents.llm.retrying import AwayError, MomentaryError, Patience, retry_after
from billp.agents.llm.wrapping import Manager, WrappedChat, in_one_piece, streams
from billp.agents.prompt_pack import clean
from billp.errors import BillpError, ContextOverflowError, ModelUnavailableError, SettingsError
from billp.setting_groups import LLMSettings

Parameters = Mapping[str, Any]
_WORDS_ONLY = Abilities(seed=False, logprobs=False, schema=False)


def _of(asked: Parameters, *names: str) -> dict[str, Any]:
    return {name: asked[name] for name in names if name in asked}


def _plain(asked: Parameters) -> dict[str, Any]:
    """Returns the parameters that every provider understands."""
    return _of(asked, "temperature", "top_p", "max_tokens")


def _openai(asked: Parameters) -> dict[str, Any]:
    return {name: value for name, value in asked.items() if name != "stream"}


def _ollama(asked: Parameters) -> dict[str, Any]:
    options = {"num_predict": asked["max_tokens"]} | _of(asked, "temperature", "top_p", "seed")
    return {"options": options} | _of(asked, "response_format", "logprobs", "top_logprobs")


def _google(asked: Parameters) -> dict[str, Any]:
    # Without a temperature its package would send one of its own.
    config = {"max_output_tokens": asked["max_tokens"], "temperature": asked.get("temperature")}
    config |= _of(asked, "top_p", "seed")
    if "response_format" in asked:
        config["response_mime_type"] = "application/json"
        config["response_schema"] = asked["response_format"]["json_schema"]["schema"]
    return {"generation_config": config}


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a provider's model is made and called, and what it may be able to do; the start-up check tests that."""

    asked: Callable[[Parameters], dict[str, Any]] = _plain
    """Translates a call's parameters from OpenAI's terms to the provider's."""
    able: Abilities = _WORDS_ONLY
    made: Callable[[LLMSettings], dict[str, Any]] = lambda settings: {"max_retries": 0, "timeout": settings.timeout_s}
    """Arguments that the model is made with, besides its name, base URL and key."""
    opened: Callable[..., BaseChatModel] | None = None
    """Makes the model of a provider that LangChain's `init_chat_model` does not know, from the same arguments."""


DIALECTS: Mapping[str, Dialect] = {
    "openai": Dialect(
        _openai,
        Abilities(),
        lambda settings: {
            "max_retries": 0, "timeout": settings.timeout_s, "use_responses_api": False, "stream_usage": True,
            "extra_body": settings.extra_body or None,
        },
    ),
    "anthropic": Dialect(),
    "google_genai": Dialect(_google, Abilities(logprobs=False)),
    "ollama": Dialect(
        _ollama, Abilities(), lambda settings: {"async_client_kwargs": {"timeout": settings.timeout_s}}
    ),
    "mistralai": Dialect(),
    "groq": Dialect(),
    "deepseek": Dialect(),
    "xai": Dialect(),
    "openrouter": Dialect(),
    "bedrock_converse": Dialect(made=lambda _: {}),
    "azure_openai": Dialect(_openai, Abilities()),
    "google_vertexai": Dialect(),
}  # fmt: skip
"""Dialects by the provider's name in LangChain, or by a name of their own with `opened`.

Any other `name:model` is a model of an OpenAI-compatible server.
"""


def provider_of(model: str) -> str | None:
    """Returns the provider that `llm.model` names; None for a model of an OpenAI-compatible server."""
    provider, colon, _ = model.partition(":")
    return provider if colon and provider in DIALECTS else None


def provider_chat(settings: LLMSettings) -> ProviderChat:
    """Returns the chat model that `llm.model` names.

    Raises SettingsError if its package is not installed, or if it cannot be made from the settings.
    """
    provider = provider_of(settings.model)
    if provider is None:
        raise SettingsError(f"Setting llm.model={settings.model} names no provider; known: {', '.join(DIALECTS)}.")
    given = DIALECTS[provider].made(settings)
    if len(settings.base_urls) > 1:
        raise SettingsError(f"Setting llm.model={settings.model} takes one address in llm.base_url, not several.")
    if settings.base_url:
        given["base_url"] = settings.base_url
    key = settings.api_key.get_secret_value()
    if key != "none":
        given["api_key"] = key
    try:
        inner = (DIALECTS[provider].opened or _by_langchain)(settings.model, **given)
    except ImportError as error:
        package = re.search(r"pip install[^`]*?([\w-]+)`", str(error))
        name = package[1] if package else f"langchain-{provider.replace('_', '-')}"
        raise SettingsError(f"Setting llm.model={settings.model} needs {name}; run `pip install {name}`.") from error
    except Exception as error:  # each provider's constructor raises errors of its own
        raise SettingsError(
            f"Setting llm.model={settings.model}: {_line(error, settings)}; "
            f"set llm.api_key, or the environment variable that the provider reads."
        ) from error
    return ProviderChat(inner=inner, provider=provider, settings=settings, abilities=DIALECTS[provider].able)


def _by_langchain(model: str, **given: Any) -> BaseChatModel:
    # LangChain and the provider's package take up to some seconds to import.
    from langchain.chat_models import init_chat_model  # noqa: PLC0415

    made: BaseChatModel = init_chat_model(model, **given)
    return made


class ProviderChat(WrappedChat):
    """A provider's chat model, with this application's parameters, patience and errors."""

    provider: str
    settings: LLMSettings
    abilities: Abilities
    waits: bool = True
    """Whether a provider that is away is waited for."""

    @property
    def model(self) -> str:
        """The model's name with its provider's."""
        return self.settings.model

    async def _agenerate(
        self, messages: list[BaseMessage], stop: list[str] | None = None, run_manager: Manager = None, **kwargs: Any
    ) -> ChatResult:
        """Returns one reply.

        Raises what `Patience` raises; ModelUnavailableError at once if the provider refuses the call,
        ContextOverflowError if it finds the prompt too long.
        """

        async def once() -> ChatResult:
            try:
                return await self.inner._agenerate(messages, stop, run_manager, **self._asked(kwargs))
            except Exception as error:
                raise self._meaning(error) from error

        result = await self._patience.answer(once, waits=self.waits)
        message = result.generations[0].message
        if isinstance(message, AIMessage) and isinstance(message.content, str):
            message.content = without_key(message.content.encode(), self.settings).decode()
        message.response_metadata.setdefault("model_name", self.settings.model)
        return result

    async def _astream(
        self, messages: list[BaseMessage], stop: list[str] | None = None, run_manager: Manager = None, **kwargs: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        """Yields the same reply token by token; a stream that does not begin is requested as a whole."""
        begun = False
        try:
            if streams(self.inner):
                async for chunk in self.inner._astream(messages, stop, None, **self._asked(kwargs)):
                    begun = True
                    yield chunk
                return
        except Exception as error:
            meaning = self._meaning(error)
            if begun or not isinstance(meaning, MomentaryError):
                raise meaning from error
        yield in_one_piece(await self._agenerate(messages, stop, run_manager, **kwargs))

    def _asked(self, kwargs: Parameters) -> dict[str, Any]:
        known = {name: value for name, value in kwargs.items() if name != "seed" or self.abilities.seed}
        return DIALECTS[self.provider].asked(known)

    def _meaning(self, error: Exception) -> Exception:
        """Returns the error of this application that a provider's error stands for."""
        if isinstance(error, BillpError):
            return error
        words = _line(error, self.settings) or type(error).__name__
        status, after_s = _answered(error)
        told = f"{error} {getattr(error, 'body', '')} {getattr(error, 'code', '')}"
        if isinstance(error, TooLongError) or TOO_LONG.search(told.encode()):
            return ContextOverflowError(
                f"The {asking.get()}'s prompt does not fit the context of {self.settings.model}; choose another one."
            )
        if isinstance(error, ModelTimeoutError | TimeoutError | httpx.TimeoutException):
            return MomentaryError(words, after_s)
        if _not_reached(error) or status in (502, 503, 504):
            return AwayError(words, after_s)
        if (isinstance(error, ModelError) and error.is_retryable) or status in (408, 409, 429) or status >= 500:
            return MomentaryError(words, after_s)
        return ModelUnavailableError(
            f"{self.settings.model} refused the {asking.get()} call: {words}; check llm.model and llm.api_key."
        )

    @cached_property
    def _patience(self) -> Patience:
        return Patience(f"The provider of {self.settings.model}", self.settings)


def _answered(error: BaseException) -> tuple[int, float | None]:
    """Returns the HTTP status that `error` stands for (0: not known), and the seconds after which to retry."""
    status, after_s = 0, None
    for each in _with_causes(error):
        for name in ("status_code", "code"):
            found = getattr(each, name, None)
            status = status or (found if isinstance(found, int) else 0)
        headers = getattr(getattr(each, "response", None), "headers", None)
        if headers is not None and after_s is None:
            after_s = retry_after(headers.get("retry-after"))
    return status, after_s


def _with_causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _not_reached(error: Exception) -> bool:
    """Returns whether there was no connection; some packages do not raise LangChain's ModelConnectionError."""
    import aiohttp  # noqa: PLC0415 -- slow to import, and many a method asks no LLM

    away = (ModelConnectionError, ConnectionError, aiohttp.ClientConnectionError, httpx.TransportError)
    return isinstance(error, away)


def _line(error: Exception, settings: LLMSettings) -> str:
    """Returns `error` in one line, without the API key."""
    return clean(without_key(str(error).encode(), settings).decode(), 240)
