"""The web application of a service."""

from __future__ import annotations

from fastapi import FastAPI

from billp.serving.api.problems import add_problems
from billp.serving.api.routes import router
from billp.serving.api.service import Service

_ABOUT = "Recommends items one at a time; answers are ratings from 1 to 5 or leaving."


def make_app(service: Service) -> FastAPI:
    """The application for an opened service."""
    app = FastAPI(title="billp", description=_ABOUT, version="1", redoc_url=None)
    app.state.service = service
    app.include_router(router)
    add_problems(app)
    return app
