"""A state's value as the Critic sees it, with what memory knows of similar states."""

from __future__ import annotations

from dataclasses import dataclass

from billp.agents.llm.usage import Usage
from billp.agents.observation import AgentObservation
from billp.agents.roles.critic import Critic, averaged_value
from billp.graphs.dependencies import Dependencies
from billp.memory.retriever import similar_states


@dataclass(frozen=True, slots=True)
class ValueEstimate:
    """V(s) on the scale of returns, the ids of the Critic experiences that it was made with, and what it cost."""

    value: float
    remembered: tuple[str, ...]
    usage: Usage


async def judge(
    deps: Dependencies, critic: Critic | None, observed: AgentObservation, seed: int, *, always: bool = False
) -> ValueEstimate:
    """V of `observed`, of memory alone where there is no `critic`.

    Where memory knows as many similar states as are looked for, the LLM's word would hardly count, and it is not
    asked (`critic.ask = "thin"`), unless `always`. Raises ReplyFormatError or ModelUnavailableError as the Critic does.
    """
    limits = deps.settings.memory
    targets: list[float] = []
    ids: tuple[str, ...] = ()
    if deps.memory is not None and limits.values:
        found = await similar_states(
            deps.memory.critic.similar,
            deps.embedder,
            name="values",
            words=deps.state_words(observed),
            vector=deps.state_vector(observed),
            k=limits.values,
            max_distance=limits.critic_distance,
        )
        targets = [match.record.value for match in found]
        ids = tuple(match.record.id for match in found)
    known = len(targets) == limits.values > 0 and deps.settings.critic.ask == "thin"
    if critic is None or (known and not always):
        return ValueEstimate(averaged_value(None, targets, deps.settings.critic), ids, Usage())
    judged = await critic.judge(observed, targets, seed)
    return ValueEstimate(judged.value, ids, judged.usage)
