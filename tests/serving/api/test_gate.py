"""Who is let in, how much one may ask, and what is noted of it."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
from anyio import BrokenResourceError
from hypothesis import example, given
from hypothesis import strategies as st

from billp.errors import BadInputError
from billp.graphs.live import LiveUsers
from billp.serving.api.listening import check_guarded
from billp.serving.api.logs import JsonLines
from billp.serving.api.pace import Pace
from billp.serving.api.problems import Refused
from tests.serving.api.conftest import Open

NAME, TITLE = "Ada-Lovelace-1815", "Film 7, The"


def bearing(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def test_a_token_names_its_user_who_sees_their_own_sessions_alone(opening: Open):
    async with opening(guarded=True) as opened:
        ada, bob = [await opened.service.tokens.make(name) for name in ("Ada", "Bob")]
        http = opened.http
        assert (await http.post("/sessions", json={"user": "Ada"})).status_code == 401
        begun = await http.post("/sessions", json={}, headers=bearing(ada))
        assert (begun.status_code, begun.json()["user"]) == (201, "Ada")
        as_other = await http.post("/sessions", json={"user": "Bob"}, headers=bearing(ada))
        assert (as_other.status_code, "another user's" in as_other.json()["detail"]) == (403, True)
        path, key = f"/sessions/{begun.json()['session']}", {"Idempotency-Key": "k"}
        for headers, status in ((bearing(bob), 404), ({}, 401), (bearing("billp_made-up"), 401), (bearing(ada), 200)):
            assert (await http.get(path, headers=headers)).status_code == status
            told = await http.post(f"{path}/answer", json={"rating": 4}, headers={**headers, **key})
            assert told.status_code == status
        events = await http.get(f"{path}/events", headers=bearing(bob))
        assert events.status_code == 404
        assert (await http.delete("/users/Ada", headers=bearing(bob))).status_code == 403
        assert (await http.get("/metrics")).status_code == 401
        assert (await http.get("/health")).status_code == 200
        assert (await http.get("/metrics", headers=bearing(bob))).status_code == 200
        stored = await opened.service.database.rows("SELECT digest FROM tokens")
        assert not [digest for (digest,) in stored if digest in (ada, bob)]
        assert (await http.delete("/users/Ada", headers=bearing(ada))).json()["sessions"] == 1
        assert await opened.service.tokens.revoke("Ada") == 0, "forgotten with the rest"
        assert await opened.service.tokens.revoke("Bob") == 1


async def test_a_foreign_page_is_not_answered(opening: Open):
    async with opening() as opened:
        for headers in (
            {"Origin": "https://evil.example"},
            {"Host": "evil.example"},
            {"Sec-Fetch-Site": "cross-site"},
        ):
            refused = await opened.http.post("/sessions", json={"user": "Ada"}, headers=headers)
            assert refused.status_code == 403
            assert refused.headers["content-type"] == "application/problem+json"
        form = await opened.http.post("/sessions", data={"user": "Ada"})
        assert form.status_code == 415
        own = await opened.http.post("/sessions", json={"user": "Ada"}, headers={"Origin": "http://127.0.0.1:8080"})
        assert own.status_code == 201
        assert own.headers["content-security-policy"].startswith("default-src 'none'")


async def test_a_request_is_bounded_whether_it_says_its_length_or_not(opening: Open):
    long = json.dumps({"user": "Ada", "likes": ["x" * 2000]}).encode()

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(long), 100):
            yield long[start : start + 100]

    async with opening({"api.body_kb": 1}) as opened:
        kind = {"Content-Type": "application/json"}
        for body in (long, chunks()):
            refused = await opened.http.post("/sessions", content=body, headers=kind)
            assert (refused.status_code, refused.json()["detail"]) == (
                413,
                "A request may hold 1 kilobytes; say it in fewer words.",
            )


async def test_a_user_who_asks_too_often_waits_and_the_others_do_not(opening: Open):
    async with opening({"api.burst": 3, "api.rate": 0.01}) as opened:
        turn = await opened.begin()
        await opened.say(turn["session"], "1", rating=4)
        await opened.http.get(f"/sessions/{turn['session']}")
        refused = await opened.send(turn["session"], "2", rating=4)
        assert refused.status_code == 429
        assert 95 <= int(refused.headers["retry-after"]) <= 100
        await opened.begin("Bob")


@given(st.lists(st.floats(0, 3), min_size=1, max_size=60))
@example([1.5308265129689405, 1.2236098001561735, 0.0, 0.0, 0.0, 0.0])  # full but for rounding after 2.5 s
def test_no_user_gets_more_than_burst_and_rate_allow(gaps: list[float]):
    clock = 0.0
    pace, passed = Pace(2.0, 5, now=lambda: clock), 0
    for gap in gaps:
        clock += gap
        with suppress(Refused):
            pace.check("Ada")
            passed += 1
        assert passed <= 5 + 2.0 * clock + 1e-3
    clock += 2.5
    for _ in range(5):
        pace.check("Ada")
    with pytest.raises(Refused) as refused:
        pace.check("Ada")
    clock += refused.value.retry_after_s or 0.0
    pace.check("Ada")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_no_start_on_a_public_address_without_tokens(host: str):
    with pytest.raises(BadInputError, match="make tokens first"):
        check_guarded(host, guarded=False)
    check_guarded(host, guarded=True)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "127.3.2.1"])
def test_this_machine_alone_needs_none(host: str):
    check_guarded(host, guarded=False)


async def test_counts_are_there_and_neither_they_nor_logs_hold_a_word_of_a_person(
    opening: Open, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    caplog.set_level(logging.DEBUG)
    async with opening(memory="m", learns=True, untrained=True) as opened:
        turn = await opened.begin(NAME, likes=[TITLE], wish="a western, by Sergio-Leone")
        await opened.say(turn["session"], "1", rating=4)
        await opened.say(turn["session"], "2", leave=True, why="too-many-hats")
        while await opened.service.records.unlearned():
            await opened.http.get("/health")

        def broken(*_: object) -> None:
            raise ValueError(f"{NAME} likes {TITLE}")

        monkeypatch.setattr(LiveUsers, "history", broken)
        failed = await opened.http.post("/sessions", json={"user": NAME})
        assert (failed.status_code, failed.headers["content-type"]) == (500, "application/problem+json")
        assert failed.json()["detail"].startswith("Something failed here that should not have")
        assert NAME not in failed.text
        counts = (await opened.http.get("/metrics")).text
    for line in (
        'billp_request_seconds_count{method="POST",route="/sessions/{session}/answer",status="200"} 2.0',
        'billp_sessions_begun_total{arm="served"} 2.0',
        'billp_sessions_ended_total{arm="served",reason="left"} 1.0',
        'billp_reward_stars_sum{arm="served"} 5.0',
        'billp_episodes_learned_total{outcome="learned"} 1.0',
        "billp_sessions_open 1.0",
        "billp_episodes_unlearned 0.0",
        'billp_node_seconds_count{node="act"} 3.0',
    ):
        assert line in counts.splitlines()
    formatter = JsonLines()
    lines = [formatter.format(record) for record in caplog.records]
    events = [json.loads(line) for line in lines]
    (error,) = [event for event in events if event["level"] == "error"]
    assert (error["error"], error["at"][-1].partition(":")[0]) == ("ValueError", "broken")
    assert [e["route"] for e in events if e["event"] == "answered"][:2] == ["/sessions", "/sessions/{session}/answer"]
    told = counts + "".join(lines)
    assert [words for words in (NAME, "Film", "Leone", "hats") if words in told] == []


def test_what_others_log_is_told_by_its_place_alone():
    record = logging.LogRecord("langgraph", logging.WARNING, "/x/pregel.py", 7, "%s failed", (NAME,), None)
    told = json.loads(JsonLines().format(record))
    assert (told["from"], told["event"]) == ("langgraph", "pregel:7")


@pytest.mark.parametrize(
    ("error", "told"), [(BrokenResourceError(), []), (ValueError(), ["ValueError"]), (KeyError(), ["KeyError"])]
)
async def test_a_listener_who_goes_is_no_failure_and_what_fails_among_tasks_is_named(
    opening: Open, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, error: Exception, told: list[str]
):
    async def failing(*_: object) -> None:
        raise ExceptionGroup("tasks", [ExceptionGroup("more", [error])])

    async with opening() as opened:
        monkeypatch.setattr(opened.service.sessions, "_found", failing)
        await opened.http.get("/sessions/abc")
    failures = [record for record in caplog.records if record.msg == "a request failed"]
    assert [json.loads(JsonLines().format(record))["error"] for record in failures] == told
