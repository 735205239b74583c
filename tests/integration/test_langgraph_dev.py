"""The graph behind `langgraph dev`, as Studio and the SDK see it."""

from __future__ import annotations

import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from langgraph_sdk import get_sync_client
from langgraph_sdk.client import SyncLangGraphClient

from tests.cli.tiny import put_tiny
from tests.fakes.server import serving
from tests.fakes.worlds import tiny_dataset, tiny_worlds

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket]
ROOT = Path(__file__).parents[2]
PATIENCE_S = 180
USER = tiny_dataset().user_keys[int(tiny_worlds().train.users[0])]
GRAPHS = {"billp": "billp", "reflexion": "reflexion", "react": "react", "act_only": "act-only", "live": "billp"}
CONTEXT: dict[str, Any] = {"method": "billp", "dataset": "tiny", "memory": "studio", "seed": 3, "learn": True}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SyncLangGraphClient]:
    """The SDK's client of a running `langgraph dev`, on the tiny dataset and a fake LLM.

    It runs without `--allow-blocking`, so that a call that blocks the event loop is an error of its run.
    """
    home = tmp_path_factory.mktemp("dev")
    put_tiny(home / "data", home / "source")
    # It looks for the graph and keeps its threads in the folder it is started in: a stand-in for the checkout.
    for name in ("langgraph.json", "graphs"):
        (home / name).symlink_to(ROOT / name)
    port, log = free_port(), home / "log"
    tool = str(Path(sys.executable).with_name("langgraph"))
    arguments = f"dev --no-browser --no-reload --host 127.0.0.1 --port {port} --config langgraph.json"
    with serving() as base_url, log.open("w") as stream:
        environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ} | {
            "PYTHONPATH": str(ROOT),
            "BILLP_DATA_DIR": str(home / "data"),
            "BILLP_RUNS_DIR": str(home / "runs"),
            "BILLP_LLM_BASE_URL": base_url,
        }
        process = subprocess.Popen(  # noqa: S603
            [tool, *arguments.split()], cwd=home, env=environment, stdout=stream, stderr=subprocess.STDOUT
        )
        try:
            url = f"http://127.0.0.1:{port}"
            give_up = time.monotonic() + PATIENCE_S
            while not _answers(url):
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < give_up, log.read_text()
                time.sleep(0.25)
            with get_sync_client(url=url, api_key=None, timeout=PATIENCE_S) as found:
                yield found
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(5)


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/ok", trust_env=False).is_success
    except httpx.HTTPError:
        return False


@pytest.fixture(scope="module")
def assistant(client: SyncLangGraphClient) -> str:
    (found,) = client.assistants.search(graph_id="billp")
    return found["assistant_id"]


def test_the_graphs_are_served(client: SyncLangGraphClient):
    assert {found["graph_id"] for found in client.assistants.search()} == GRAPHS.keys()


def test_the_drawing_opens_the_actor(client: SyncLangGraphClient, assistant: str):
    drawn = client.assistants.get_graph(assistant, xray=True)
    nodes = {str(node["id"]) for node in drawn["nodes"]}
    assert {"recall", "plan", "respond", "criticise", "reflect", "conclude"} <= nodes
    assert {
        f"act:{node}" for node in ("analyse", "retrieve", "shortlist", "choose", "propose", "ground", "pick")
    } <= nodes
    edges = {(edge["source"], edge["target"]) for edge in drawn["edges"]}
    assert ("reflect", "conclude") in edges


def test_input_and_context_have_forms(client: SyncLangGraphClient, assistant: str):
    schemas: Any = client.assistants.get_schemas(assistant)
    assert set(schemas["input_schema"]["properties"]) == {"user", "episode"}
    names = {"method", "split", "seed", "learn", "dataset", "memory", "prompts"}
    assert names <= set(schemas["context_schema"]["properties"])
    assert {"steps", "length", "reward_trajectory"} <= set(schemas["output_schema"]["properties"])


@pytest.mark.parametrize("graph", GRAPHS)
def test_every_field_of_a_form_says_what_it_is_and_starts_with_something(client: SyncLangGraphClient, graph: str):
    (found,) = client.assistants.search(graph_id=graph)
    schemas: Any = client.assistants.get_schemas(found["assistant_id"])
    inputs, context = schemas["input_schema"]["properties"], schemas["context_schema"]["properties"]
    for name, field in {**inputs, **context}.items():
        assert field.get("description"), name
    assert {name for name in inputs if "default" not in inputs[name]} <= {"user"}
    assert all("default" in field for field in context.values())
    assert context["method"]["default"] == GRAPHS[graph]
    if graph not in ("billp", "live"):
        assert context["method"]["const"] == GRAPHS[graph], "the graph's method is fixed"
    assert ("likes" in inputs) == (graph == "live")
    assert (context["memory"]["default"] == "live") == (graph == "live")


def test_an_episode_runs_and_learns(client: SyncLangGraphClient):
    thread = client.threads.create()["thread_id"]
    done: Any = client.runs.wait(thread, "billp", input={"user": USER, "episode": "e1"}, context=CONTEXT)
    assert done["length"] == len(done["steps"]) >= 1
    assert done["reward_trajectory"] == sum(step["reward"] for step in done["steps"])
    assert done["ended"] in ("too_close", "low_reward", "horizon")
    assert done["reflection"]
    # The next episode of the same user recalls it.
    thread = client.threads.create()["thread_id"]
    again: Any = client.runs.wait(thread, "billp", input={"user": USER, "episode": "e2"}, context=CONTEXT)
    assert [lesson["text"] for lesson in again["reflections"]] == [done["reflection"]]


def test_the_same_thread_starts_each_episode_anew(client: SyncLangGraphClient):
    thread = client.threads.create()["thread_id"]
    context = {**CONTEXT, "method": "act-only", "learn": False}
    first, second = (
        client.runs.wait(thread, "billp", input={"user": USER, "episode": "same"}, context=context) for _ in range(2)
    )
    assert isinstance(first, dict)
    assert isinstance(second, dict)
    assert first["steps"] == second["steps"]
    assert first["usage"]["calls"] == second["usage"]["calls"]


def test_a_stream_of_updates_names_the_nodes_in_order(client: SyncLangGraphClient):
    thread = client.threads.create()["thread_id"]
    parts = client.runs.stream(
        thread, "billp", input={"user": USER, "episode": "e3"}, context=CONTEXT, stream_mode="updates"
    )
    events = [(part.event, part.data) for part in parts]
    assert "error" not in {event for event, _ in events}, json.dumps(events)
    names = [name for event, data in events if event == "updates" for name in data]
    assert names[:5] == ["recall", "plan", "act", "respond", "criticise"]
    assert names[-3:] == ["criticise", "reflect", "conclude"]
    for name, following in itertools.pairwise(names):
        assert (
            following
            in {
                "recall": {"plan"},
                "plan": {"act"},
                "act": {"respond"},
                "respond": {"criticise"},
                "criticise": {"plan", "act", "reflect"},
                "reflect": {"conclude"},
            }[name]
        )


def test_an_unknown_user_is_an_error_and_no_episode(client: SyncLangGraphClient):
    thread = client.threads.create()["thread_id"]
    done: Any = client.runs.wait(
        thread, "billp", input={"user": "nobody", "episode": "e4"}, context=CONTEXT, raise_error=False
    )
    assert done["__error__"]["error"] == "DataError"  # the server keeps the message to its log
