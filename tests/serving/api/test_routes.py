"""What goes over the wire beside answers: events, and the description of it all."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from billp.errors import StoreAwayError
from billp.serving.api.app import make_api
from billp.serving.api.feed import Event
from billp.serving.api.views import Turn
from tests.serving.api.conftest import Open, Opened


async def listened(opened: Opened, session: str, ready: asyncio.Event) -> list[Event]:
    """All events of a session to its end."""
    found = []
    async for event in opened.service.sessions.events(None, session):
        found.append(event)
        ready.set()
    return found


async def test_those_who_listen_hear_nodes_the_planners_words_items_and_the_end(opening: Open):
    async with opening(method="billp", memory="m", untrained=True) as opened:
        turn, ready = await opened.begin(), asyncio.Event()
        listener = asyncio.create_task(listened(opened, turn["session"], ready))
        await ready.wait()
        second = await opened.say(turn["session"], "1", rating=1)
        await opened.say(turn["session"], "2", leave=True)
        events = await asyncio.wait_for(listener, 30)
        told = [(event.name, event.data.get("node", event.data.get("step"))) for event in events]
        assert told[0] == ("item", 1)
        words = [event.data["text"] for event in events if event.name == "words"]
        assert "".join(words) == second["why"], "a disliked item makes the Planner think again"
        assert [node for name, node in told if name == "node"] == [
            "respond",
            "plan",
            "act",
            "present",
            "respond",
            "conclude",
        ]
        assert [step for name, step in told if name == "item"] == [1, 2]
        assert told[-1] == ("end", 2)
        again = await opened.begin("Bob")
        assert (await opened.say(again["session"], "1", rating=1))["step"] == 2, "without a listener"


async def test_events_are_server_sent(opening: Open):
    async with opening() as opened:
        turn = await opened.begin()
        end = await opened.say(turn["session"], "1", leave=True)
        heard = await opened.http.get(f"/sessions/{turn['session']}/events")
        assert heard.headers["content-type"].startswith("text/event-stream")
        lines = dict(line.split(": ", 1) for line in heard.text.strip().splitlines())
        assert lines["event"] == "end"
        assert json.loads(lines["data"]) == end
        assert (await opened.http.get(f"/sessions/{'0' * 32}/events")).status_code == 404


async def test_events_say_why_they_end_before_the_session_does(opening: Open, monkeypatch: pytest.MonkeyPatch):
    async def away(*_: object) -> None:
        raise StoreAwayError("The sessions are away; try again in a moment.")

    async with opening() as opened:
        turn = await opened.begin()
        monkeypatch.setattr(opened.service.sessions, "_caught_up", away)
        heard = await opened.http.get(f"/sessions/{turn['session']}/events")
        lines = dict(line.split(": ", 1) for line in heard.text.strip().splitlines())
        assert lines["event"] == "problem"
        assert (json.loads(lines["data"])["status"], "away" in heard.text) == (503, True)


async def test_the_description_has_an_example_for_all_that_goes_in_and_out(opening: Open):
    async with opening() as opened:
        described = make_api(opened.service).openapi()
        models: dict[str, Any] = described["components"]["schemas"]
        ours = {name: model for name, model in models.items() if "Validation" not in name}
        assert {"Answer", "NewSession", "Turn", "Whole", "Problem"} <= ours.keys()
        assert [name for name, model in ours.items() if not model.get("examples") and "allOf" not in model] == []
        operations = [operation for path in described["paths"].values() for operation in path.values()]
        assert all(operation.get("summary") and operation.get("description") for operation in operations)
        assert (await opened.http.get("/health")).json() == {"status": "ok", "open_sessions": 0, "unlearned": 0}
        Turn.model_validate(models["Turn"]["examples"][0])
