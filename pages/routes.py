"""The page's routes: its files, and the data it asks for.

Threads read files and search memories, since the graphs use the event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Literal

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from billp.errors import ArtifactError, BadInputError, BillpError, MemoryStoreError, MissingMemoryError, unusable
from billp.experiments.runs.resuming import resumption
from billp.pages.answers import (
    Answer,
    EpisodeQuestion,
    EpisodesQuestion,
    Forgetting,
    LaunchList,
    MemoryQuestion,
    NewName,
    PlanAnswer,
    Problem,
    RunQuestion,
)
from billp.pages.comparing import ComparisonQuestion, compared
from billp.pages.geometry import drawing
from billp.pages.headers import PageHeaders
from billp.pages.launches import command_line
from billp.pages.launching import RunForm, choices, planned
from billp.pages.page_file import page_file
from billp.pages.reading import Reading
from billp.reports import Report, read_report
from billp.reports.run_data import catalogues
from billp.validation import fault

_FOLDER = Path(__file__).parent
_STATIC = _FOLDER / "static"
_LARGEST = 1_000_000  # bytes of a request
_STATUS: tuple[tuple[type[BillpError], Literal[400, 404, 500, 503]], ...] = (
    (ArtifactError, 404),
    (MissingMemoryError, 404),
    (MemoryStoreError, 503),
    (BadInputError, 400),
    (BillpError, 500),
)
"""The status that an error is answered with: that of the first kind it is of."""

Ask = Callable[[Reading, Request], Answer]
Change = Callable[[Reading, Request, bytes], Answer]
Endpoint = Callable[[Request], Awaitable[Response]]


def make_page(opened: Callable[[], Reading]) -> Starlette:
    """Returns the page and its data; `opened` is called in a thread for every question."""

    def answered(ask: Ask) -> Endpoint:
        async def endpoint(request: Request) -> Response:
            return await asyncio.to_thread(_answered, lambda: ask(opened(), request))

        return endpoint

    def changed(change: Change) -> Endpoint:
        async def endpoint(request: Request) -> Response:
            refused = _foreign(request)
            if refused is not None:
                return _problem(refused)
            body = await _body(request)
            if body is None:
                return _problem(Problem(error=f"The request has more than {_LARGEST} bytes.", status=413))
            return await asyncio.to_thread(_answered, lambda: change(opened(), request, body))

        return endpoint

    async def saved(request: Request) -> Response:
        return await asyncio.to_thread(_saved, opened, request)

    def post(path: str, change: Change) -> Route:
        return Route(path, changed(change), methods=["POST"])

    return Starlette(
        routes=[
            Route("/api/drawing", answered(lambda _, __: drawing())),
            Route("/api/runs", answered(_runs)),
            Route("/api/runs/{run}", answered(_run)),
            Route("/api/runs/{run:path}/episodes", answered(_episodes)),
            Route("/api/runs/{run:path}/episodes/{number}", answered(_episode)),
            post("/api/runs/{run}/name", _rename),
            post("/api/runs/{run}/removal", _remove),
            post("/api/runs/{run}/stop", lambda reading, request, _: reading.launches.stop(_name(request))),
            post("/api/runs/{run}/continuation", _go_on),
            Route("/api/comparison", answered(_comparison)),
            Route("/api/report", saved),
            Route("/api/choices", answered(lambda reading, _: choices(reading.settings))),
            Route("/api/launches", answered(lambda reading, _: LaunchList(launches=reading.launches.all()))),
            post("/api/plan", _plan),
            post("/api/launch", _launch),
            Route("/api/memories", answered(lambda reading, _: reading.memories.names())),
            Route("/api/memory", answered(_memory)),
            post("/api/memory/removal", _forget),
            Mount("/", StaticFiles(directory=_STATIC, html=True)),
        ],
        middleware=[Middleware(PageHeaders)],
        exception_handlers={Exception: _failed},
    )


async def _failed(_: Request, __: Exception) -> Response:
    """Answers where nothing else does; the server's log has the error."""
    return _problem(
        Problem(error="Something failed here that should not have; the server's log says what.", status=500)
    )


def _foreign(request: Request) -> Problem | None:
    """Returns why a request that changes something is refused: it comes from another page, Studio's included."""
    origin, host = request.headers.get("origin"), request.headers.get("host", "")
    if origin is None or origin.lower() in {f"{scheme}://{host.lower()}" for scheme in ("http", "https")}:
        return None
    return Problem(error="Only this page itself may change runs and memories.", status=403)


async def _body(request: Request) -> bytes | None:
    """Returns the request's body; None if it is larger than any that the page sends."""
    parts, size = list[bytes](), 0
    async for part in request.stream():
        size += len(part)
        if size > _LARGEST:
            return None
        parts.append(part)
    return b"".join(parts)


def _saved(opened: Callable[[], Reading], request: Request) -> Response:
    """Returns the page of the runs that are asked for, as a file to keep."""

    def page() -> str:
        reading = opened()
        question = ComparisonQuestion.model_validate({"run": request.query_params.getlist("run")})
        report = _report(reading, question.run)
        return page_file(report, catalogues(reading.settings.data, report.runs)).text

    kept = {"Content-Disposition": 'attachment; filename="report.html"'}
    return _response(lambda: Response(page(), media_type="text/html", headers=kept))


def _answered(ask: Callable[[], Answer]) -> Response:
    return _response(lambda: Response(ask().model_dump_json(), media_type="application/json"))


def _response(make: Callable[[], Response]) -> Response:
    try:
        return make()
    except ValidationError as error:
        return _problem(Problem(error=_fault(error), status=400))
    except BillpError as error:
        status = next(status for kind, status in _STATUS if isinstance(error, kind))
        return _problem(Problem(error=str(error), status=status))
    except OSError as error:  # a full or read-only disk, a file that is gone meanwhile
        return _problem(Problem(error=unusable(error), status=500))


def _fault(error: ValidationError) -> str:
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"]) or "the question"
    return f"Parameter {name}{fault(first)}."


def _problem(problem: Problem) -> Response:
    return Response(problem.model_dump_json(), problem.status, media_type="application/json")


def _name(request: Request) -> str:
    return str(request.path_params["run"])


def _runs(reading: Reading, request: Request) -> Answer:
    return reading.whole.asked(RunQuestion.model_validate(dict(request.query_params)))


def _run(reading: Reading, request: Request) -> Answer:
    launch = reading.launches.of(_name(request))
    told = reading.whole.one(_name(request), launch)
    if told.run.state != "interrupted" or launch is not None:
        return told
    try:
        return told.model_copy(update={"continuation": command_line(_resumption(reading, request))})
    except BillpError as error:
        return told.model_copy(update={"hindrance": str(error)})


def _go_on(reading: Reading, request: Request, _: bytes) -> Answer:
    name = _name(request)
    if reading.launches.of(name) is not None:
        return reading.launches.go_on(name)
    return reading.launches.start(name, _resumption(reading, request))


def _resumption(reading: Reading, request: Request) -> tuple[str, ...]:
    return resumption(reading.whole.folder(_name(request)), reading.settings)


def _rename(reading: Reading, request: Request, body: bytes) -> Answer:
    reading.launches.check_over(_name(request))
    done = reading.whole.rename(_name(request), NewName.model_validate_json(body).name)
    reading.launches.forget(_name(request))
    return done


def _remove(reading: Reading, request: Request, _: bytes) -> Answer:
    reading.launches.check_over(_name(request))
    done = reading.whole.remove(_name(request))
    reading.launches.forget(_name(request))
    return done


def _episodes(reading: Reading, request: Request) -> Answer:
    asked = EpisodesQuestion.model_validate(dict(request.query_params))
    return reading.runs.episodes(_name(request), asked.offset, asked.limit)


def _episode(reading: Reading, request: Request) -> Answer:
    asked = EpisodeQuestion.model_validate({"number": request.path_params["number"]})
    return reading.episodes.episode(_name(request), asked.number)


def _comparison(reading: Reading, request: Request) -> Answer:
    asked = dict(request.query_params) | {"run": request.query_params.getlist("run")}
    question = ComparisonQuestion.model_validate(asked)
    return compared(_report(reading, question.run), question.base)


def _report(reading: Reading, names: Sequence[str]) -> Report:
    return read_report([reading.whole.folder(name) for name in dict.fromkeys(names)])


def _plan(reading: Reading, _: Request, body: bytes) -> Answer:
    try:
        plan = planned(RunForm.model_validate_json(body), reading.settings)
    except ValidationError as error:
        return PlanAnswer(problem=_fault(error))
    except BillpError as error:  # unfinished input while typing
        return PlanAnswer(problem=str(error))
    return PlanAnswer(run=plan.run, command=command_line(plan.arguments))


def _launch(reading: Reading, _: Request, body: bytes) -> Answer:
    plan = planned(RunForm.model_validate_json(body), reading.settings)
    return reading.launches.start(plan.run, plan.arguments)


def _memory(reading: Reading, request: Request) -> Answer:
    return reading.memories.search(MemoryQuestion.model_validate(dict(request.query_params)))


def _forget(reading: Reading, _: Request, body: bytes) -> Answer:
    return reading.memories.forget(Forgetting.model_validate_json(body))
