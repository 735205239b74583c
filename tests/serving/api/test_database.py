"""SQLite and PostgreSQL keep sessions alike."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from unittest.mock import AsyncMock
from uuid import uuid4

import psycopg
import pytest

from billp.errors import ArtifactError, BadInputError, StoreAwayError
from billp.serving.api import postgres
from billp.serving.api.database import Database, Syncing, open_database
from billp.serving.api.postgres import schema_of
from billp.serving.api.service_records import AnswerRow, ServiceRecords, SessionRow
from billp.settings import Settings, load_settings
from tests.serving.api.conftest import Open


def row(id_: str, person: str = "Ada") -> SessionRow:
    return SessionRow(id_, person, "served", "billp", "", True, id_, {"likes": ["ä"]}, begun=1.0, touched=1.0)


@pytest.fixture(params=["sqlite", "postgres"])
def settings(request: pytest.FixtureRequest) -> Settings:
    if request.param == "sqlite":
        return load_settings()
    return load_settings({"postgres_url": request.getfixturevalue("postgres_url")})


@pytest.fixture
async def database(settings: Settings, tmp_path: Path) -> AsyncIterator[Database]:
    async with open_database(settings, tmp_path / "s", uuid4().hex) as found:
        yield found


async def test_the_ledger_keeps_what_it_is_told_once(database: Database):
    records = ServiceRecords(database)
    await records.prepare()
    await records.prepare()
    assert await records.begin(row("a"), "k") == row("a")
    assert await records.begin(row("b"), "k") == row("a"), "the same person and key"
    assert await records.begin(row("c"), None) == row("c")
    assert await records.begin(row("d", "Bob"), "k") == row("d", "Bob")
    assert await records.session("b") is None
    assert await records.open_sessions("Ada") == 2
    said = AnswerRow(1, "x", {"rating": 4})
    await records.accept("a", said)
    with pytest.raises(StoreAwayError):
        await records.accept("a", AnswerRow(1, "y", {"rating": 1}))
    assert await records.answer_with("a", "x") == await records.answer_number("a", 1) == said
    assert await records.answer_with("c", "x") is None
    assert await records.idle_since(2.0) == ["c", "d"]


async def test_episodes_are_kept_once_and_in_order(database: Database):
    records = ServiceRecords(database)
    await records.prepare()
    for id_ in "abc":
        await records.begin(row(id_), None)
    await asyncio.gather(*(records.finish(row(id_), {"ended": "left", "of": id_}) for id_ in "abcabc"))
    numbers = await database.rows("SELECT seq, session FROM episodes ORDER BY seq")
    assert [number for number, _ in numbers] == [1, 2, 3]
    assert sorted(session for _, session in numbers) == ["a", "b", "c"]
    assert await records.output_of("b") == {"ended": "left", "of": "b"}
    session = await records.session("b")
    assert session is not None
    assert session.ended == "left"
    assert await records.all_open() == 0


@pytest.mark.parametrize("failure", [psycopg.OperationalError("gone"), asyncio.CancelledError()])
async def test_a_claim_that_cannot_be_asked_for_leaves_no_connection_open(
    monkeypatch: pytest.MonkeyPatch, failure: BaseException
):
    connection = AsyncMock(psycopg.AsyncConnection)
    connection.execute.side_effect = failure
    monkeypatch.setattr(psycopg.AsyncConnection, "connect", AsyncMock(return_value=connection))
    async with AsyncExitStack() as stack:
        with pytest.raises(type(failure)):
            await postgres.Claim("postgresql://nowhere", "s").take(stack)
    connection.close.assert_awaited_once()


async def test_one_process_serves_at_a_time(settings: Settings, tmp_path: Path):
    name = uuid4().hex
    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(open_database(settings, tmp_path, name))
        await one.claim()
        other = await stack.enter_async_context(open_database(settings, tmp_path, name))
        with pytest.raises(ArtifactError, match="Another process serves"):
            await other.claim()
    async with open_database(settings, tmp_path, name) as after:
        await after.claim()


async def test_a_postgres_that_is_not_there_is_named(tmp_path: Path):
    settings = load_settings({"postgres_url": f"postgresql://x:secret@/nowhere?host={tmp_path}"})
    with pytest.raises(BadInputError, match="PostgreSQL cannot be used") as raised:
        async with open_database(settings, tmp_path, "n"):
            pass
    assert "secret" not in str(raised.value)


async def test_a_service_goes_on_in_postgres(opening: Open, postgres_url: str):
    settings = {"postgres_url": postgres_url}
    async with opening(settings) as opened:
        turn = await opened.begin()
        for number in range(3):
            turn = await opened.say(turn["session"], str(number), rating=4)
    async with opening(settings) as again:
        assert await again.say(turn["session"], "2", rating=4) == turn
        assert (await again.say(turn["session"], "3", leave=True))["totals"]["length"] == 4


def test_services_of_different_names_have_schemas_of_their_own():
    assert len({schema_of(name) for name in ("people", "People", "a-b", "a_b", "a b")}) == 5


async def test_those_who_wait_at_once_share_a_write_that_began_after_they_came():
    began, done = 0, 0

    async def write() -> None:
        nonlocal began, done
        began += 1
        await asyncio.sleep(0.01)
        done += 1

    syncing = Syncing(write)

    async def waits(after: float) -> bool:
        await asyncio.sleep(after)
        before = began
        await syncing.sync()
        return done > before

    assert all(await asyncio.gather(*(waits(0.001 * (number % 20)) for number in range(100))))
    assert began <= 6


async def test_what_is_synced_was_written(tmp_path: Path):
    async with open_database(load_settings(), tmp_path, "s") as database:
        await _check_synced(database)


async def _check_synced(database: Database) -> None:
    before = (await database.rows("SELECT beats FROM pulse"))[0][0]
    await asyncio.gather(*(database.sync() for _ in range(10)))
    assert 0 < (await database.rows("SELECT beats FROM pulse"))[0][0] - before <= 2


async def test_postgres_has_on_disk_what_it_says_is_written(postgres_url: str, tmp_path: Path):
    async with open_database(load_settings({"postgres_url": postgres_url}), tmp_path, uuid4().hex) as database:
        assert await database.rows("SHOW synchronous_commit") == [("on",)]


_HOLDERS = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = (hashtext(?)::bigint & 4294967295)"


@pytest.mark.parametrize("another", [False, True])
async def test_a_claim_on_postgres_outlives_a_restart_unless_another_process_was_faster(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, another: bool
):
    monkeypatch.setattr(postgres, "_LOOK_S", 3.0 if another else 0.1)  # the other is faster, or there is none
    settings, name = load_settings({"postgres_url": postgres_url}), uuid4().hex
    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(open_database(settings, tmp_path, name))
        await one.claim()
        other = await stack.enter_async_context(open_database(settings, tmp_path, name))
        held = await other.rows(_HOLDERS, schema_of(name))
        assert await other.rows("SELECT pg_terminate_backend(?, 60000)", *held[0]) == [(True,)]
        if another:
            await other.claim()
            with pytest.raises(StoreAwayError, match="Another process serves"):
                await _asked_for_ever(one)
            await other.rows("SELECT 1")
        else:
            while await other.rows(_HOLDERS, schema_of(name)) in ([], held):  # noqa: ASYNC110 -- PostgreSQL has no event
                await asyncio.sleep(0.05)
            with pytest.raises(ArtifactError, match="Another process serves"):
                await other.claim()
            await one.rows("SELECT 1")


async def _asked_for_ever(database: Database) -> None:
    while True:
        await database.rows("SELECT 1")
        await asyncio.sleep(0.05)
