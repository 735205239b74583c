"""The Planner: writes a thought, the plan for the next steps, from user, lessons and the steps so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from langchain_core.language_models import BaseChatModel

from billp.agents.llm.asking import Request
from billp.agents.llm.reading import Reply
from billp.agents.llm.truncation import ask_fitting
from billp.agents.llm.usage import Usage
from billp.agents.observation import AgentObservation
from billp.agents.prompt_pack import Prompt, clean
from billp.errors import ReplyFormatError
from billp.settings import PlannerSettings


@dataclass(frozen=True, slots=True)
class Thought:
    """The Planner's words and their cost."""

    text: str
    usage: Usage


@dataclass(frozen=True, slots=True)
class Known:
    """What memory tells the Planner: lessons in words, confirmed principles with their counts, and what the lessons'

    numbers say in a sentence.
    """

    reflections: Sequence[str] = ()
    principles: Sequence[str] = ()
    learned: str = ""


class Planner:
    """Writes thoughts."""

    def __init__(self, model: BaseChatModel, prompt: Prompt, settings: PlannerSettings) -> None:
        self._model = model
        self._prompt = prompt
        self._settings = settings

    async def think(self, observed: AgentObservation, known: Known, lately: Sequence[str], seed: int) -> Thought:
        """Returns the plan for the next steps, one sentence.

        Raises ReplyFormatError if the reply is empty, ModelUnavailableError if the model cannot be reached.
        """
        request = Request(
            role="planner",
            system=self._prompt.fixed,
            user="",
            temperature=self._settings.temperature,
            top_p=self._settings.top_p,
            max_tokens=self._settings.max_tokens,
            seed=seed,
        )
        values = {
            "history": observed.shown_history(),
            "reflections": [clean(text, 240) for text in known.reflections],
            "principles": [clean(text, 160) for text in known.principles],
            "steps": observed.shown_steps(self._settings.shown_steps),
            "lately": list(lately),
            "learned": clean(known.learned, 200),
        }
        text, usage = await ask_fitting(
            self._model, request, self._prompt, values, parse=one_sentence, retries=self._settings.retries
        )
        return Thought(text, usage)


def one_sentence(reply: Reply) -> str:
    """Returns the reply as one clean line; raises ReplyFormatError if it holds no word."""
    text = clean(reply.text, 400)
    if not any(char.isalpha() for char in text):
        raise ReplyFormatError(f"the reply {text!r} holds no word")
    return text
