"""Context keys that no form has, refused by name before LangGraph's server drops them without a word."""

from __future__ import annotations

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


_CLOSE = 0.8  # similarity from which on a key is a misspelt one and not a client's own


class ContextCheck:
    """Middleware that answers 422 to a run or an assistant whose context has a key that means nothing."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes on what is not about a context, or has a sound one."""
        asks = scope["type"] == "http" and scope["method"] in ("POST", "PATCH") and _RUNS.fullmatch(scope["path"])
        if not asks:
            await self._app(scope, receive, send)
            return
        body, messages = b"", list[Message]()
        while True:
            message = await receive()
            messages.append(message)
            body += message.get("body", b"")
            if message["type"] != "http.request" or not message.get("more_body"):
                break
        problem = _problem(body)
        if problem:
            await JSONResponse({"detail": problem}, 422)(scope, receive, send)
            return

        async def again() -> Message:
            return messages.pop(0) if messages else await receive()

        await self._app(scope, again, send)


def _problem(body: bytes) -> str:
    """What is wrong with the contexts in `body`; empty where nothing is, or where it is no JSON."""
    try:
        asked = json.loads(body or b"{}")
    except ValueError:
        return ""  # the server says so
    known = _fields()
    for one in asked if isinstance(asked, list) else [asked]:
        for name in _names(_part(one, "context")):
            if name not in known:
                return _unknown(name, known, difflib.get_close_matches(name, known, n=1))
        # The server still takes a context from here, beside keys of LangGraph's and of clients' own.
        for name in _names(_part(_part(one, "config"), "configurable")):
            near = difflib.get_close_matches(name, known, n=1, cutoff=_CLOSE)
            if near and name not in known:
                return _unknown(name, known, near)
    return ""


def _part(value: object, name: str) -> object:
    return value.get(name) if isinstance(value, dict) else None


def _names(value: object) -> list[str]:
    return list(value) if isinstance(value, dict) else []


def _unknown(name: str, known: list[str], near: list[str]) -> str:
    meant = f" (did you mean {near[0]!r}?)" if near else ""
    return f"The context has no field {name!r}{meant}; its fields are {', '.join(known)}."


@cache
def _fields() -> list[str]:
    # The graphs are imported by the server already when the first run is asked for.
    from billp.graphs.served import FORMS  # noqa: PLC0415

    return sorted({field.name for form in FORMS.values() for field in dataclasses.fields(form)})
