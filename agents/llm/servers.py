"""Several servers of one model: the calls of an episode stay with the server whose cache knows its prompts."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Sequence
from contextvars import ContextVar
from typing import Any

from langchain_core.language_models.base import LangSmithParams
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult

from billp.agents.llm.abilities import Abilities
from billp.agents.llm.server_chat import ServerChat
from billp.agents.llm.wrapping import AsyncChat, Manager

kept_together: ContextVar[str] = ContextVar("kept_together", default="")
"""The name whose calls all go to one server. Without a name, the beginning of the prompt decides."""
_BEGINNING = 100  # characters


class SeveralServers(AsyncChat):
    """One chat model behind several OpenAI-compatible servers."""

    servers: Sequence[ServerChat]

    @property
    def abilities(self) -> Abilities:
        """What all servers can do."""
        return self.servers[0].abilities

    @abilities.setter
    def abilities(self, able: Abilities) -> None:
        for server in self.servers:
            server.abilities = able

    async def _agenerate(
        self, messages: list[BaseMessage], stop: list[str] | None = None, run_manager: Manager = None, **kwargs: Any
    ) -> ChatResult:
        return await self.server(messages)._agenerate(messages, stop, run_manager, **kwargs)

    async def _astream(
        self, messages: list[BaseMessage], stop: list[str] | None = None, run_manager: Manager = None, **kwargs: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        async for chunk in self.server(messages)._astream(messages, stop, run_manager, **kwargs):
            yield chunk

    def server(self, messages: Sequence[BaseMessage]) -> ServerChat:
        """Returns the server that answers these `messages`."""
        name = kept_together.get() or str(messages[-1].text)[:_BEGINNING]
        return self.servers[zlib.crc32(name.encode()) % len(self.servers)]

    @property
    def _llm_type(self) -> str:
        return self.servers[0]._llm_type

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model": self.servers[0].model, "base_url": [server.base_url for server in self.servers]}

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        return self.servers[0]._get_ls_params(stop, **kwargs)
