"""The servers of four providers on loopback, each in its own words, for these providers' real clients."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

Body = dict[str, Any]
MODELS = {
    "openai": "openai:m",
    "anthropic": "anthropic:claude-haiku-5-5",
    "google_genai": "google_genai:gemini-2.5-flash",
    "ollama": "ollama:llama3:8b",
}
"""A model of each provider, as `llm.model` names it."""


@dataclass
class Provider:
    """A running provider; what it was asked, and how it answers."""

    url: str
    asked: list[Body] = field(default_factory=list)
    status: int = 200
    says: str = ""
    """What is wrong, where the status is not 200."""
    refuses: tuple[str, ...] = ()
    """Fields that it refuses a call for."""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Words that follow from the request alone: a choice from its schema, else some that any role can use."""
        body: Body = await request.json()
        self.asked.append(body)
        status, said = self._said(body, _shape(request.path))
        response = web.json_response(said, status=status)
        response.force_close()  # providers' clients stay open as long as their process
        return response

    def _said(self, body: Body, shape: _Shape) -> tuple[int, Body]:
        asked = json.dumps(body, sort_keys=True)
        refused = [name for name in self.refuses if f'"{name}"' in asked]
        if refused or self.status != 200:
            status = 400 if refused else self.status
            return status, shape.error(status, f"Unsupported parameter: {refused[0]}" if refused else self.says)
        number = hashlib.sha256(asked.encode()).digest()[0]
        if choices := _choices(body):
            return 200, shape.reply(json.dumps(choices[number % len(choices)]))
        return 200, shape.reply(str(number % 10) if "digit" in asked else f"a film, {'ABCDEF'[number % 6]}")


@asynccontextmanager
async def provider() -> AsyncIterator[Provider]:
    """A server that is any of the four, by the path it is asked at."""
    there = Provider("")
    app = web.Application()
    app.router.add_post("/{path:.*}", there.answer)
    async with TestServer(app, host="127.0.0.1") as server:
        there.url = f"http://127.0.0.1:{server.port}"
        yield there


def address(name: str, url: str) -> str:
    """What `llm.base_url` is for that provider."""
    return f"{url}/v1" if name == "openai" else url


def _choices(body: Body) -> list[str]:
    schema = body.get("format") or body.get("generationConfig", {}).get("responseSchema")
    schema = schema or body.get("response_format", {}).get("json_schema", {}).get("schema")
    return list(schema["enum"]) if schema else []


class _OpenAI:
    @staticmethod
    def reply(text: str) -> Body:
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        usage = {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}
        return {
            "id": "1", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice], "usage": usage,
        }  # fmt: skip

    @staticmethod
    def error(status: int, says: str) -> Body:
        return {"error": {"message": says, "code": None}}


class _Anthropic:
    @staticmethod
    def reply(text: str) -> Body:
        return {
            "id": "1", "type": "message", "role": "assistant", "model": "claude", "stop_reason": "end_turn",
            "content": [{"type": "text", "text": text}], "usage": {"input_tokens": 9, "output_tokens": 2},
        }  # fmt: skip

    @staticmethod
    def error(status: int, says: str) -> Body:
        return {"type": "error", "error": {"type": "api_error", "message": says}}


class _Google:
    @staticmethod
    def reply(text: str) -> Body:
        content = {"role": "model", "parts": [{"text": text}]}
        usage = {"promptTokenCount": 9, "candidatesTokenCount": 2, "totalTokenCount": 11}
        return {"candidates": [{"content": content, "finishReason": "STOP", "index": 0}], "usageMetadata": usage}

    @staticmethod
    def error(status: int, says: str) -> Body:
        return {"error": {"code": status, "message": says, "status": "FAILED"}}


class _Ollama:
    @staticmethod
    def reply(text: str) -> Body:
        return {
            "model": "m", "created_at": "2026-01-01T00:00:00Z", "message": {"role": "assistant", "content": text},
            "done": True, "done_reason": "stop", "prompt_eval_count": 9, "eval_count": 2,
        }  # fmt: skip

    @staticmethod
    def error(status: int, says: str) -> Body:
        return {"error": says}


_Shape = type[_OpenAI] | type[_Anthropic] | type[_Google] | type[_Ollama]


def _shape(path: str) -> _Shape:
    if path.endswith("/messages"):
        return _Anthropic
    if "generateContent" in path:
        return _Google
    return _Ollama if path == "/api/chat" else _OpenAI
