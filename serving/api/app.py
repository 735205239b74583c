"""The web application of a service."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import FileResponse, Response
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Scope

from billp.pages.guard import Doors
from billp.pages.headers import PageHeaders
from billp.serving.api.gate import Gate
from billp.serving.api.problems import add_problems
from billp.serving.api.routes import router
from billp.serving.api.service import Service

_STATIC = Path(__file__).parent / "static"
PAGE = {"/": _STATIC / "index.html", "/page.js": _STATIC / "page.js", "/page.css": _STATIC / "page.css"}
"""The page for people: three files, nothing from other servers."""
_ABOUT = "Recommends items one at a time; answers are ratings from 1 to 5, wishes, or leaving."


def make_api(service: Service) -> FastAPI:
    """Returns the routes of an opened service, without the gate in front of them."""
    # FastAPI's own documentation page loads scripts from other servers.
    api = FastAPI(title="billp", description=_ABOUT, version="1", docs_url=None, redoc_url=None)
    api.state.service = service
    api.include_router(router)
    for path, file in PAGE.items():
        api.add_api_route(path, _file(file), include_in_schema=False)
    add_problems(api)
    return api


def make_app(service: Service, *, guarded: bool = False) -> ASGIApp:
    """Returns the application of an opened service; with `guarded` it requires tokens."""
    settings = service.settings
    gate = Gate(
        make_api(service),
        doors=Doors(frozenset(settings.page.host_names), frozenset()),
        tokens=service.tokens if guarded else None,
        open_paths={*PAGE, "/health", "/openapi.json"},
        most_bytes=settings.api.body_kb * 1024,
        metrics=service.metrics,
        route_of=_route_of,
    )
    return PageHeaders(gate)


def _file(path: Path) -> Callable[[], Awaitable[Response]]:
    async def answer() -> Response:
        return FileResponse(path)

    return answer


def _route_of(scope: Scope) -> str:
    """Returns the pattern of the path, without session and person."""
    if scope["path"] in PAGE:
        return str(scope["path"])
    for route in router.routes:
        if isinstance(route, Route) and route.matches(scope)[0] is not Match.NONE:
            return route.path
    return "other"
