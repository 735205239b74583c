"""The graph behind `langgraph dev`, as Studio and the SDK see it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any, cast

import pytest
from langgraph_sdk import get_sync_client
from langgraph_sdk.client import SyncLangGraphClient

from tests.cli.tiny import put_tiny
from tests.fakes.server import serving
from tests.fakes.worlds import tiny_dataset, tiny_worlds
from tests.integration.dev_server import PATIENCE_S, developing

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket]
USERS = [tiny_dataset().user_keys[int(user)] for user in tiny_worlds().train.users[:3]]
USER = USERS[0]
GRAPHS = {"billp": "billp", "reflexion": "reflexion", "react": "react", "act_only": "act-only", "live": "billp"}
CONTEXT: dict[str, Any] = {"method": "billp", "dataset": "tiny", "memory": "studio", "seed": 3, "learn": True}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SyncLangGraphClient]:
    """The SDK's client of a running `langgraph dev`, on the tiny dataset and a fake LLM."""
    home = tmp_path_factory.mktemp("dev")
    put_tiny(home / "data", home / "source")
    with (
        serving() as base_url,
        developing(home, base_url) as url,
        get_sync_client(url=url, api_key=None, timeout=PATIENCE_S) as found,
    ):
        yield found


@pytest.fixture(scope="module")
def assistant(client: SyncLangGraphClient) -> str:
    (found,) = client.assistants.search(graph_id="billp")
    return found["assistant_id"]


def started(client: SyncLangGraphClient) -> str:
    return client.threads.create()["thread_id"]


def test_the_graphs_are_served(client: SyncLangGraphClient):
    assert {found["graph_id"] for found in client.assistants.search()} == GRAPHS.keys()


def test_the_drawing_opens_the_actor(client: SyncLangGraphClient, assistant: str):
    drawn = client.assistants.get_graph(assistant, xray=True)
    nodes = {str(node["id"]) for node in drawn["nodes"]}
    assert {"recall", "plan", "respond", "criticise", "reflect", "conclude"} <= nodes
    actors = ("analyse", "retrieve", "shortlist", "weigh", "choose", "propose", "ground", "pick")
    assert {f"act:{node}" for node in actors} <= nodes
    edges = {(edge["source"], edge["target"]) for edge in drawn["edges"]}
    assert ("reflect", "conclude") in edges


def test_input_and_context_have_forms(client: SyncLangGraphClient, assistant: str):
    schemas: Any = client.assistants.get_schemas(assistant)
    assert set(schemas["input_schema"]["properties"]) == {"user", "episode"}
    names = {"method", "split", "seed", "learn", "dataset", "memory", "prompts", "temperature", "top_p", "max_tokens"}
    context = schemas["context_schema"]["properties"]
    assert names <= set(context)
    assert context["model"]["__template_metadata__"] == {"kind": "llm"}
    planner = context["planner_prompt"]
    assert (planner["langgraph_type"], planner["langgraph_nodes"]) == ("prompt", ["plan"])
    assert planner["default"].startswith("You plan recommendations"), "there is something to edit"
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
    assert (context["memory"]["default"] == "") == (graph == "live"), "a person's memory is their own"


def test_an_episode_runs_and_learns(client: SyncLangGraphClient):
    thread = client.threads.create()["thread_id"]
    done: Any = client.runs.wait(thread, "billp", input={"user": USER, "episode": "e1"}, context=CONTEXT)
    assert done["length"] == len(done["steps"]) >= 1
    assert done["reward_trajectory"] == sum(step["reward"] for step in done["steps"])
    assert done["ended"] in ("too_close", "low_reward", "horizon")
    assert done["reflection"]


def test_the_next_episode_of_a_user_recalls_the_lesson_of_the_last(client: SyncLangGraphClient):
    context = {**CONTEXT, "method": "billp-llm-only", "memory": "lessons"}  # which reflects freely, and claims nothing
    done, again = (
        client.runs.wait(
            client.threads.create()["thread_id"], "billp", input={"user": USER, "episode": name}, context=context
        )
        for name in ("l1", "l2")
    )
    assert isinstance(done, dict)
    assert isinstance(again, dict)
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
    assert done["__error__"]["error"] == "DataError"
    assert "nobody" in done["__error__"]["message"]
    unnamed: Any = client.runs.wait(started(client), "billp", input={}, context=CONTEXT, raise_error=False)
    assert "No user is named; give the input as" in unnamed["__error__"]["message"]


def test_a_misspelt_context_key_is_named(client: SyncLangGraphClient):
    with pytest.raises(Exception, match=r"no field 'methud'.*did you mean 'method'"):
        client.runs.wait(started(client), "billp", input={"user": USER}, context={"methud": "react"})


@pytest.mark.parametrize("graph", ["reflexion", "react", "act_only"])
def test_a_method_graph_needs_no_method_named(client: SyncLangGraphClient, graph: str):
    done: Any = client.runs.wait(started(client), graph, input={"user": USER}, context={"dataset": "tiny"})
    assert (done["episode"], done["length"]) == (USER, len(done["steps"]))
    assert any(step["thought"] for step in done["steps"]) == (graph != "act_only")


def test_values_updates_and_progress_are_streamed_together(client: SyncLangGraphClient):
    parts = list(
        client.runs.stream(
            started(client),
            "react",
            input={"user": USER, "episode": "e5"},
            context={"dataset": "tiny"},
            stream_mode=["values", "updates", "custom"],
        )
    )
    progress: list[Any] = [part.data for part in parts if part.event == "custom"]
    last: Any = [part.data for part in parts if part.event == "values"][-1]
    assert {"values", "updates", "custom"} <= {part.event for part in parts}
    assert [(step["number"], step["title"], step["reward"], step["reason"]) for step in last["steps"]] == [
        (said["number"], said["title"], said["reward"], said["reason"]) for said in progress
    ]


def test_an_edited_thought_forks_the_episode_at_an_earlier_step(client: SyncLangGraphClient):
    thread = started(client)
    context: dict[str, Any] = {"dataset": "tiny", "seed": 5}
    first: Any = client.runs.wait(thread, "react", input={"user": USER, "episode": "e6"}, context=context)
    history: list[Any] = list(client.threads.get_history(thread, limit=200))
    assert history[0]["values"]["steps"] == first["steps"]
    assert history[0]["next"] == []
    (planned,) = [
        state for state in history if state["next"] == ["act"] and not state["values"]["steps"]
    ]  # after the first plan, before the first step
    thought = "something altogether different: a western"
    forked: Any = client.threads.update_state(
        thread, {"thought": thought}, as_node="plan", checkpoint=planned["checkpoint"]
    )
    second: Any = client.runs.wait(thread, "react", input=None, context=context, checkpoint=forked["checkpoint"])
    assert second["steps"][0]["thought"] == thought
    assert second["steps"][0]["shortlist"] != first["steps"][0]["shortlist"]
    kept: Any = client.threads.get_history(thread, limit=200)
    assert any(state["values"].get("steps") == first["steps"] for state in kept)


def test_a_run_survives_its_client_and_threads_run_side_by_side(client: SyncLangGraphClient):
    url = str(client.http.client.base_url)
    with get_sync_client(url=url, api_key=None, timeout=PATIENCE_S) as leaving:
        runs = []
        for number in range(3):
            thread = started(leaving)
            run = leaving.runs.create(
                thread, "react", input={"user": USERS[number], "episode": "e7"}, context={"dataset": "tiny"}
            )
            runs.append((thread, run["run_id"]))
    for number, (thread, run_id) in enumerate(runs):
        done: Any = client.runs.join(thread, run_id)
        assert done["user"] == USERS[number]
        assert done["length"] == len(done["steps"]) >= 1
        assert client.runs.get(thread, run_id)["status"] == "success"


def test_a_person_plays_through_the_sdk(client: SyncLangGraphClient):
    thread = started(client)
    context: dict[str, Any] = {"dataset": "tiny", "learn": True}
    ada: dict[str, Any] = {"user": "Ada", "likes": ["Film 7, The"]}

    def say(answer: object) -> dict[str, Any]:
        return cast(dict[str, Any], client.runs.wait(thread, "live", command={"resume": answer}, context=context))

    state: Any = client.runs.wait(thread, "live", input=ada, context=context)
    (asked,) = state["__interrupt__"]
    assert asked["value"]["step"] == 1
    assert asked["value"]["thought"]
    assert client.threads.get(thread)["status"] == "interrupted"
    (again,) = say(7)["__interrupt__"]
    assert again["value"]["title"] == asked["value"]["title"]
    assert again["value"]["problem"].startswith("7 is no answer")
    (following,) = say(4)["__interrupt__"]
    assert following["value"]["step"] == 2
    done = say("I leave")
    assert [step["reward"] for step in done["steps"]] == [4, 1]
    assert (done["ended"], done["history"]) == ("left", [7])
    assert done["episode"].startswith("live-")
    assert done["reflection"]
    other: Any = client.runs.wait(started(client), "billp", input={"user": USER}, context={"dataset": "tiny"})
    assert other["reflections"] == [], "simulated users' episodes do not hear of it"


def test_two_people_play_side_by_side_and_each_memory_is_its_owners(client: SyncLangGraphClient):
    context: dict[str, Any] = {"dataset": "tiny", "learn": True, "method": "billp-llm-only"}  # it reads experiences
    likes: list[Any] = ["Film 7, The", "Film 9, The"]

    def comes(user: str, *, memory: str = "") -> tuple[str, dict[str, Any]]:
        """A new thread of `user` up to its first question, and what it recalled and retrieved until then."""
        thread = started(client)
        asked = {**context, "memory": memory}
        client.runs.wait(thread, "live", input={"user": user, "likes": likes}, context=asked)
        return thread, cast(dict[str, Any], client.threads.get_state(thread)["values"])

    def says(thread: str, answer: object) -> dict[str, Any]:
        return cast(dict[str, Any], client.runs.wait(thread, "live", command={"resume": answer}, context=context))

    (first, _), (other, known) = comes("Carol"), comes("Dave")
    assert known["reflections"] == known["decision"]["experiences"] == []
    says(first, 5)
    says(other, 3)
    carols = says(first, "4, leave")
    daves = says(other, "leave")
    assert [step["reward"] for step in carols["steps"]] == [5, 4]
    assert [step["reward"] for step in daves["steps"]] == [3, 1]
    for user, taught in (("Carol", carols), ("Dave", daves)):
        _, known = comes(user)
        read = [lesson["id"] for lesson in known["reflections"]]
        assert read == [f"reflections/live-studio/{taught['episode']}/-001"], "their own, and nobody else's"
        experiences = known["decision"]["experiences"]
        assert experiences
        assert all(taught["episode"] in id_ for id_ in experiences)
    _, known = comes("Eve")
    assert known["reflections"] == known["decision"]["experiences"] == []
    _, known = comes("Eve", memory="live/Carol")
    assert len(known["reflections"]) == 1, "a memory that is named is read, whoever asks"
