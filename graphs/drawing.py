"""The state machine as a picture."""

from __future__ import annotations

from graphs.episode import build_episode_graph
from graphs.services import Services
from graphs.state import EpisodeContext


class _Nothing:
    """A provider for drawing, where no node runs."""

    async def get(self, context: EpisodeContext) -> Services:
        raise RuntimeError("a drawn graph runs no episode")


def episode_mermaid() -> str:
    """Mermaid source of the episode's graph with the Actor's subgraph opened."""
    return build_episode_graph(_Nothing(), horizon=1).get_graph(xray=True).draw_mermaid().strip()
