"""The way that a finished episode took through the graph, read off its record."""

from __future__ import annotations

from graphs.methods import Method
from graphs.state import EpisodeOutput, StepRecord


def trail(method: Method, done: EpisodeOutput, thought_steps: int) -> list[list[str]]:
    """The nodes of each step in the order they ran, named as `episode_nodes` names them.

    The first step begins with `recall`; the last one ends with `reflect`, where something was written, and
    `conclude`. `thought_steps` is how many steps a thought covered (`planner.steps`).
    """
    steps = [_of_step(method, step, thought_steps) for step in done["steps"]]
    if steps:
        steps[0].insert(0, "recall")
        steps[-1] += ["reflect", "conclude"] if done["reflection"] else ["conclude"]
    return steps


def _of_step(method: Method, step: StepRecord, thought_steps: int) -> list[str]:
    plans = method.thinks and (step["number"] - 1) % thought_steps == 0
    judged = step["advantage"] is not None
    ways = [f"act:{name}" for name in ("analyse", "retrieve", *_to_the_item(method, step))]
    return [*(["plan"] if plans else []), *ways, "respond", *(["criticise"] if judged else [])]


def _to_the_item(method: Method, step: StepRecord) -> tuple[str, ...]:
    if step["shortlist"]:
        return ("shortlist", "choose" if method.needs_llm else "pick")
    return ("propose", "ground") if method.needs_llm else ("pick",)
