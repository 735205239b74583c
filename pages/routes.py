"""The page's routes: its files, and the data it asks for.

Threads read files and search memories, since the graphs use the event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from pydantic import BaseModel, ValidationError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from billp.errors import ArtifactError, BillpError, MemoryStoreError
from billp.pages.answers import MemoryQuestion, Part, Problem
from billp.pages.geometry import drawing
from billp.pages.headers import PageHeaders
from billp.pages.reading import Reading
from billp.validation import fault

_FOLDER = Path(__file__).parent
_STATIC = _FOLDER / "static"
_REPORT = _FOLDER.parent / "experiments" / "report"
_SHARED = ("report.css", "elements.js", "episode.js")  # the look of reports, and how they show an episode

Answer = Callable[[Reading, Request], BaseModel]
Endpoint = Callable[[Request], Awaitable[Response]]


def make_page(opened: Callable[[], Reading]) -> Starlette:
    """Returns the page and its data; `opened` is called in a thread for every question."""

    def answered(answer: Answer) -> Endpoint:
        async def endpoint(request: Request) -> Response:
            return await asyncio.to_thread(_answered, answer, opened, request)

        return endpoint

    return Starlette(
        routes=[
            Route("/api/drawing", answered(lambda _, __: drawing())),
            Route("/api/runs", answered(_runs)),
            Route("/api/runs/{run:path}/episodes", answered(_episodes)),
            Route("/api/runs/{run:path}/episodes/{number:int}", answered(_episode)),
            Route("/api/memories", answered(lambda reading, _: reading.memories.names())),
            Route("/api/memory", answered(_memory)),
            *(Route(f"/{name}", _file(_REPORT / name)) for name in _SHARED),
            Mount("/", StaticFiles(directory=_STATIC, html=True)),
        ],
        middleware=[Middleware(PageHeaders)],
    )


def _answered(answer: Answer, opened: Callable[[], Reading], request: Request) -> Response:
    try:
        found = answer(opened(), request)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"]) or "the question"
        return _problem(Problem(error=f"Parameter {name}{fault(first)}.", status=400))
    except ArtifactError as error:
        return _problem(Problem(error=str(error), status=404))
    except MemoryStoreError as error:
        return _problem(Problem(error=str(error), status=503))
    except BillpError as error:
        return _problem(Problem(error=str(error), status=500))
    return Response(found.model_dump_json(), media_type="application/json")


def _problem(problem: Problem) -> Response:
    return Response(problem.model_dump_json(), problem.status, media_type="application/json")


def _runs(reading: Reading, request: Request) -> BaseModel:
    part = Part.model_validate(dict(request.query_params))
    return reading.runs.newest(part.offset, part.limit)


def _episodes(reading: Reading, request: Request) -> BaseModel:
    part = Part.model_validate(dict(request.query_params))
    return reading.runs.episodes(request.path_params["run"], part.offset, part.limit)


def _episode(reading: Reading, request: Request) -> BaseModel:
    return reading.episodes.episode(request.path_params["run"], request.path_params["number"])


def _memory(reading: Reading, request: Request) -> BaseModel:
    return reading.memories.search(MemoryQuestion.model_validate(dict(request.query_params)))


def _file(path: Path) -> Endpoint:
    async def endpoint(_: Request) -> Response:
        return FileResponse(path)

    return endpoint
