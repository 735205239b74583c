"""What callbacks, streams and traces see of an episode."""

from __future__ import annotations

import json
import threading
from collections.abc import AsyncIterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, cast

import pytest
from langchain_core.callbacks import AsyncCallbackHandler, get_usage_metadata_callback
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langsmith import Client, tracing_context
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from billp.agents.llm.asking import Request
from billp.agents.llm.reading import Reply
from billp.agents.llm.wrapping import in_one_piece
from billp.graphs.dependencies import Dependencies, fixed_dependencies
from billp.graphs.episode import EpisodeGraph, build_episode_graph
from billp.graphs.state import EpisodeContext
from tests.fakes.dependencies import fake_dependencies
from tests.fakes.model import FakeChat, RuleModel, sensible_reply
from tests.fakes.store import fake_memory
from tests.graphs.episodes import user_of


class Watching(AsyncCallbackHandler):
    """Notes every run that begins, by its kind."""

    def __init__(self) -> None:
        self.models: list[tuple[str, list[str], list[BaseMessage]]] = []
        self.retrievers: list[tuple[str, str]] = []
        self.tools: list[str] = []
        self.failed: list[BaseException] = []

    async def on_chat_model_start(
        self, serialized: dict[str, Any], messages: list[list[BaseMessage]], **kwargs: Any
    ) -> None:
        self.models.append((kwargs["name"], kwargs["tags"], messages[0]))

    async def on_retriever_start(self, serialized: dict[str, Any], query: str, **kwargs: Any) -> None:
        self.retrievers.append((kwargs["name"], query))

    async def on_tool_start(self, serialized: dict[str, Any], input_str: str, **kwargs: Any) -> None:
        self.tools.append(kwargs.get("name") or serialized["name"])

    async def on_llm_error(self, error: BaseException, **kwargs: Any) -> None:
        self.failed.append(error)


class Streaming(FakeChat):
    """Says its words one by one, and letters and digits as they are asked for."""

    async def answer(self, request: Request) -> Reply:
        said = sensible_reply(request)
        return said if request.scores else replace(said, text="think of a western")

    async def _astream(
        self, messages: list[BaseMessage], *args: Any, **kwargs: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        result: ChatResult = await self._agenerate(messages, **kwargs)
        whole = in_one_piece(result)
        for word in str(whole.text).split(" "):
            yield ChatGenerationChunk(message=AIMessageChunk(content=word + " "))
        yield ChatGenerationChunk(message=whole.message.model_copy(update={"content": ""}))


def graph_on(deps: Dependencies) -> EpisodeGraph:
    return build_episode_graph(fixed_dependencies(deps), deps.worlds.train.horizon)


CONTEXT = EpisodeContext(method="billp-llm-only", learn=True, run="r")
ASKED: dict[str, Any] = {"critic__ask": "always"}


async def test_every_call_shows_once_under_its_roles_name_with_its_prompt():
    model, seen = RuleModel(), Watching()
    deps = fake_dependencies(model, fake_memory(), **ASKED)
    await graph_on(deps).ainvoke({"user": user_of("train"), "episode": "e0"}, {"callbacks": [seen]}, context=CONTEXT)
    assert len(seen.models) == len(model.requests) > 4
    assert {name for name, _, _ in seen.models} == {"planner", "actor", "critic", "reflector"}
    for name, tags, messages in seen.models:
        assert name in tags
        assert [message.type for message in messages] == ["system", "human"]
        assert messages[0].text == deps.pack[{"actor": "actor-shortlist"}.get(name, name)].fixed
    assert seen.failed == []


async def test_what_is_looked_for_in_memory_and_the_actors_tools_are_runs():
    agent_memory = fake_memory()
    graph = graph_on(fake_dependencies(RuleModel(), agent_memory, learn_at_once=True, **ASKED))
    for episode in ("e0", "e1"):
        seen = Watching()
        done = await graph.ainvoke(
            {"user": user_of("train"), "episode": episode}, {"callbacks": [seen]}, context=CONTEXT
        )
    assert {name for name, _ in seen.retrievers} == {"reflections", "experiences", "values"}
    assert all(query for _, query in seen.retrievers)
    assert seen.tools.count("category_analysis") == seen.tools.count("recall_experience") == done["length"]


async def test_the_catalogue_search_of_the_free_actor_is_a_run():
    seen = Watching()
    graph = graph_on(fake_dependencies(RuleModel(), fake_memory(), actor__mode="free"))
    done = await graph.ainvoke({"user": user_of("train"), "episode": "e"}, {"callbacks": [seen]}, context=CONTEXT)
    assert seen.tools.count("search_catalogue") == done["length"]


async def test_langchains_own_sum_of_tokens_is_ours():
    with get_usage_metadata_callback() as spent:
        done = await graph_on(fake_dependencies(RuleModel(), fake_memory(), **ASKED)).ainvoke(
            {"user": user_of("train"), "episode": "e0"}, context=CONTEXT
        )
    ours, (theirs,) = done["usage"], spent.usage_metadata.values()
    assert theirs["input_tokens"] == ours["prompt_tokens"]
    assert theirs["output_tokens"] == ours["completion_tokens"]
    assert theirs["input_token_details"]["cache_read"] == ours["cached_tokens"]


async def test_thoughts_and_reflections_stream_as_they_come_and_letters_do_not():
    graph = graph_on(fake_dependencies(Streaming(), fake_memory(), **ASKED))
    words: dict[str, list[str]] = {}
    async for part in graph.astream(
        {"user": user_of("train"), "episode": "e0"}, context=CONTEXT, stream_mode="messages", subgraphs=True
    ):
        _, (message, about) = cast(Any, part)
        (role,) = {"planner", "actor", "critic", "reflector"} & set(about["tags"])
        if message.text:
            words.setdefault(role, []).append(str(message.text))
    assert words["planner"][:4] == ["think ", "of ", "a ", "western "]
    assert words["reflector"] == ["think ", "of ", "a ", "western "]
    assert all(len(word) == 1 for word in words["actor"] + words["critic"]), "one message each"


class _LangSmith(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self._say({})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        received: list[dict[str, Any]] = self.server.received  # type: ignore[attr-defined]
        received.append({"id": self.path.split("/")[-1]} | body)
        self._say({})

    do_PATCH = do_POST

    def log_message(self, *_: object) -> None:
        pass

    def _say(self, what: object) -> None:
        payload = json.dumps(what).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)


async def test_opentelemetry_has_a_span_for_each_node_and_call_with_its_tokens():
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    client = Client(api_key="key", tracing_mode="otel", otel_tracer_provider=provider, info={})
    with tracing_context(enabled=True, client=client):
        await graph_on(fake_dependencies(RuleModel(), fake_memory(), **ASKED)).ainvoke(
            {"user": user_of("train"), "episode": "e0"}, context=CONTEXT
        )
    client.cleanup()  # sends what waits
    spans = {span.name: span for span in exporter.get_finished_spans()}
    assert spans.keys() >= {"recall", "plan", "act", "respond", "criticise", "reflect", "conclude"}
    for role in ("planner", "actor", "critic", "reflector"):
        told = spans[role].attributes
        assert told is not None
        assert told["gen_ai.usage.input_tokens"] == 10
        assert "Film" in str(told["gen_ai.prompt"])


@pytest.mark.enable_socket
@pytest.mark.integration
@pytest.mark.parametrize("switched_on", [True, False])
async def test_langsmith_receives_prompts_and_tokens_where_it_is_switched_on_and_nothing_else(switched_on: bool):
    server = HTTPServer(("127.0.0.1", 0), _LangSmith)
    server.received = []  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    client = Client(api_url=f"http://127.0.0.1:{server.server_port}", api_key="key", auto_batch_tracing=False)
    try:
        with tracing_context(enabled=switched_on, client=client):
            await graph_on(fake_dependencies(RuleModel(), fake_memory(), **ASKED)).ainvoke(
                {"user": user_of("train"), "episode": "e0"}, context=CONTEXT
            )
    finally:
        server.shutdown()
        server.server_close()
    runs: dict[str, dict[str, Any]] = {}
    for part in server.received:  # type: ignore[attr-defined]
        runs.setdefault(part["id"], {}).update({name: value for name, value in part.items() if value})
    if not switched_on:
        assert runs == {}
        return
    told = [run for run in runs.values() if run.get("run_type") == "llm"]
    assert {run["name"] for run in told} == {"planner", "actor", "critic", "reflector"}
    assert all("Film" in json.dumps(run["inputs"]) for run in told), "titles, as they stand in the prompts"
    assert all('"input_tokens": 10' in json.dumps(run["outputs"]) for run in told)
    assert {run["run_type"] for run in runs.values()} >= {"llm", "retriever", "tool", "chain"}
