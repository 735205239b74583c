"""An instant OpenAI-compatible server on loopback, for tests and benchmarks of everything but the LLM.

Run by itself (`python -m tests.fakes.server`) it prints its base URL and serves until it is ended.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn

from tests.fakes.fitting import fitting

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


@dataclass
class Script:
    """How the server behaves: statuses to answer with before it answers well, a delay, nonsense, or a page."""

    statuses: list[int] = field(default_factory=list)
    delay_s: float = 0.0
    refusal: str = "no"
    """What an answer with another status than 200 says."""
    nonsense: bool = False
    foreign: bool = False
    dice: bool = False
    """Answers differently each time, whatever the request."""
    echo: bool = False
    """Puts the headers that came with the request into what it answers, as careless gateways do."""
    bodies: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)


class FakeServer:
    """Answers chat completions as a function of the request alone, in well under a millisecond."""

    def __init__(self, script: Script | None = None) -> None:
        self.script = script or Script()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        request: dict[str, Any] = json.loads(body or b"{}")
        self.script.bodies.append(request)
        self.script.keys += [v.decode() for k, v in scope["headers"] if k == b"authorization"]
        if self.script.delay_s:
            import asyncio

            await asyncio.sleep(self.script.delay_s)
        status = self.script.statuses.pop(0) if self.script.statuses else 200
        if self.script.dice:
            request["seed"] = secrets.randbelow(2**31)
        answer: dict[str, Any] = {"error": {"message": self.script.refusal}}
        if status == 200:
            answer = completion(request, nonsense=self.script.nonsense)
            if self.script.dice and not {"response_format", "logprobs"} & request.keys():
                # Of seven kinds two draws are alike too often; no two answers have one number.
                answer["choices"][0]["message"]["content"] += f", the {len(self.script.bodies)}th answer"
        headers = [(b"content-type", b"application/json")]
        heard = ""
        if self.script.echo:
            heard = self.script.keys[-1]
            headers.append((b"x-heard", heard.encode()))
            if status == 200:
                if "response_format" not in request:  # a constrained reply has no room for anything else
                    answer["choices"][0]["message"]["content"] += f" {heard}"
            else:
                answer["error"]["message"] = f"no, {heard} will not do"
        payload = f"<html>hello {heard}</html>".encode() if self.script.foreign else json.dumps(answer).encode()
        headers.append((b"content-length", str(len(payload)).encode()))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": payload})


def completion(request: dict[str, Any], *, nonsense: bool = False) -> dict[str, Any]:
    """A chat completion whose text follows from the prompt and the seed."""
    words = json.dumps(request.get("messages")) + str(request.get("seed"))
    number = int.from_bytes(hashlib.sha256(words.encode()).digest()[:4], "big")
    schema = request.get("response_format", {}).get("json_schema", {}).get("schema", {})
    choices = schema.get("enum")
    text, logprobs = f"try kind {number % 7} next", None
    if nonsense:
        text = "?!"
    elif choices:
        text = json.dumps(choices[number % len(choices)])
    elif schema:
        text = json.dumps(fitting(schema, number))
    elif request.get("logprobs"):
        text = str(number % 10)
        # A digit for the Critic and letters for the Actor: each reads its own.
        tokens = {text: -0.1} | {letter: -1.0 - (number + i) % 6 for i, letter in enumerate("ABCDEF")}
        top = [{"token": token, "logprob": logprob, "bytes": None} for token, logprob in tokens.items()]
        logprobs = {"content": [{"token": text, "logprob": -0.1, "bytes": None, "top_logprobs": top}]}
    return {
        "id": "fake",
        "object": "chat.completion",
        "created": 0,
        "model": request.get("model", "fake"),
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text},
                "finish_reason": "stop",
                "logprobs": logprobs,
            }
        ],
        "usage": {
            "prompt_tokens": len(words) // 4,
            "completion_tokens": 4,
            "total_tokens": len(words) // 4 + 4,
            "prompt_tokens_details": {"cached_tokens": 0},
        },
    }


@contextmanager
def serving(script: Script | None = None) -> Iterator[str]:
    """A running fake server; yields its base URL."""
    config = uvicorn.Config(FakeServer(script), host="127.0.0.1", port=0, log_level="error", lifespan="off", ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        server.should_exit = True
        thread.join(timeout=5)


if __name__ == "__main__":
    with serving() as url:
        print(url, flush=True)  # noqa: T201
        threading.Event().wait()
