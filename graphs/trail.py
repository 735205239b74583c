"""The nodes that each step of an episode passed, worked out from its record.

For records of earlier versions, which do not name the nodes, and for episodes that were played as arrays.
"""

from __future__ import annotations

from billp.graphs.methods import Method
from billp.graphs.state import Trajectory, Transition


def trail(method: Method, done: Trajectory, thought_steps: int, revise: float) -> list[list[str]]:
    """Returns the nodes of each step, in the order they ran, by the names of `episode_nodes`.

    The first step begins with `recall`; the last one ends with `reflect`, if there is a reflection, and `conclude`.
    A thought covered `thought_steps` steps (`planner.steps`), fewer after a reward of at most `revise`
    (`planner.revise`).
    """
    steps, age = [], thought_steps
    for position, step in enumerate(done["steps"]):
        planned = age >= thought_steps or done["steps"][position - 1]["reward"] <= revise
        age = 1 if planned else age + 1
        steps.append(_of_step(method, step, planned=planned))
    if steps:
        steps[0].insert(0, "recall")
        steps[-1] += ["reflect", "conclude"] if done["reflection"] else ["conclude"]
    return steps


def _of_step(method: Method, step: Transition, *, planned: bool) -> list[str]:
    plans = (method.thinks or method.plans) and planned
    judged = step["advantage"] is not None
    ways = [f"act:{name}" for name in _to_the_item(method, step)]
    return [*(["plan"] if plans else []), *ways, "respond", *(["criticise"] if judged else [])]


def _to_the_item(method: Method, step: Transition) -> tuple[str, ...]:
    match method.chooser:
        case "llm":
            last = ("shortlist", "choose") if step["shortlist"] else ("propose", "ground")
            return ("analyse", "retrieve", *last)
        case "memory":
            return ("weigh",)
        case "shortlist":
            return ("shortlist", "pick")
    return ("pick",)
