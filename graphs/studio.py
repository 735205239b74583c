"""The graphs that `langgraph dev` serves; `langgraph.json` names the functions here.

Each is the same state machine with other form fields. Data, memory and model are opened by the first episode that
needs them, and shared by all. The functions are called for every request, in the server's event loop, so that what
reads files in them runs in a thread.
"""

from __future__ import annotations

import asyncio

from graphs.episode import EpisodeGraph, build_episode_graph
from graphs.forms import ActOnlyContext, LiveContext, LiveInput, ReactContext, ReflexionContext
from graphs.live import LiveServices
from graphs.services import ServiceProvider
from graphs.shared_services import shared_services
from graphs.state import EpisodeContext, EpisodeInput
from settings import load_settings
from simulators import built_horizons


async def billp() -> EpisodeGraph:
    """BiLLP, and by its field `method` every other method."""
    return await asyncio.to_thread(_graph, "billp", EpisodeContext)


async def reflexion() -> EpisodeGraph:
    """Reflexion: thoughts, and the latest reflections."""
    return await asyncio.to_thread(_graph, "reflexion", ReflexionContext)


async def react() -> EpisodeGraph:
    """ReAct: thoughts, no memory."""
    return await asyncio.to_thread(_graph, "react", ReactContext)


async def act_only() -> EpisodeGraph:
    """Acting alone."""
    return await asyncio.to_thread(_graph, "act_only", ActOnlyContext)


async def live() -> EpisodeGraph:
    """A person is the user: each item interrupts the graph, and is answered by a rating or by "leave"."""
    return await asyncio.to_thread(_graph, "live", LiveContext, inputs=LiveInput, persons=True)


def _graph(
    name: str,
    context: type[EpisodeContext],
    *,
    inputs: type[EpisodeInput] = EpisodeInput,
    persons: bool = False,
) -> EpisodeGraph:
    settings = load_settings()
    # Which dataset an episode takes is known only when it starts, so the limit lets the longest one pass.
    horizon = max([settings.simulator.horizon, *built_horizons(settings.data)])
    services = shared_services()
    provider: ServiceProvider = LiveServices(services) if persons else services
    return build_episode_graph(provider, horizon, name=name, inputs=inputs, context=context)
