"""A chat model around another one, which callbacks and traces see as one run."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, TypeAlias

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.base import LangSmithParams
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult

Manager: TypeAlias = AsyncCallbackManagerForLLMRun | None
"""What LangChain hands to a chat model to report to."""

_SYNC = "The chat models of this application answer asynchronous calls only; call ainvoke or astream."


class AsyncChat(BaseChatModel):
    """A chat model for asynchronous callers only, such as the graphs."""

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        """Raises TypeError."""
        raise TypeError(_SYNC)


class WrappedChat(AsyncChat):
    """Passes every call on to `inner`, without a separate run for it."""

    inner: BaseChatModel

    async def _agenerate(
        self, messages: list[BaseMessage], stop: list[str] | None = None, run_manager: Manager = None, **kwargs: Any
    ) -> ChatResult:
        return await self.inner._agenerate(messages, stop, run_manager, **kwargs)

    async def _astream(
        self, messages: list[BaseMessage], stop: list[str] | None = None, run_manager: Manager = None, **kwargs: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        if streams(self.inner):
            async for chunk in self.inner._astream(messages, stop, run_manager, **kwargs):
                yield chunk
        else:
            yield in_one_piece(await self.inner._agenerate(messages, stop, run_manager, **kwargs))

    @property
    def _llm_type(self) -> str:
        return self.inner._llm_type

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return dict(self.inner._identifying_params)

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        return self.inner._get_ls_params(stop, **kwargs)


def streams(model: BaseChatModel) -> bool:
    """Returns whether `model` can stream its reply token by token."""
    kind = type(model)
    return kind._astream is not BaseChatModel._astream or kind._stream is not BaseChatModel._stream


def in_one_piece(result: ChatResult) -> ChatGenerationChunk:
    """Returns a whole reply as the only chunk of a stream."""
    message = result.generations[0].message
    return ChatGenerationChunk(message=AIMessageChunk(**message.model_dump(exclude={"type"})))
