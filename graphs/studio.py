"""The graphs that `langgraph dev` serves; `langgraph.json` names the functions here."""

from __future__ import annotations

from graphs.episode import EpisodeGraph, build_episode_graph
from graphs.workshop import LazyServices
from settings import load_settings


def billp() -> EpisodeGraph:
    """The episode graph; data, memory and model are opened by the first episode that needs them."""
    settings = load_settings()
    return build_episode_graph(LazyServices(settings), settings.simulator.horizon)
