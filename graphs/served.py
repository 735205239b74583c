"""What `langgraph dev` serves: the same state machine with other form fields, each compiled once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

from billp.graphs.dependencies import Dependencies
from billp.graphs.episode import EpisodeGraph, build_episode_graph
from billp.graphs.forms import ActOnlyContext, LiveContext, LiveInput, ReactContext, ReflexionContext, ServedContext
from billp.graphs.live import LiveDependencies
from billp.graphs.shared_dependencies import shared_dependencies
from billp.graphs.state import EpisodeContext, EpisodeInput

Name = Literal["billp", "reflexion", "react", "act_only", "live"]
_LONGEST = 10_000
"""Steps that the recursion limit lets pass; which simulator an episode takes, and its horizon, is known later."""


@dataclass(frozen=True, slots=True)
class _Form:
    context: type[EpisodeContext]
    inputs: type[EpisodeInput] = EpisodeInput


FORMS: Mapping[Name, _Form] = {
    "billp": _Form(ServedContext),
    "reflexion": _Form(ReflexionContext),
    "react": _Form(ReactContext),
    "act_only": _Form(ActOnlyContext),
    "live": _Form(LiveContext, LiveInput),
}
"""The fields that each graph shows."""


class ServedDependencies:
    """A provider of what all served graphs share, opened by the first episode that needs it."""

    async def get(self, context: EpisodeContext, user: str) -> Dependencies:
        """The dependencies for the context's dataset, memory and prompts."""
        shared = await asyncio.to_thread(shared_dependencies)  # reads settings the first time
        return await shared.get(context, user)


@cache
def served_graph(name: Name) -> EpisodeGraph:
    """The graph of that name; the same one whenever it is asked for."""
    form, deps = FORMS[name], ServedDependencies()
    provider = LiveDependencies(deps) if name == "live" else deps
    return build_episode_graph(
        provider, _LONGEST, name=name, inputs=form.inputs, context=form.context, persons=name == "live"
    )
