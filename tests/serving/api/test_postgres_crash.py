"""PostgreSQL crashes under a service that goes on: acknowledged answers are there afterwards, and none twice."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from tests.fakes.postgres import Postgres
from tests.serving.api.conftest import Open, Opened
from tests.serving.api.test_learning import SHARED, learned, memory_of

PERSONS, STEPS = 12, 8
CRASHES = (20, 50)
"""So many acknowledged answers come before each crash; some remain to be given after the last one."""


@dataclass
class Crowd:
    """Persons who answer side by side, and ask again where they are told to."""

    opened: Opened
    limit: int
    """So many answers are acknowledged before no one begins another; a few more are on their way then."""
    acknowledged: int = 0
    put_off: int = 0
    moved: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def play(self, number: int) -> str:
        """A whole session of a person; returns its name."""
        begun = await self.sent("/sessions", f"begin-{number}", {"user": f"person {number}"})
        for step in range(1, STEPS + 1):
            async with self.moved:
                await self.moved.wait_for(lambda: self.acknowledged < self.limit)
            said = {"rating": stars(number, step), "leave": step == STEPS, "step": step}
            await self.sent(f"/sessions/{begun['session']}/answer", f"step-{step}", said)
            async with self.moved:
                self.acknowledged += 1
                self.moved.notify_all()
        return str(begun["session"])

    async def sent(self, path: str, key: str, body: dict[str, Any]) -> dict[str, Any]:
        """What is answered in the end; as long as the service says that it may be asked again, it is."""
        while True:
            told = await self.opened.http.post(path, json=body, headers={"Idempotency-Key": key})
            if told.status_code in (200, 201):
                answered: dict[str, Any] = told.json()
                return answered
            assert (told.status_code, told.headers["retry-after"]) == (503, "1"), told.text
            async with self.moved:
                self.put_off += 1
                self.moved.notify_all()
            await asyncio.sleep(0.2)

    async def meet(self, postgres: Postgres, count: int, limit: int) -> None:
        """Crashes PostgreSQL when `count` answers are acknowledged, and starts it once somebody has met that."""
        async with self.moved:
            await self.moved.wait_for(lambda: self.acknowledged >= count)
        await asyncio.to_thread(postgres.crash)
        async with self.moved:
            self.limit, before = limit, self.put_off
            self.moved.notify_all()
            await self.moved.wait_for(lambda: self.put_off > before)
        await asyncio.to_thread(postgres.start)


def stars(number: int, step: int) -> int:
    """Each person's own stars for each step, so that a lost or doubled answer shows."""
    return 1 + (7 * number + 3 * step + number // 5) % 5


async def test_acknowledged_answers_outlive_crashes_of_postgres_and_none_counts_twice(
    opening: Open, postgres: Postgres
):
    settings = {"postgres_url": postgres.url, "api.rate": 1000, "api.burst": 1000}
    async with opening(settings, name=uuid4().hex, **SHARED) as opened:
        crowd = Crowd(opened, CRASHES[0] + PERSONS)
        playing = [asyncio.create_task(crowd.play(number)) for number in range(PERSONS)]
        await crowd.meet(postgres, CRASHES[0], CRASHES[1] + PERSONS)
        await crowd.meet(postgres, CRASHES[1], PERSONS * STEPS)
        sessions = await asyncio.wait_for(asyncio.gather(*playing), 120)
        for number, session in enumerate(sessions):
            whole = (await opened.http.get(f"/sessions/{session}")).json()
            assert [each["rating"] for each in whole["answered"]] == [stars(number, step + 1) for step in range(STEPS)]
            assert whole["ended"] == "left"
        await learned(opened.service, 120)
        found = await memory_of(opened.service, "shared")
    assert sorted((each.origin.user, each.origin.step, each.fields["reward"]) for each in found["actor"]) == sorted(
        (f"person {number}", step, float(stars(number, step)))
        for number in range(PERSONS)
        for step in range(1, STEPS + 1)
    )
