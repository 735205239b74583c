"""A server on loopback that answers just as a test says, however odd that is."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

Body = dict[str, Any]
Answer = Callable[[Body], Body | web.Response]


def completion(content: object = "a film", **changes: Any) -> Body:
    """A chat completion; `changes` replace its parts, `message` and `logprobs` those of its choice."""
    choice = {
        "message": {"role": "assistant", "content": content, **changes.pop("message", {})},
        "logprobs": changes.pop("logprobs", None),
    }
    return {"choices": [choice], "usage": {"prompt_tokens": 9, "completion_tokens": 2}, **changes}


def scored(*alternatives: object) -> Body:
    """A chat completion with these log-probabilities, each `(token, logprob)` or whatever stands there."""
    top = [{"token": a[0], "logprob": a[1]} if isinstance(a, tuple) else a for a in alternatives]
    return completion("7", logprobs={"content": [{"token": "7", "logprob": -0.1, "top_logprobs": top}]})


@asynccontextmanager
async def answering(answer: Answer, *, path: str = "/v1/chat/completions") -> AsyncIterator[str]:
    """A running server that answers each call with what `answer` makes of its body; yields its base URL."""

    async def handle(request: web.Request) -> web.StreamResponse:
        said = answer(await request.json())
        if isinstance(said, web.Response):
            return said
        return web.Response(text=json.dumps(said), content_type="application/json")

    async with serving(handle, path) as url:
        yield url


@asynccontextmanager
async def streaming(*pieces: object, breaks: bool = False, whole: Body | None = None) -> AsyncIterator[str]:
    """A running server that streams these events, then ends or `breaks` off; without a stream it says `whole`."""

    async def handle(request: web.Request) -> web.StreamResponse:
        body = await request.json()
        if not body.get("stream"):
            return web.json_response(whole)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for piece in pieces:
            await response.write(f"data: {json.dumps(piece)}\n\n".encode())
        if breaks:
            assert request.transport is not None
            request.transport.abort()
        else:
            await response.write(b"data: [DONE]\n\n")
        return response

    async with serving(handle, "/v1/chat/completions") as url:
        yield url


def word(text: str) -> Body:
    """A streamed event of a chat completion."""
    return {"choices": [{"delta": {"content": text}}]}


@asynccontextmanager
async def serving(handle: Callable[[web.Request], Awaitable[web.StreamResponse]], path: str) -> AsyncIterator[str]:
    """A running server whose one path `handle` answers; yields its base URL."""
    app = web.Application()
    app.router.add_post(path, handle)
    async with TestServer(app, host="127.0.0.1") as server:
        yield f"http://127.0.0.1:{server.port}/v1"
