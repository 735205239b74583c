"""The state machine as Mermaid source, and its nodes and edges for other drawings."""

from __future__ import annotations

from dataclasses import dataclass

from langchain_core.runnables.graph import Graph

from billp.graphs.dependencies import Dependencies
from billp.graphs.episode import build_episode_graph
from billp.graphs.state import EpisodeContext

_MARKS = ("__start__", "__end__")  # LangGraph's own nodes at the ends of a graph


@dataclass(frozen=True, slots=True)
class Edge:
    """An edge between two nodes; `conditional` if a router decides whether it is taken."""

    source: str
    target: str
    conditional: bool


def episode_mermaid() -> str:
    """Returns the Mermaid source of the episode's graph, the Actor's subgraph included."""
    return _drawn().draw_mermaid().strip()


def episode_nodes() -> list[str]:
    """Returns the names of all nodes; those of the Actor's subgraph are `act:NAME`."""
    return [name for name in _drawn().nodes if not name.endswith(_MARKS)]


def episode_edges() -> list[Edge]:
    """Returns the edges between `episode_nodes`; those at the border of the Actor's subgraph join its nodes."""
    edges = [Edge(edge.source, edge.target, edge.conditional) for edge in _drawn().edges]
    after = {edge.source: edge.target for edge in edges if edge.source.endswith(":__end__")}
    first: dict[str, list[str]] = {}
    for edge in edges:
        if edge.source.endswith(":__start__"):
            first.setdefault(edge.source, []).append(edge.target)
    spliced = [
        Edge(edge.source, target, edge.conditional or edge.target in first)
        for edge in edges
        for target in first.get(edge.target, [after.get(edge.target, edge.target)])
    ]
    return [edge for edge in spliced if not edge.source.endswith(_MARKS) and not edge.target.endswith(_MARKS)]


def _drawn() -> Graph:
    return build_episode_graph(_nothing, horizon=1).get_graph(xray=True)


async def _nothing(context: EpisodeContext, user: str) -> Dependencies:
    raise RuntimeError("a drawn graph runs no episode")
