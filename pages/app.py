"""The app that `langgraph dev` serves beside its own routes: the local page, at /page. `langgraph.json` names `app`.

LangGraph wraps the middleware of this app around its own routes too, outermost, so the guard comes before everything.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from billp.pages.form_check import FormCheck
from billp.pages.guard import Guard
from billp.pages.launches import shared_launches
from billp.setting_groups import PageSettings

_logger = logging.getLogger(__name__)


async def _to_page(_: Request) -> RedirectResponse:
    return RedirectResponse("/page/")


@cache
def _page() -> ASGIApp:
    # Reports need libraries that take seconds to import; they are imported after the server's start.
    from billp.pages.reading import shared_reading  # noqa: PLC0415
    from billp.pages.routes import make_page  # noqa: PLC0415

    return make_page(shared_reading)


async def _answer(scope: Scope, receive: Receive, send: Send) -> None:
    page = await asyncio.to_thread(_page)
    await page(scope, receive, send)


def _settings() -> PageSettings:
    from billp.graphs.served import shared_dependencies  # noqa: PLC0415

    return shared_dependencies().settings.page


@asynccontextmanager
async def _lifespan(_: Starlette) -> AsyncIterator[None]:
    if server := os.environ.get("LANGGRAPH_API_URL"):  # the development server says so where it serves
        _logger.info("The local page is at %s/page/", server)
    yield
    await asyncio.to_thread(shared_launches().close)


app = Starlette(
    lifespan=_lifespan,
    routes=[Route("/page", _to_page), Mount("/page", _answer)],
    middleware=[Middleware(Guard, settings=_settings), Middleware(FormCheck)],
)
