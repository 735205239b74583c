"""Abilities of a chat model beyond answering in words; roles do without those that it lacks."""

from __future__ import annotations

from dataclasses import dataclass

from langchain_core.language_models import BaseChatModel

STAND_IN = "Stand-in model: its words carry no knowledge"
"""Shown wherever words of the stand-in model are shown."""


@dataclass(frozen=True, slots=True)
class Abilities:
    """Abilities of a chat model beyond answering in words."""

    seed: bool = True
    """The same call with the same seed gets the same reply."""
    logprobs: bool = True
    """It reports log-probabilities of the first token's alternatives."""
    schema: bool = True
    """It holds a reply to a JSON schema."""
    words: bool = True
    """Its words carry knowledge; those of the stand-in model, which only makes everything run, do not."""
    sampling: bool = True
    """It takes a temperature and top_p."""

    def lacking(self) -> list[str]:
        """Returns what it cannot do and what follows from that, one sentence each."""
        said = []
        if not self.words:
            said.append(f"{STAND_IN}; docs/how-to/llm.md names models that do better.")
        if not self.logprobs:
            instead = "one reply held to a schema" if self.schema else "one reply in words"
            said.append(f"It reports no log-probabilities; Actor and Critic read {instead} instead.")
        if not self.schema:
            said.append("It holds no reply to a schema; letters and scores are looked for in its words.")
        if not self.sampling:
            said.append("It takes no temperature and no top_p; it draws its words as its provider set it.")
        if not self.seed:
            said.append("It does not keep to a seed; runs with it cannot be repeated, but from a tape.")
        return said


def abilities_of(model: BaseChatModel) -> Abilities:
    """Returns the known abilities of `model`; all of them if they were never checked."""
    known = getattr(model, "abilities", None)
    return known if isinstance(known, Abilities) else Abilities()
