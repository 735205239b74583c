"""The routes of the service."""

from __future__ import annotations

from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path, Request
from fastapi.responses import Response
from fastapi.sse import EventSourceResponse, ServerSentEvent
from prometheus_client import CONTENT_TYPE_LATEST

from billp.errors import BillpError
from billp.serving.api.problems import RESPONSES, Problem, Refused, status_of
from billp.serving.api.service import Service
from billp.serving.api.views import Answer, Forgotten, Health, Key, Name, NewSession, Turn, Whole

router = APIRouter(responses=RESPONSES)


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


def _caller(request: Request) -> str | None:
    """Returns the person whose token came with the request; None if the service requires none."""
    person: str | None = request.scope.get("person")
    return person


Served = Annotated[Service, Depends(_service)]
Caller = Annotated[str | None, Depends(_caller)]
SessionId = Annotated[
    str, Path(max_length=64, pattern=r"^[\x21-\x7e]+$", description="What POST /sessions answered as `session`")
]
OnceKey = Annotated[
    Key,
    Header(
        alias="Idempotency-Key",
        description="Of your choice, one for each answer: sent again, the same answer counts once",
        examples=["5f0c1d9e-2"],
    ),
]


@router.post("/sessions", status_code=HTTPStatus.CREATED, summary="Begin a session")
async def begin(
    asked: NewSession,
    served: Served,
    caller: Caller,
    key: Annotated[Key | None, Header(alias="Idempotency-Key", description="Sent again, it begins no other")] = None,
) -> Turn:
    """Answers with the first item."""
    if caller is not None and asked.user not in (None, caller):
        raise Refused(HTTPStatus.FORBIDDEN, "Your token is another user's; leave out `user`, or give that token's.")
    person = caller or asked.user
    if person is None:
        raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, "user: Say who you are; any name will do.")
    return await served.sessions.begin(person, asked, key)


@router.post("/sessions/{session}/answer", summary="Rate the item at hand, leave, or both")
async def answer(session: SessionId, given: Answer, served: Served, caller: Caller, key: OnceKey) -> Turn:
    """Answers with the next item, or with the end and what the session came to."""
    return await served.sessions.answer(caller, session, given, key)


@router.get("/sessions/{session}", summary="Where a session stands")
async def whole(session: SessionId, served: Served, caller: Caller) -> Whole:
    """Returns the item at hand or the end, and every step before."""
    return await served.sessions.whole(caller, session)


async def _known(session: SessionId, served: Served, caller: Caller) -> None:
    """Refuses before the stream begins, while a status can still be sent."""
    await served.sessions.check(caller, session)


@router.get(
    "/sessions/{session}/events",
    dependencies=[Depends(_known)],
    response_class=EventSourceResponse,
    summary="Listen to a session (server-sent events)",
)
async def events(session: SessionId, served: Served, caller: Caller) -> AsyncIterator[ServerSentEvent]:
    """`item` and `end` carry what answers carry, `node` the part of the graph that is done, `words` the Planner's.

    `problem` says why the stream ends before the session does.
    """
    try:
        async for event in served.sessions.events(caller, session):
            yield ServerSentEvent(data=event.data, event=event.name)
    except (BillpError, Refused) as error:  # the status has been sent
        status = error.status if isinstance(error, Refused) else status_of(error)
        told = Problem(title=status.phrase, status=status, detail=str(error))
        yield ServerSentEvent(data=told.model_dump(), event="problem")


@router.delete("/users/{user:path}", summary="Forget a person everywhere")
async def forget(
    user: Annotated[Name, Path(description="Whose sessions, answers and lessons are deleted")],
    served: Served,
    caller: Caller,
) -> Forgotten:
    """Deletes what the service and its memories hold of the person, tokens included; done again, it finds nothing."""
    if caller not in (None, user):
        raise Refused(HTTPStatus.FORBIDDEN, "Your token is another user's; only they can ask to be forgotten.")
    served.pace.check(user)
    return await served.forgetting.forget(user)


@router.get("/health", summary="Whether the service works")
async def health(served: Served) -> Health:
    """Answers 503 where what works in the background has stopped, or the database is away."""
    if not served.alive:
        raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, "What works in the background has stopped; restart the service.")
    return Health(
        status="ok", open_sessions=await served.records.all_open(), unlearned=await served.records.unlearned()
    )


@router.get("/metrics", response_class=Response, summary="Counts for Prometheus")
async def metrics(served: Served) -> Response:
    """Latency by route and node, tokens, sessions, ratings, leaves, and what waits to be learned from."""
    shown = served.metrics.shown(
        open_sessions=await served.records.all_open(), unlearned=await served.records.unlearned()
    )
    return Response(shown, media_type=CONTENT_TYPE_LATEST)
