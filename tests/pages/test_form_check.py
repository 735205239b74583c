"""Keys of inputs and contexts that mean nothing are named; everything else passes unchanged."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient

from billp.pages.form_check import FormCheck


async def _echo(request: Request) -> Response:
    return Response(await request.body())


CLIENT = TestClient(
    Starlette(routes=[Route("/{path:path}", _echo, methods=["POST", "GET"])], middleware=[Middleware(FormCheck)])
)


@pytest.mark.parametrize(
    "path", ["/runs", "/runs/wait", "/runs/stream", "/threads/1/runs", "/threads/1/runs/wait", "/assistants"]
)
def test_an_unknown_key_is_refused_with_the_nearest_known(path: str):
    answer = CLIENT.post(path, json={"assistant_id": "billp", "context": {"methud": "react"}})
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(
        "The context has no field 'methud' (did you mean 'method'?); its fields are"
    )


@pytest.mark.parametrize("path", ["/runs/wait", "/threads/1/runs", "/runs/crons"])
def test_an_unknown_key_of_the_input_is_refused_with_the_nearest_known(path: str):
    answer = CLIENT.post(path, json={"assistant_id": "live", "input": {"user": "Ada", "like": ["Fargo"]}})
    assert answer.status_code == 422
    told = "The input has no field 'like' (did you mean 'likes'?); its fields are episode, likes, user."
    assert answer.json()["detail"] == told


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"input": {"user": {"x": [1]}}}, "The input's user must be a text, not {'x': [1]}."),
        ({"input": {"user": "Ada", "episode": 5}}, "The input's episode must be a text, not 5."),
        ({"input": {"user": "Ada", "likes": "Fargo"}}, "The input's likes must be a list, not 'Fargo'."),
        ({"input": {"user": "Ada", "likes": ["Fargo", None]}}, "The input's likes.1 must be a text, not None."),
        ({"input": ["Ada"]}, "The input must be a JSON object such as {'user': '1'}, not a list."),
        ({"context": {"seed": 1e26}}, "The context's seed must be a smaller number, not 1e+26."),
        ({"context": {"seed": -1}}, "The context's seed must be at least 0, not -1."),
        ({"context": {"split": "tset"}}, "The context's split must be 'train' or 'test', not 'tset'."),
        ({"context": {"learn": "maybe"}}, "The context's learn must be true or false, not 'maybe'."),
    ],
)
def test_a_value_that_cannot_be_is_refused_in_a_sentence(body: dict[str, object], told: str):
    answer = CLIENT.post("/threads/1/runs/wait", json={"assistant_id": "live", **body})
    assert (answer.status_code, answer.json()["detail"]) == (422, told)


@pytest.mark.parametrize("name", ["methud", "seeds", "planer_prompt"])
def test_a_misspelt_key_is_refused_in_the_older_place_too(name: str):
    answer = CLIENT.post("/runs/wait", json={"config": {"configurable": {"thread_id": "1", name: "react"}}})
    assert answer.status_code == 422
    assert f"The context has no field '{name}' (did you mean" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/runs/wait", {"context": {"method": "react", "model": "", "temperature": 0.5}}),
        ("/runs/wait", {"input": {"user": "1", "episode": ""}, "command": {"resume": {"methud": 1}}}),
        ("/runs/wait", {"input": None}),
        ("/runs/wait", {"context": None}),
        ("/store/items", {"context": {"methud": 1}}),
        ("/runs/batch", [{"context": {"seed": 1}}]),
        ("/runs", {"config": {"configurable": {"thread_id": "1", "run_id": "2", "method": "react", "of_mine": 3}}}),
        ("/runs", {"config": {"configurable": None}}),
    ],
)
def test_everything_else_passes_unchanged(path: str, body: object):
    answer = CLIENT.post(path, json=body)
    assert (answer.status_code, answer.json()) == (200, body)
    for broken in (b"{", b"[" * 100_000):
        assert CLIENT.post("/runs", content=broken).content == broken
