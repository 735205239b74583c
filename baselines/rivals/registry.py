"""Every rival by name. To add one, add a line here and one in `graphs.methods.METHODS`."""

from __future__ import annotations

from collections.abc import Callable

from billp.baselines.rivals.diverse import DiverseLearned, diverse_random
from billp.baselines.rivals.dpp import dpp
from billp.baselines.rivals.linucb import LinUCB
from billp.baselines.rivals.mmr import tuned, untuned
from billp.baselines.rivals.rival import Material, Rival
from billp.baselines.rivals.round_robin import round_robin

RIVALS: dict[str, Callable[[Material], Rival]] = {
    "mmr": tuned,
    "mmr-untuned": untuned,
    "round-robin": round_robin,
    "dpp": dpp,
    "diverse-random": diverse_random,
    "diverse-learned": DiverseLearned,
    "linucb": LinUCB,
}
"""The function that makes each of them."""
