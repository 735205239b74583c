"""One episode as text: thought, proposal, item, reward, value, advantage, why it ended."""

from __future__ import annotations

from billp.experiments.numbers import fixed, signed
from billp.experiments.outcomes import outcome_reason
from billp.graphs.state import EpisodeOutput, StepRecord


def trace(done: EpisodeOutput) -> str:
    """The episode, a paragraph a step."""
    lines = [f"Episode {done['episode']}, user {done['user']}"]
    lines += [f"  lesson recalled: {reflection['text']}" for reflection in done["reflections"]]
    for step in done["steps"]:
        lines += ["", *_step(step, done)]
    if done["reflection"]:
        lines += ["", f"Reflection: {done['reflection']}"]
    lines += [
        "",
        f"Ended after {done['length']} steps: the user {outcome_reason(done['ended']).words}.",
        f"Len {done['length']}   R_each {fixed(done['reward_each'], 2)}   R_traj {fixed(done['reward_trajectory'], 1)}",
        f"{done['usage']['calls']} LLM calls, {done['usage']['prompt_tokens']} prompt tokens "
        f"({done['usage']['cached_tokens']} cached), {done['usage']['completion_tokens']} completion tokens",
    ]
    return "\n".join(lines)


def _step(step: StepRecord, done: EpisodeOutput) -> list[str]:
    lines = [f"Step {step['number']}"]
    if step["thought"]:
        lines.append(f"  thought    {step['thought']}")
    # Of a shortlist nobody asked the LLM about, memory chose, and the proposal is only its item's title.
    if step["proposal"] and (step["preferences"] or not step["shortlist"]):
        lines.append(f"  proposal   {step['proposal']}")
    lines.append(f"  item       {step['title']}")
    lines.append(f"  reward     {step['reward']:.3g} of 5")
    if step["value"] is not None and step["advantage"] is not None:
        lines.append(f"  value      {fixed(step['value'], 2)}")
        lines.append(f"  advantage  {signed(step['advantage'], 2)}")
    if step["too_close_to"] >= 0:
        earlier = next((s for s in reversed(done["steps"]) if s["item"] == step["too_close_to"]), None)
        if earlier is not None:
            lines.append(f"  {outcome_reason(step['reason']).earlier} {earlier['title']} (step {earlier['number']})")
    return lines
