"""Chat models that answer from a queue or a rule, without a server."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from agents.models import Reply, Request, Usage

_COST = Usage(calls=1, prompt_tokens=10, cached_tokens=5, completion_tokens=2, seconds=0.0)


class QueueModel:
    """Answers with the queued texts in order; remembers what it was asked. An exception in the queue is raised."""

    def __init__(self, replies: Sequence[str | Reply | Exception]) -> None:
        self._replies = list(replies)
        self.requests: list[Request] = []

    async def ask(self, request: Request) -> Reply:
        self.requests.append(request)
        reply = self._replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        if isinstance(reply, str):
            return Reply(reply, usage=_COST)
        return reply


class RuleModel:
    """Answers by role and seed alone, so that any order of calls gives the same episodes."""

    def __init__(self, rule: Callable[[Request], Reply] | None = None) -> None:
        self._rule = rule or sensible_reply
        self.requests: list[Request] = []

    async def ask(self, request: Request) -> Reply:
        self.requests.append(request)
        return self._rule(request)


def sensible_reply(request: Request) -> Reply:
    """A reply in the form asked for, chosen by the request's seed."""
    if request.choices:
        return Reply(f'"{request.choices[request.seed % len(request.choices)]}"', usage=_COST)
    if request.scores and request.role == "actor":
        letters = "ABCDEF"
        return Reply("A", {letter: -1.0 - (request.seed + i) % 6 for i, letter in enumerate(letters)}, usage=_COST)
    if request.scores:
        score = request.seed % 10
        return Reply(str(score), {str(score): -0.1, str((score + 1) % 10): -2.4}, usage=_COST)
    return Reply(f"try something {request.role} {request.seed % 7}", usage=_COST)
