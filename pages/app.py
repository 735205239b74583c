"""What `langgraph dev` serves beside its own routes: the local page, at /page. `langgraph.json` names `app`."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.routing import Mount, Route

from pages.reading import shared_reading
from pages.routes import make_page


async def _to_page(_: Request) -> RedirectResponse:
    return RedirectResponse("/page/")


app = Starlette(routes=[Route("/page", _to_page), Mount("/page", make_page(shared_reading))])
