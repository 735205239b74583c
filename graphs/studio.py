"""The graphs that `langgraph dev` serves; `langgraph.json` names the functions here.

Each is the same state machine with other form fields. Data, memory and model are opened by the first episode that
needs them, and shared by all.
"""

from __future__ import annotations

from graphs.episode import EpisodeGraph, build_episode_graph
from graphs.forms import ActOnlyContext, LiveContext, LiveInput, ReactContext, ReflexionContext
from graphs.live import LiveServices
from graphs.services import ServiceProvider
from graphs.state import EpisodeContext, EpisodeInput
from graphs.workshop import shared_services
from settings import load_settings
from simulators import built_horizons


def billp() -> EpisodeGraph:
    """BiLLP, and by its field `method` every other method."""
    return _graph("billp", EpisodeContext)


def reflexion() -> EpisodeGraph:
    """Reflexion: thoughts, and the latest reflections."""
    return _graph("reflexion", ReflexionContext)


def react() -> EpisodeGraph:
    """ReAct: thoughts, no memory."""
    return _graph("react", ReactContext)


def act_only() -> EpisodeGraph:
    """Acting alone."""
    return _graph("act_only", ActOnlyContext)


def live() -> EpisodeGraph:
    """A person is the user: each item interrupts the graph, and is answered by a rating or by "leave"."""
    return _graph("live", LiveContext, inputs=LiveInput, provider=LiveServices(shared_services()))


def _graph(
    name: str,
    context: type[EpisodeContext],
    *,
    inputs: type[EpisodeInput] = EpisodeInput,
    provider: ServiceProvider | None = None,
) -> EpisodeGraph:
    settings = load_settings()
    # Which dataset an episode takes is known only when it starts, so the limit lets the longest one pass.
    horizon = max([settings.simulator.horizon, *built_horizons(settings.data)])
    return build_episode_graph(provider or shared_services(), horizon, name=name, inputs=inputs, context=context)
