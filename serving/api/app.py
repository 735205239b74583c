"""The web application of a service."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Scope

from billp.pages.guard import Doors
from billp.pages.headers import PageHeaders
from billp.serving.api.gate import Gate
from billp.serving.api.problems import add_problems
from billp.serving.api.routes import router
from billp.serving.api.service import Service

_ABOUT = "Recommends items one at a time; answers are ratings from 1 to 5, wishes, or leaving."


def make_api(service: Service) -> FastAPI:
    """What can be asked of an opened service, without what stands before it."""
    # FastAPI's own page of documentation loads scripts from elsewhere.
    api = FastAPI(title="billp", description=_ABOUT, version="1", docs_url=None, redoc_url=None)
    api.state.service = service
    api.include_router(router)
    add_problems(api)
    return api


def make_app(service: Service, *, guarded: bool = False) -> ASGIApp:
    """The application for an opened service; with `guarded` it asks for tokens."""
    settings = service.settings
    gate = Gate(
        make_api(service), doors=Doors(frozenset(settings.page.host_names), frozenset()),
        tokens=service.tokens if guarded else None, most_bytes=settings.api.body_kb * 1024, metrics=service.metrics,
        route_of=_route_of,
    )  # fmt: skip
    return PageHeaders(gate)


def _route_of(scope: Scope) -> str:
    """The pattern of the path, which names neither session nor person."""
    for route in router.routes:
        if isinstance(route, Route) and route.matches(scope)[0] is not Match.NONE:
            return route.path
    return "other"
