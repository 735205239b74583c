"""Refuses unknown keys and impossible values of inputs and contexts by name.

LangGraph's server drops unknown keys silently, and lets a graph fail over a value.
"""

from __future__ import annotations

import asyncio
import difflib
import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Literal, get_type_hints

from pydantic import TypeAdapter, ValidationError
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from billp.validation import fault

_RUNS = re.compile(
    r"(/threads/[^/]+)?/runs(/wait|/stream|/crons)?/?|/assistants(/[^/]+)?/?|(/threads/[^/]+)?/runs/batch/?"
)


_LONGEST = 200  # characters of a key that are compared and told
_CLOSE = 0.8  # a key at least this similar to a known one is taken as misspelt


class FormCheck:
    """Middleware that answers 422 to a run or an assistant whose input or context cannot be understood."""

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
    forms = _forms()
    for one in asked if isinstance(asked, list) else [asked]:
        for part in forms:
            given = _part(one, part)
            if given is not None and (problem := _misfit(part, given, forms[part])):
                return problem
        # The server still accepts a context here, beside LangGraph's and clients' own keys.
        known = list(forms["context"])
        for name in _names(_part(_part(one, "config"), "configurable")):
            near = difflib.get_close_matches(name[:_LONGEST], known, n=1, cutoff=_CLOSE)
            if near and name not in known:
                return _unknown("context", name, known, near)
    return ""


def _misfit(part: str, given: object, fields: Mapping[str, TypeAdapter[Any]]) -> str:
    """Returns what is wrong with an input or a context; empty if nothing is."""
    if part == "input" and isinstance(given, list):
        return "The input must be a JSON object such as {'user': '1'}, not a list."
    for name in _names(given):
        if name not in fields:
            return _unknown(part, name, list(fields), difflib.get_close_matches(name[:_LONGEST], fields, n=1))
    for name in _names(given):
        try:
            fields[name].validate_python(_part(given, name))
        except ValidationError as error:
            first = error.errors()[0]
            return f"The {part}'s {'.'.join(map(str, (name, *first['loc'])))}{fault(first)}."
    return ""


def _part(value: object, name: str) -> object:
    return value.get(name) if isinstance(value, dict) else None


def _names(value: object) -> list[str]:
    return list(value) if isinstance(value, dict) else []


def _unknown(part: str, name: str, known: list[str], near: list[str]) -> str:
    meant = f" (did you mean {near[0]!r}?)" if near else ""
    return f"The {part} has no field {name[:_LONGEST]!r}{meant}; its fields are {', '.join(known)}."


@cache
def _forms() -> Mapping[Literal["input", "context"], Mapping[str, TypeAdapter[Any]]]:
    """Returns the fields of inputs and contexts; of a field that differs between graphs, the form that allows most."""
    # The server has imported the graphs before the first run.
    from billp.graphs.forms import LiveInput  # noqa: PLC0415
    from billp.graphs.served import FORMS  # noqa: PLC0415

    contexts: dict[str, Any] = {}
    for form in FORMS.values():  # the last is that of persons, whose method is free
        contexts |= get_type_hints(form, include_extras=True)
    hints = {"input": get_type_hints(LiveInput, include_extras=True), "context": contexts}
    return {
        "input": {name: TypeAdapter(hint) for name, hint in sorted(hints["input"].items())},
        "context": {name: TypeAdapter(hint) for name, hint in sorted(hints["context"].items())},
    }
