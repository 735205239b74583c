"""A guard in front of everything that `langgraph dev` serves: LangGraph's own routes and the local page.

The server runs graphs, reads memory and deletes threads for anyone who reaches it, and a browser lets every web page
send it requests. So a request is answered only if it names this server and comes from no page at all, from a page of
this server or from Studio.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Self
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from billp.errors import BillpError
from billp.pages.answers import Problem
from billp.setting_groups import PageSettings

_SAFE = ("GET", "HEAD", "OPTIONS")
_OURS = ("same-origin", "none")
_MOST = 8 << 20  # bytes of a body; LangGraph's server takes some twenty times as much memory to read one
_READABLE = ("x-pagination-total", "x-pagination-next", "content-location")
"""Answer headers that Studio reads."""
_WITHIN = "/noauth"
"""The root path that LangGraph gives requests made inside its own process; no request from a network can have it."""


@dataclass(frozen=True)
class Doors:
    """The names that this server answers to, and the other origins that may use it."""

    hosts: frozenset[str]
    origins: frozenset[str]

    @classmethod
    def of(cls, settings: PageSettings) -> Self:
        """Returns the doors that `settings` describe."""
        return cls(frozenset(settings.host_names), frozenset(settings.origin_names))

    def problem(self, scope: Scope) -> Problem | None:
        """Returns why the request in `scope` is refused; None if it is not.

        A page can reach this server with a wrong Host, by a name of its own that points here (DNS rebinding).
        """
        asked = Headers(scope=scope)
        hosts, origins = asked.getlist("host"), asked.getlist("origin")
        if len(hosts) != 1 or not self._is_here(hosts[0], scope):
            name = " ".join(hosts)[:100]
            return Problem(error=f"This server has no name {name!r}; add it to page.hosts if it is yours.", status=403)
        if origins:
            ours = {f"{scheme}://{hosts[0].lower()}" for scheme in ("http", "https", "ws", "wss")}
            if len(origins) != 1 or origins[0].lower() not in ours | self.origins:
                told = (
                    f"Pages of {' '.join(origins)[:100]!r} may not use this server; page.origins names those that may."
                )
                return Problem(error=told, status=403)
        elif asked.get("sec-fetch-site", "none") not in _OURS and not _is_link(scope, asked):
            return Problem(
                error="This server answers its own pages and Studio only; open it by its address.", status=403
            )
        if scope["type"] == "http" and scope["method"] not in _SAFE and not _is_json(asked):
            return Problem(error="Requests that change something must be JSON (application/json).", status=415)
        return None

    def _is_here(self, host: str, scope: Scope) -> bool:
        """Returns whether `host` means loopback, the address connected to, or a configured name."""
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        server = scope.get("server")
        if name in self.hosts | {"localhost"} or (server is not None and name == server[0]):
            return True
        try:
            return ip_address(name).is_loopback
        except ValueError:
            return False


def _is_link(scope: Scope, asked: Headers) -> bool:
    """Returns whether a link was followed; another page may hold such a link, but cannot read its target."""
    opens = asked.get("sec-fetch-mode") == "navigate" and asked.get("sec-fetch-dest", "document") == "document"
    return opens and scope["type"] == "http" and scope["method"] in ("GET", "HEAD")


def _is_json(asked: Headers) -> bool:
    """Returns whether the body is JSON, or there is none."""
    kind = asked.get("content-type", "").partition(";")[0].strip().lower()
    if not kind:
        return asked.get("content-length", "0") == "0" and "transfer-encoding" not in asked
    return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))


class Guard:
    """Refuses what `Doors` refuses, before any route sees it, and names origins in CORS answers, never `*`.

    `settings` is called in a thread, at the first request.
    """

    def __init__(self, app: ASGIApp, settings: Callable[[], PageSettings]) -> None:
        self._app, self._settings = app, settings
        self._opened: tuple[Doors, ASGIApp] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request, or refuses it with a sentence."""
        if scope["type"] not in ("http", "websocket") or _is_within(scope):
            await self._app(scope, receive, send)
            return
        try:
            doors, app = await self._open()
            problem = doors.problem(scope) or _too_long(Headers(scope=scope))
        except BillpError as error:  # settings that cannot be read
            problem = Problem(error=str(error), status=500)
        if problem is None:
            await app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": problem.error})
        else:
            refusal = Response(problem.model_dump_json(), problem.status, media_type="application/json")
            await refusal(scope, receive, send)

    async def _open(self) -> tuple[Doors, ASGIApp]:
        if self._opened is None:
            doors = Doors.of(await asyncio.to_thread(self._settings))
            app = CORSMiddleware(
                self._app, allow_origins=doors.origins, allow_methods=["*"], allow_headers=["*"],
                allow_private_network=True, expose_headers=_READABLE,
            )  # fmt: skip
            self._opened = doors, app
        return self._opened


def _too_long(asked: Headers) -> Problem | None:
    """Returns why a body is refused by its length; None if it is not."""
    if "transfer-encoding" in asked:
        return Problem(error="The request does not say how long it is; send it with a Content-Length.", status=411)
    length = asked.get("content-length", "0")
    if not length.isdecimal() or int(length) > _MOST:
        return Problem(error=f"The request has more than {_MOST} bytes.", status=413)
    return None


def _is_within(scope: Scope) -> bool:
    path: str = scope.get("root_path", "")
    return path == _WITHIN or path.startswith(_WITHIN + "/")
