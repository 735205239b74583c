"""The Actor's input."""

from __future__ import annotations

from dataclasses import dataclass

from billp.agents.observation import AgentObservation, titles
from billp.agents.prompt_pack import clean
from billp.agents.tools import CategoryAnalysis
from billp.catalogue import Item

_SHOWN_EXPERIENCES = (
    1  # experiences in the prompt that went well, and as many that went badly; each costs about ten tokens a step
)


@dataclass(frozen=True, slots=True)
class ActorInput:
    """The Actor's input: user, thought, the tool's analysis, items that went well or badly."""

    observed: AgentObservation
    thought: str
    analysis: CategoryAnalysis
    encouraged: tuple[Item, ...] = ()
    discouraged: tuple[Item, ...] = ()

    def words(self, shown_steps: int) -> dict[str, object]:
        """Returns the input as prompt variables, in clean words, with at least `shown_steps` of the last steps."""
        return {
            "history": self.observed.shown_history(),
            "steps": self.observed.shown_steps(shown_steps),
            "thought": clean(self.thought, 400),
            "lately": [clean(category, 40) for category in self.analysis.lately],
            "fresh": [clean(category, 40) for category in self.analysis.fresh],
            "encouraged": titles(self.encouraged)[:_SHOWN_EXPERIENCES],
            "discouraged": titles(self.discouraged)[:_SHOWN_EXPERIENCES],
        }
