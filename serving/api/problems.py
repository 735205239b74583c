"""Errors over HTTP: problem+json (RFC 9457) with a sentence that says what was wrong and what to do."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.exceptions import HTTPException

from billp.errors import BadInputError, BillpError, EpisodeError, MemoryStoreError, ServerAwayError, StoreAwayError
from billp.validation import fault

MEDIA_TYPE = "application/problem+json"
UNFORESEEN = "Something failed here that should not have; it was noted, so tell those who run this service."
_AWAY = (EpisodeError, ServerAwayError, StoreAwayError, MemoryStoreError)


class Problem(BaseModel):
    """What was wrong with a request."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"type": "about:blank", "title": "Conflict", "status": 409, "detail": "Step 2 is at hand, not step 1."}
            ]
        }
    )

    type: str = "about:blank"
    title: str
    status: int
    detail: str


class Refused(Exception):
    """A refused request, with the status and the sentence that say why."""

    def __init__(self, status: HTTPStatus, detail: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.retry_after_s = status, detail, retry_after_s


class TooLongError(HTTPException):
    """A body that is too long; it derives from FastAPI's own exception, which alone passes through it unchanged."""


def problem(status: int, detail: str, *, retry_after_s: float | None = None) -> Response:
    """Returns the problem answer."""
    body = Problem(title=HTTPStatus(status).phrase, status=status, detail=detail)
    headers = {} if retry_after_s is None else {"Retry-After": str(max(1, round(retry_after_s)))}
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    return Response(json.dumps(body.model_dump()), status, headers, MEDIA_TYPE)


def status_of(error: BillpError) -> HTTPStatus:
    """Returns the status of an error of ours; transient errors are 503, and may be tried again."""
    if isinstance(error, _AWAY):
        return HTTPStatus.SERVICE_UNAVAILABLE
    return HTTPStatus.BAD_REQUEST if isinstance(error, BadInputError) else HTTPStatus.INTERNAL_SERVER_ERROR


def add_problems(app: FastAPI) -> None:
    """Answers every error of `app` with a problem."""

    @app.exception_handler(Refused)
    async def refused(_: Request, error: Refused) -> Response:
        return problem(error.status, error.detail, retry_after_s=error.retry_after_s)

    @app.exception_handler(BillpError)
    async def ours(_: Request, error: BillpError) -> Response:
        status = status_of(error)
        return problem(status, str(error), retry_after_s=1 if status == HTTPStatus.SERVICE_UNAVAILABLE else None)

    @app.exception_handler(Exception)  # and then it is raised again, for the gate to log
    async def unforeseen(_: Request, __: Exception) -> Response:
        return problem(HTTPStatus.INTERNAL_SERVER_ERROR, UNFORESEEN)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> Response:
        return problem(HTTPStatus.UNPROCESSABLE_ENTITY, sentence(error))

    @app.exception_handler(TooLongError)
    async def too_long(_: Request, error: TooLongError) -> Response:
        return problem(error.status_code, error.detail)

    @app.exception_handler(HTTPException)
    async def other(_: Request, error: HTTPException) -> Response:
        return problem(error.status_code, f"{error.detail}; /openapi.json lists what can be asked.")


def sentence(error: RequestValidationError | ValidationError) -> str:
    """Returns the first thing that is wrong with a request, without what the person wrote."""
    first: Any = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"] if part not in ("body", "header", "path", "query"))
    return f"{place or 'The request'}{fault(first)}."


RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": HTTPStatus(status).phrase, "content": {MEDIA_TYPE: {}}}
    for status in (400, 401, 403, 404, 409, 422, 429, 503)
}
"""What OpenAPI says of refusals."""
