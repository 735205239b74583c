"""Refuses unknown keys of inputs and contexts by name; LangGraph's server would drop them silently."""

from __future__ import annotations

import asyncio
import dataclasses
import difflib
import json
import re
from functools import cache

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_RUNS = re.compile(
    r"(/threads/[^/]+)?/runs(/wait|/stream|/crons)?/?|/assistants(/[^/]+)?/?|(/threads/[^/]+)?/runs/batch/?"
)


_LONGEST = 200  # characters of a key that are compared and told
_CLOSE = 0.8  # a key at least this similar to a known one is taken as misspelt


class ContextCheck:
    """Middleware that answers 422 to a run or an assistant whose input or context has an unknown key."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes on requests without input and context, or with valid ones."""
        asks = scope["type"] == "http" and scope["method"] in ("POST", "PATCH") and _RUNS.fullmatch(scope["path"])
        if not asks:
            await self._app(scope, receive, send)
            return
        messages = list[Message]()
        while True:
            message = await receive()
            messages.append(message)
            if message["type"] != "http.request" or not message.get("more_body"):
                break
        problem = await asyncio.to_thread(_problem, b"".join(message.get("body", b"") for message in messages))
        if problem:
            await JSONResponse({"detail": problem}, 422)(scope, receive, send)
            return

        async def again() -> Message:
            return messages.pop(0) if messages else await receive()

        await self._app(scope, again, send)


def _problem(body: bytes) -> str:
    """Returns what is wrong with inputs and contexts in `body`; empty if nothing is, or if it is not JSON."""
    try:
        asked = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        return ""  # the server says so
    known, inputs = _fields(), _inputs()
    for one in asked if isinstance(asked, list) else [asked]:
        for name in _names(_part(one, "input")):
            if name not in inputs:
                return _unknown(name, inputs, difflib.get_close_matches(name[:_LONGEST], inputs, n=1), "input")
        for name in _names(_part(one, "context")):
            if name not in known:
                return _unknown(name, known, difflib.get_close_matches(name[:_LONGEST], known, n=1))
        # The server still accepts a context here, beside LangGraph's and clients' own keys.
        for name in _names(_part(_part(one, "config"), "configurable")):
            near = difflib.get_close_matches(name[:_LONGEST], known, n=1, cutoff=_CLOSE)
            if near and name not in known:
                return _unknown(name, known, near)
    return ""


def _part(value: object, name: str) -> object:
    return value.get(name) if isinstance(value, dict) else None


def _names(value: object) -> list[str]:
    return list(value) if isinstance(value, dict) else []


def _unknown(name: str, known: list[str], near: list[str], part: str = "context") -> str:
    meant = f" (did you mean {near[0]!r}?)" if near else ""
    return f"The {part} has no field {name[:_LONGEST]!r}{meant}; its fields are {', '.join(known)}."


@cache
def _fields() -> list[str]:
    # The server has imported the graphs before the first run.
    from billp.graphs.served import FORMS  # noqa: PLC0415

    return sorted({field.name for form in FORMS.values() for field in dataclasses.fields(form)})


@cache
def _inputs() -> list[str]:
    from billp.graphs.forms import LiveInput  # noqa: PLC0415

    return sorted(LiveInput.__annotations__)
