"""Headers that keep the page to itself, and a door shut to pages of other sites."""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pages.answers import Problem

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Nothing from elsewhere, nothing inline."""
_HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
_OURS = ("same-origin", "none")


class Guard:
    """Puts the headers on every answer, and refuses data to scripts of other sites.

    `langgraph dev` lets every origin read its answers, for Studio's sake. What the page reads is for the page alone:
    browsers say in `Sec-Fetch-Site` whose script asks; what is no browser does not say it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        asked = Headers(scope=scope)
        navigated = asked.get("sec-fetch-mode") == "navigate"
        if asked.get("sec-fetch-site", "none") in _OURS or navigated:
            await self._app(scope, receive, guarded)
            return
        problem = Problem(error="This page answers its own scripts only; open it by its address.", status=403)
        refusal = Response(problem.model_dump_json(), problem.status, media_type="application/json")
        await refusal(scope, receive, guarded)
