"""The Reflector: from a finished episode to a reflection, the lesson for next time."""

from __future__ import annotations

from dataclasses import dataclass

from langchain_core.language_models import BaseChatModel

from billp.agents.llm.abilities import abilities_of
from billp.agents.llm.asking import Request
from billp.agents.llm.truncation import ask_fitting
from billp.agents.llm.usage import Usage
from billp.agents.planner import one_sentence
from billp.agents.prompt_pack import Prompt
from billp.agents.views import Situation
from billp.settings import ReflectorSettings

_SHOWN_STEPS = 8  # an episode's last steps tell why it ended; older ones would only cost tokens


@dataclass(frozen=True, slots=True)
class Lesson:
    """The Reflector's words and what they cost."""

    text: str
    usage: Usage


class Reflector:
    """Writes reflections."""

    def __init__(self, model: BaseChatModel, prompt: Prompt, settings: ReflectorSettings) -> None:
        self._model = model
        self._prompt = prompt
        self._settings = settings

    @property
    def knows(self) -> bool:
        """Whether its sentences carry knowledge; those of the stand-in model do not."""
        return abilities_of(self._model).words

    async def reflect(self, situation: Situation, *, left: bool, seed: int) -> Lesson:
        """One or two sentences on the finished episode; `left` says that the user quit before the end.

        Raises ReplyFormatError when the model stays silent, ModelUnavailableError when it cannot be reached.
        """
        request = Request(
            role="reflector",
            system=self._prompt.fixed,
            user="",
            temperature=self._settings.temperature,
            top_p=self._settings.top_p,
            max_tokens=self._settings.max_tokens,
            seed=seed,
        )
        values = {
            "history": situation.shown_history(),
            "steps": situation.shown_steps(_SHOWN_STEPS),
            "left": left,
        }
        text, usage = await ask_fitting(
            self._model, request, self._prompt, values, parse=one_sentence, retries=self._settings.retries
        )
        return Lesson(text, usage)
