"""Checks of every request before a route sees it: host, size, token; and its log line afterwards."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection
from http import HTTPStatus

from anyio import BrokenResourceError
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from billp.errors import BillpError
from billp.pages.guard import Doors
from billp.serving.api.logs import innermost
from billp.serving.api.problems import UNFORESEEN, TooLongError, problem, status_of
from billp.serving.api.prometheus import Metrics
from billp.serving.api.tokens import Tokens

log = logging.getLogger(__name__)


class Gate:
    """Refuses foreign pages, bodies that are too long, and, if `tokens` are required, requests without one.

    `open_paths` are answered without a token, but a wrong token is refused everywhere. An error behind the gate is
    answered with a sentence and logged without its message: the name of the error, and where it arose.
    """

    def __init__(
        self, app: ASGIApp, *, doors: Doors, tokens: Tokens | None, open_paths: Collection[str], most_bytes: int,
        metrics: Metrics, route_of: Callable[[Scope], str],
    ) -> None:  # fmt: skip
        self._app, self._doors, self._tokens, self._most, self._metrics = app, doors, tokens, most_bytes, metrics
        self._open, self._route_of = open_paths, route_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        if scope["type"] != "http":
            return
        started, status = time.perf_counter(), 0

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            refusal = await self._refusal(scope)
            if refusal is None:
                await self._app(scope, _Bounded(receive, self._most, self._too_long), noting)
            else:
                await problem(*refusal)(scope, receive, noting)
        except Exception as error:  # the web server would write its message into the log
            if not isinstance(innermost(error), BrokenResourceError):  # that a listener has gone is no failure
                log.error("a request failed", exc_info=error)
            if not status:
                await problem(HTTPStatus.INTERNAL_SERVER_ERROR, UNFORESEEN)(scope, receive, noting)
        seconds, route = time.perf_counter() - started, self._route_of(scope)
        self._metrics.answered(scope["method"], route, status, seconds)
        log.info(
            "answered",
            extra={"told": {"method": scope["method"], "route": route, "status": status, "ms": round(1000 * seconds)}},
        )

    async def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        foreign = self._doors.problem(scope)
        if foreign is not None:
            return foreign.status, foreign.error
        headers = Headers(scope=scope)
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > self._most:
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE, self._too_long
        if self._tokens is None:
            return None
        kind, _, token = headers.get("authorization", "").partition(" ")
        try:
            person = await self._tokens.person_of(token.strip()) if kind.lower() == "bearer" else None
        except BillpError as error:
            return status_of(error), str(error)
        if person is None and (token or scope["path"] not in self._open):
            told = (
                "This needs a token (Authorization: Bearer ...); who runs the service makes one with `billp api token`."
            )
            return HTTPStatus.UNAUTHORIZED, told
        scope["person"] = person
        return None

    @property
    def _too_long(self) -> str:
        return f"A request may hold {self._most // 1024} kilobytes; say it in fewer words."


class _Bounded:
    """Passes on a body until it is too long, whatever length it declared."""

    def __init__(self, receive: Receive, most: int, sentence: str) -> None:
        self._receive, self._left, self._sentence = receive, most, sentence

    async def __call__(self) -> Message:
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            raise TooLongError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, self._sentence)
        return message
