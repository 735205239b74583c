"""Monte-Carlo returns: what a state turned out to be worth."""

from __future__ import annotations

from collections.abc import Sequence

from billp.agents.roles.critic import discounted_sums
from billp.graphs.state import Trajectory

_UNSEEN = 0.01
"""Share of the highest return that rewards after the horizon may add before a state's return counts as unknown."""


def monte_carlo_returns(rewards: Sequence[float], gamma: float) -> list[float]:
    """G of the state before each step: the sum of gamma^k r over the rewards from there on (Sutton & Barto, 3.3)."""
    return discounted_sums(rewards, gamma)


def known_returns(done: Trajectory, gamma: float) -> list[float | None]:
    """G of the state before each step of a finished episode, None where the horizon hides too much of it.

    Where the user left, nothing follows and every return is known. Where time ran out, m seen rewards leave out at
    most gamma^m of the highest return; a state counts while that is at most 1%, so that neither a tail is made up
    nor a cut-off sum taken for the whole.
    """
    returns = monte_carlo_returns([step["reward"] for step in done["steps"]], gamma)
    if done["ended"] != "horizon":
        return list(returns)
    return [value if gamma ** (len(returns) - position) <= _UNSEEN else None for position, value in enumerate(returns)]
