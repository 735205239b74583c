"""Episode lines to build run folders and summaries from."""

from __future__ import annotations

from billp.agents.llm.usage import Usage
from billp.experiments.runs.episode_lines import EpisodeLine
from billp.graphs.plans import PlanState
from billp.graphs.state import Ended, Trajectory, Transition, UsageState, usage_state


def usage(**given: int) -> UsageState:
    spent = usage_state(Usage())
    spent.update(given)  # type: ignore[typeddict-item]
    return spent


def step(number: int, reward: float, reason: str) -> Transition:
    return Transition(
        number=number, thought="", plan=PlanState(aim={}, avoid={}, rest=0), experiences=[], shortlist=[],
        advantages=[], likings=[], support=[], preferences=[], relation="0-0-0", proposal="",
        item=number, title=f"Film {number}", reward=reward, reason=reason, too_close_to=-1,
        value=None, next_value=None, target=None, advantage=None, said="", nodes=[],
    )  # fmt: skip


def output(
    *rewards: float, user: str = "u0", ended: Ended = "low_reward", spent: UsageState | None = None
) -> Trajectory:
    """An episode with these rewards."""
    last = len(rewards)
    return Trajectory(
        user=user,
        episode="e",
        history=[1, 2],
        reflections=[],
        steps=[step(n, reward, ended if n == last else "") for n, reward in enumerate(rewards, start=1)],
        usage=spent or usage(),
        ended=ended,
        reflection="",
        length=last,
        reward_each=sum(rewards) / last,
        reward_trajectory=sum(rewards),
    )


def finished(
    id_: str,
    *rewards: float,
    user: str = "u0",
    seed: int = 0,
    times: tuple[float, float] = (0.0, 1.0),
    ended: Ended = "low_reward",
    spent: UsageState | None = None,
) -> EpisodeLine:
    """The line of an episode with these rewards; `times` is (started, ended)."""
    return EpisodeLine(
        id=id_, batch=0, user=user, seed=seed, split="test", method="billp", status="finished",
        started=times[0], ended=times[1], output=output(*rewards, user=user, ended=ended, spent=spent),
    )  # fmt: skip


def failed(id_: str, user: str = "u0", seed: int = 0, times: tuple[float, float] = (0.0, 1.0)) -> EpisodeLine:
    """The line of an episode that failed."""
    return EpisodeLine(
        id=id_, batch=0, user=user, seed=seed, split="test", method="billp", status="failed", error="no answer",
        started=times[0], ended=times[1],
    )  # fmt: skip
