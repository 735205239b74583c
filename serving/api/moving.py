"""Moves the graph of a session from one question to the next, and reads its state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from langchain_core.messages import AIMessageChunk
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.types import Command

from billp.graphs.episode import EpisodeGraph
from billp.graphs.forms import LiveContext, LiveInput
from billp.graphs.live import Question
from billp.graphs.running import in_full, traced
from billp.graphs.state import Trajectory
from billp.serving.api.feed import Event, Feed
from billp.serving.api.lending import Lender
from billp.serving.api.prometheus import Metrics
from billp.serving.api.service_records import SessionRow

_CHANNELS = [*Trajectory.__annotations__, "decision", "messages"]
_BEFORE_ANY = -2  # LangGraph's step of a thread without checkpoints; input is step -1

Move = LiveInput | Command[Any] | None


@dataclass(frozen=True, slots=True)
class Moment:
    """The state of a session's graph."""

    values: Mapping[str, Any]
    question: Question | None
    """The question that waits for an answer."""
    over: bool

    @property
    def heard(self) -> int:
        """How many answers it has taken; the conversation holds what each said."""
        return sum(message.type == "human" for message in self.values.get("messages", []))


class Mover:
    """Runs the graph for all sessions. The caller holds the session's lock."""

    def __init__(
        self, graph: EpisodeGraph, saver: BaseCheckpointSaver[Any], lender: Lender, metrics: Metrics, *, run: str,
        seed: int,
    ) -> None:  # fmt: skip
        """Takes the graph, its store and dependencies; `run` names the service in memories."""
        self._graph, self._saver, self._lender, self._metrics = graph, saver, lender, metrics
        self._run, self._seed = run, seed

    async def stored(self, id_: str) -> Moment:
        """Returns the state of the graph in the checkpoints.

        LangGraph writes an empty checkpoint before a thread's first one. A process that dies between the two leaves
        a session that has not begun.
        """
        state = await self._graph.aget_state(_thread(id_))
        if (state.metadata or {}).get("step", _BEFORE_ANY) <= _BEFORE_ANY:
            return Moment({}, None, over=False)
        question = cast(Question, state.interrupts[0].value) if state.interrupts else None
        return Moment(state.values, question, over=bool(state.values) and not state.next)

    async def moved(self, row: SessionRow, feed: Feed, move: Move) -> Moment:
        """Runs the graph until it waits or ends; sends events to `feed` meanwhile."""
        values: Mapping[str, Any] = {}
        question: Question | None = None
        async with self._lender.lent(row.method, row.memory) as deps:
            context = in_full(LiveContext(method=row.method, seed=self._seed, run=self._run, learn=row.teaches), deps)
            config: RunnableConfig = {**_thread(row.id), **traced(context)}
            modes: list[Any] = ["values", "updates", *(["messages"] if feed.heard else [])]
            clock = self._metrics.clock()
            told: Any
            # A request is one write: unfinished work is done again from the accepted answer.
            async for mode, told in self._graph.astream(
                move, config, context=context, stream_mode=modes, output_keys=_CHANNELS, durability="exit"
            ):
                if mode == "values":
                    values = told if "__interrupt__" not in told else values
                elif mode == "messages":
                    _tell_words(feed, *told)
                elif "__interrupt__" in told:
                    question = told["__interrupt__"][0].value
                else:
                    for node in told:
                        clock.done(node)
                        feed.tell(Event("node", {"node": node}))
        return Moment(values, question, over=question is None)

    async def forget(self, id_: str) -> None:
        """Deletes the checkpoints of a session."""
        await self._saver.adelete_thread(id_)


def _thread(id_: str) -> RunnableConfig:
    return {"configurable": {"thread_id": id_}}


def _tell_words(feed: Feed, chunk: object, about: Mapping[str, Any]) -> None:
    """Sends the Planner's words alone: the other roles reply with letters and numbers."""
    if about.get("langgraph_node") == "plan" and isinstance(chunk, AIMessageChunk) and chunk.text:
        feed.tell(Event("words", {"text": str(chunk.text)}))
