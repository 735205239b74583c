"""Chat models that answer from a queue or a rule, without a server."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from pydantic import PrivateAttr

from billp.agents.llm.asking import Request, asking
from billp.agents.llm.reading import Reply, message_of
from billp.agents.llm.schema import choices_of, schema_of
from billp.agents.llm.usage import Usage
from billp.agents.llm.wrapping import AsyncChat
from tests.fakes.fitting import fitting

_COST = Usage(calls=1, prompt_tokens=10, cached_tokens=5, completion_tokens=2, seconds=0.0)


class FakeChat(AsyncChat):
    """A chat model whose replies a subclass's `answer` gives; keeps what it was asked."""

    _requests: list[Request] = PrivateAttr(default_factory=list)

    @property
    def requests(self) -> list[Request]:
        """What it was asked so far."""
        return self._requests

    async def answer(self, request: Request) -> Reply:
        """The reply."""
        raise NotImplementedError

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        request = Request(
            role=asking.get(),
            system=str(messages[0].text),
            user=str(messages[1].text),
            temperature=kwargs["temperature"],
            top_p=kwargs.get("top_p", 1.0),
            max_tokens=kwargs["max_tokens"],
            seed=kwargs["seed"],
            choices=choices_of(kwargs.get("response_format")),
            scores=kwargs.get("logprobs", False),
            schema=schema_of(kwargs.get("response_format")),
        )
        self._requests.append(request)
        reply = await self.answer(request)
        return ChatResult(generations=[ChatGeneration(message=message_of(reply, "fake"))])

    @property
    def _llm_type(self) -> str:
        return "fake"


class QueueModel(FakeChat):
    """Answers with the queued texts in order. An exception in the queue is raised."""

    _replies: list[str | Reply | Exception] = PrivateAttr(default_factory=list)

    def __init__(self, replies: Sequence[str | Reply | Exception]) -> None:
        super().__init__()
        self._replies = list(replies)

    async def answer(self, request: Request) -> Reply:
        reply = self._replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        if isinstance(reply, str):
            return Reply(reply, usage=_COST)
        return reply


class RuleModel(FakeChat):
    """Answers by role and seed alone, so that any order of calls gives the same episodes."""

    _rule: Callable[[Request], Reply] = PrivateAttr()

    def __init__(self, rule: Callable[[Request], Reply] | None = None) -> None:
        super().__init__()
        self._rule = rule or sensible_reply

    async def answer(self, request: Request) -> Reply:
        return self._rule(request)


def sensible_reply(request: Request) -> Reply:
    """A reply in the form asked for, chosen by the request's seed."""
    if request.schema is not None:
        return Reply(json.dumps(fitting(request.schema, request.seed)), usage=_COST)
    if request.choices:
        return Reply(f'"{request.choices[request.seed % len(request.choices)]}"', usage=_COST)
    if request.role == "item":  # acclaimed or not by its name, the same each time
        sure = sum(map(ord, request.user)) % 97 / 97
        return Reply("Yes", {"Yes": math.log(0.01 + 0.98 * sure), "No": math.log(0.99 - 0.98 * sure)}, usage=_COST)
    if request.scores and request.role == "actor":
        letters = "ABCDEF"
        return Reply("A", {letter: -1.0 - (request.seed + i) % 6 for i, letter in enumerate(letters)}, usage=_COST)
    if request.scores:
        score = request.seed % 10
        return Reply(str(score), {str(score): -0.1, str((score + 1) % 10): -2.4}, usage=_COST)
    return Reply(f"try something {request.role} {request.seed % 7}", usage=_COST)
