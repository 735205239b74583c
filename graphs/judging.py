"""A state's value as the Critic sees it, with what memory knows of similar states."""

from __future__ import annotations

from dataclasses import dataclass

from billp.agents.critic import Critic, averaged_value
from billp.agents.llm.usage import Usage
from billp.agents.views import Situation
from billp.graphs.services import Services
from billp.memory.retriever import similar_states


@dataclass(frozen=True, slots=True)
class Valuation:
    """V(s) on the scale of returns, the ids of the Critic experiences that it was made with, and what it cost."""

    value: float
    remembered: tuple[str, ...]
    usage: Usage


async def judge(
    services: Services, critic: Critic | None, situation: Situation, seed: int, *, always: bool = False
) -> Valuation:
    """V of `situation`, of memory alone where there is no `critic`.

    Where memory knows as many similar states as are looked for, the LLM's word would hardly count, and it is not
    asked (`critic.ask = "thin"`), unless `always`. Raises ReplyFormatError or ModelUnavailableError as the Critic does.
    """
    limits = services.settings.memory
    targets: list[float] = []
    ids: tuple[str, ...] = ()
    if services.memory is not None and limits.values:
        found = await similar_states(
            services.memory.critic.similar,
            services.embedder,
            name="values",
            words=services.state_words(situation),
            vector=services.state_vector(situation),
            k=limits.values,
            max_distance=limits.critic_distance,
        )
        targets = [match.record.value for match in found]
        ids = tuple(match.record.id for match in found)
    known = len(targets) == limits.values > 0 and services.settings.critic.ask == "thin"
    if critic is None or (known and not always):
        return Valuation(averaged_value(None, targets, services.settings.critic), ids, Usage())
    judged = await critic.judge(situation, targets, seed)
    return Valuation(judged.value, ids, judged.usage)
