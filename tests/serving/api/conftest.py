"""A service on the tiny dataset, with a hashing embedder and a client that talks to it without a network."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from billp.graphs.resources import Resources
from billp.serving.api.app import make_app
from billp.serving.api.service import Service, ServicePlan, open_service
from billp.settings import load_settings
from tests.fakes.embedder import HashEmbedder
from tests.fakes.model import RuleModel
from tests.fakes.postgres import Postgres, postgres_tools, running_postgres

PLAN = ServicePlan(name="test", dataset="tiny", method="billp-memory-only", memory=None, learns=False)


@dataclass(frozen=True)
class Opened:
    """A service that is open, and a client of it."""

    service: Service
    http: httpx.AsyncClient

    async def begin(self, user: str = "Ada", **fields: object) -> dict[str, Any]:
        """The first turn of a new session."""
        answered = await self.http.post("/sessions", json={"user": user, **fields})
        assert answered.status_code == 201, answered.text
        turn: dict[str, Any] = answered.json()
        return turn

    async def say(self, session: str, key: str, **said: object) -> dict[str, Any]:
        """The turn that follows an answer."""
        answered = await self.send(session, key, **said)
        assert answered.status_code == 200, answered.text
        turn: dict[str, Any] = answered.json()
        return turn

    async def send(self, session: str, key: str, **said: object) -> httpx.Response:
        """What an answer is answered with."""
        return await self.http.post(f"/sessions/{session}/answer", json=said, headers={"Idempotency-Key": key})


Open = Callable[..., AbstractAsyncContextManager[Opened]]


@pytest.fixture
def opening(tiny: Path) -> Open:
    """Opens a service; opened again, it goes on where it was."""

    @asynccontextmanager
    async def opened(
        settings: dict[str, Any] | None = None,
        *,
        guarded: bool = False,
        model: RuleModel | None = None,
        **changes: Any,
    ) -> AsyncIterator[Opened]:
        resources = Resources(load_settings(settings), model=model or RuleModel(), embedder=HashEmbedder())
        async with resources, open_service(resources, replace(PLAN, **changes)) as service:
            transport = httpx.ASGITransport(make_app(service, guarded=guarded), raise_app_exceptions=True)
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as http:
                yield Opened(service, http)

    return opened


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL of this test run."""
    tools = postgres_tools()
    if tools is None:
        pytest.skip("PostgreSQL is not installed; apt-get install postgresql")
    with running_postgres(tools) as running:
        yield running


@pytest.fixture
def postgres_url(postgres: Postgres) -> str:
    """Its address."""
    return postgres.url
