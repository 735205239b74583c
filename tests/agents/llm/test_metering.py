"""How busy the LLM is kept, on a clock that the test moves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

import billp.agents.llm.metering
from billp.agents.llm.asking import Request, ask
from billp.agents.llm.metering import Calls, Load, MeteredChat
from billp.agents.llm.reading import Reply
from tests.fakes.model import FakeChat

REQUEST = Request(role="actor", system="", user="", temperature=0, max_tokens=1, seed=0)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def time(self) -> float:
        return self.now


class Waiting(FakeChat):
    """A model whose replies come when the test says so."""

    waiting: list[Any] = Field(default_factory=list)

    async def answer(self, request: Request) -> Reply:
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self.waiting.append(future)
        return await future


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(billp.agents.llm.metering, "time", clock)
    return clock


async def until(true: Callable[[], bool]) -> None:
    """Lets others run until something is so."""
    while not true():  # noqa: ASYNC110 -- it waits for another task's turn, not for time
        await asyncio.sleep(0)


async def test_load_adds_up_calls_and_the_pauses_between_them(clock: Clock):
    model = Waiting()
    metered = MeteredChat(inner=model)
    assert metered.load == Load(0.0, 0.0, 0.0)

    async def call_until(moment: float, *, fails: bool = False) -> None:
        task = asyncio.create_task(ask(metered, REQUEST))
        await until(lambda: len(model.waiting) == 1)
        clock.now = moment
        future = model.waiting.pop()
        if fails:
            future.set_exception(RuntimeError("gone"))
            with pytest.raises(RuntimeError):
                await task
        else:
            future.set_result(Reply("A"))
            await task

    await call_until(2.0)  # 0 to 2: one call
    clock.now = 4.0  # 2 to 4: nothing
    await call_until(6.0, fails=True)  # 4 to 6: one call, which fails
    first, second = asyncio.create_task(ask(metered, REQUEST)), asyncio.create_task(ask(metered, REQUEST))
    await until(lambda: len(model.waiting) == 2)
    clock.now = 10.0  # 6 to 10: two calls
    for future in model.waiting:
        future.set_result(Reply("B"))
    await asyncio.gather(first, second)

    assert metered.load.seconds == 10.0
    assert metered.load.busy_share == pytest.approx(0.8)
    assert metered.load.calls_at_once == pytest.approx((2 + 2 + 4 * 2) / 10)


async def test_what_was_taken_is_counted_once_and_a_running_call_goes_on(clock: Clock):
    model = Waiting()
    metered, driver = MeteredChat(inner=model), MeteredChat(inner=model)
    task = asyncio.create_task(ask(metered, REQUEST))
    await until(lambda: len(model.waiting) == 1)
    clock.now = 3.0
    driver.add(metered.take())
    assert not metered.take()
    clock.now = 4.0
    model.waiting.pop().set_result(Reply("A"))
    await task
    driver.add(metered.take())
    assert driver.load == Load(4.0, 1.0, 1.0)


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 6)), min_size=1))
def test_times_of_several_processes_become_one_in_any_order(times: list[tuple[int, int]]):
    calls, busy = Calls(), set[int]()
    for start, length in times:
        calls.add(start, start + length)
        busy |= set(range(start, start + length))
    assert list(calls.starts) == [second for second in sorted(busy) if second - 1 not in busy]
    assert list(calls.ends) == [second + 1 for second in sorted(busy) if second + 1 not in busy]
    assert calls.load.busy_share == pytest.approx(len(busy) / (max(busy) + 1 - min(busy)))
