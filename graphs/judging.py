"""A state's value as the Critic sees it, with what memory knows of similar states."""

from __future__ import annotations

import asyncio

from agents.critic import Critic, Judgement, averaged_value
from agents.models import Usage
from agents.views import Situation
from graphs.services import Services


async def judge(
    services: Services, critic: Critic | None, situation: Situation, seed: int, *, always: bool = False
) -> Judgement:
    """V of `situation`, of memory alone where there is no `critic`.

    Where memory knows as many similar states as are looked for, the LLM's word would hardly count, and it is not
    asked (`critic.ask = "thin"`), unless `always`. Raises ReplyFormatError or ModelUnavailableError as the Critic does.
    """
    limits = services.settings.memory
    remembered: list[float] = []
    if services.memory is not None and limits.values:
        found = await asyncio.to_thread(
            services.memory.critic.similar, services.state_vector(situation), limits.values, limits.critic_distance
        )
        remembered = [match.record.value for match in found]
    known = len(remembered) == limits.values > 0 and services.settings.critic.ask == "thin"
    if critic is None or (known and not always):
        return Judgement(averaged_value(None, remembered, services.settings.critic), Usage())
    return await critic.judge(situation, remembered, seed)
