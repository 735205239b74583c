"""One episode as text: thought, proposal, item, reward, value, advantage, why it ended."""

from __future__ import annotations

from billp.experiments.stats.numbers import fixed, signed
from billp.reports.episode_view import EpisodeView, StepView


def trace(told: EpisodeView) -> str:
    """Returns the episode, one paragraph per step."""
    return EpisodeText().remaining(told)


class EpisodeText:
    """The text of an episode in pieces while it runs; joined by line breaks they are its `trace`."""

    def __init__(self) -> None:
        self._begun, self._steps, self._thought = False, 0, ""

    def more(self, told: EpisodeView) -> str:
        """Returns what happened since the last piece."""
        lines = [] if self._begun else _beginning(told)
        for step in told.steps[self._steps :]:
            lines += ["", step_text(step, after=self._thought)]
            self._thought = step.thought
        self._begun, self._steps = True, len(told.steps)
        return "\n".join(lines)

    def remaining(self, told: EpisodeView) -> str:
        """Returns what happened since the last piece, and how it ended."""
        begun = self._begun and self._steps == len(told.steps)
        return "\n".join([*([] if begun else [self.more(told)]), *_end(told)])


def _beginning(told: EpisodeView) -> list[str]:
    lines = [f"Episode {told.head.id}, user {told.head.user}"]
    lines += [f"  {told.note}"] if told.note else []
    lines += [f"  reflection recalled: {reflection.text}" for reflection in told.recalled]
    return lines + [f"  principle {words}" for words in told.principles]


def _end(told: EpisodeView) -> list[str]:
    head = told.head
    lines = ["", f"Reflection: {told.reflection}"] if told.reflection else []
    if head.length is None or head.r_traj is None or told.r_each is None:
        return [*lines, "", told.error]
    return [
        *lines,
        "",
        f"Ended after {head.length} steps: the user {told.ended}.",
        f"Len {head.length}   R_each {fixed(told.r_each, 2)}   R_traj {fixed(head.r_traj, 1)}",
        f"{told.calls} LLM calls, {told.prompt_tokens} prompt tokens ({told.cached_tokens} cached), "
        f"{told.completion_tokens} completion tokens",
    ]


def step_text(step: StepView, after: str = "") -> str:
    """Returns one step, a line for each part that it has; the thought only if it is not the one `after` before."""
    lines = [f"Step {step.number}"]
    if step.thought and step.thought != after:
        lines.append(f"  thought    {step.thought}")
    # Memory chose from a shortlist that no LLM was asked about; the proposal is only its item's title.
    if step.proposal and (not step.candidates or any(each.llm is not None for each in step.candidates)):
        lines.append(f"  proposal   {step.proposal}")
    lines.append(f"  item       {step.item.title}")
    lines.append(f"  reward     {step.reward:.3g} of 5")
    if step.value is not None and step.advantage is not None:
        lines.append(f"  value      {fixed(step.value, 2)}")
        lines.append(f"  advantage  {signed(step.advantage, 2)}")
    if step.earlier is not None and step.earlier_step is not None:
        lines.append(f"  {step.because} {step.earlier.title} (step {step.earlier_step})")
    return "\n".join(lines)
