"""What `langgraph dev` serves beside its own routes: the local page, at /page. `langgraph.json` names `app`.

LangGraph takes the middleware of this app around its own routes too, outermost, so that the guard stands before all.
"""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.routing import Mount, Route

from graphs.shared_services import shared_services
from pages.guard import Guard
from pages.reading import shared_reading
from pages.routes import make_page
from setting_groups import PageSettings


async def _to_page(_: Request) -> RedirectResponse:
    return RedirectResponse("/page/")


def _settings() -> PageSettings:
    return shared_services().settings.page


app = Starlette(
    routes=[Route("/page", _to_page), Mount("/page", make_page(shared_reading))],
    middleware=[Middleware(Guard, settings=_settings)],
)
