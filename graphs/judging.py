"""A state's value as the Critic sees it, with what memory knows of similar states."""

from __future__ import annotations

import asyncio

from agents.critic import Critic, Judgement
from agents.views import Situation
from graphs.services import Services


async def judge(services: Services, critic: Critic, situation: Situation, seed: int) -> Judgement:
    """V of `situation`; raises ReplyFormatError or ModelUnavailableError as the Critic does."""
    limits = services.settings.memory
    remembered: list[float] = []
    if services.memory is not None and limits.values:
        found = await asyncio.to_thread(
            services.memory.critic.similar, services.state_vector(situation), limits.values, limits.critic_distance
        )
        remembered = [match.record.value for match in found]
    return await critic.judge(situation, remembered, seed)
