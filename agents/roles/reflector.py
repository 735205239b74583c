"""The Reflector: writes a reflection, the lesson of a finished episode."""

from __future__ import annotations

from dataclasses import dataclass, replace

from langchain_core.language_models import BaseChatModel

from billp.agents.claims import NONE, Claim, ClaimForm
from billp.agents.closeness import Closeness
from billp.agents.llm.abilities import abilities_of
from billp.agents.llm.asking import Request
from billp.agents.llm.reading import Reply
from billp.agents.llm.schema import object_in
from billp.agents.llm.truncation import ask_fitting
from billp.agents.llm.usage import Usage
from billp.agents.observation import AgentObservation
from billp.agents.prompt_pack import Prompt
from billp.agents.roles.planner import one_sentence
from billp.errors import ReplyFormatError
from billp.settings import ReflectorSettings

_SHOWN_STEPS = 8  # an episode's last steps tell why it ended; older ones would only cost tokens


@dataclass(frozen=True, slots=True)
class ReflectionText:
    """The Reflector's words and their cost; `claim` is why the user left, if it was asked for in a form."""

    text: str
    usage: Usage
    claim: Claim | None = None


class Reflector:
    """Writes reflections."""

    def __init__(
        self, model: BaseChatModel, prompt: Prompt, settings: ReflectorSettings, claim_prompt: Prompt | None = None
    ) -> None:
        """Takes the `prompt` for a free reflection, and the `claim_prompt` for one in a form."""
        self._model = model
        self._prompt = prompt
        self._claim_prompt = claim_prompt or prompt
        self._settings = settings

    @property
    def knows(self) -> bool:
        """Whether its sentences carry knowledge; those of the stand-in model do not."""
        return abilities_of(self._model).words

    async def reflect(self, observed: AgentObservation, *, left: bool, seed: int) -> ReflectionText:
        """Returns one or two sentences on the finished episode; `left` says that the user quit before the end.

        Raises ReplyFormatError if the reply is empty, ModelUnavailableError if the model cannot be reached.
        """
        request = self._request(self._prompt, self._settings.max_tokens, seed)
        values = {
            "history": observed.shown_history(),
            "steps": observed.shown_steps(_SHOWN_STEPS),
            "left": left,
        }
        text, usage = await ask_fitting(
            self._model, request, self._prompt, values, parse=one_sentence, retries=self._settings.retries
        )
        return ReflectionText(text, usage)

    async def explain(self, observed: AgentObservation, closeness: Closeness, *, seed: int) -> ReflectionText:
        """Returns why the user left: a claim, checked against the episode, and one sentence.

        A model that answers in words instead of the schema's form claims nothing; a model whose replies are not in the
        form has no words either. Raises ModelUnavailableError if it cannot be reached.
        """
        form = ClaimForm(observed.recommended, observed.rewards, closeness)
        request = self._request(self._claim_prompt, self._settings.claim_max_tokens, seed)
        request = replace(request, schema=form.schema)
        able = abilities_of(self._model)

        def parse(reply: Reply) -> tuple[Claim, str]:
            try:
                found = object_in(reply.text)
            except ReplyFormatError:
                if able.schema:
                    raise
                return Claim(NONE), one_sentence(reply)
            why = found.get("why")
            if not isinstance(why, str):
                raise ReplyFormatError(f"why is {str(why)[:40]!r} and no text")
            return form.read(found), one_sentence(replace(reply, text=why))

        values = {"history": observed.shown_history(), "steps": observed.shown_steps(_SHOWN_STEPS)}
        try:
            (claim, why), usage = await ask_fitting(
                self._model, request, self._claim_prompt, values, parse=parse, retries=self._settings.retries
            )
        except ReplyFormatError:  # the episode is kept even without its reflection
            tries = self._settings.retries + 1
            return ReflectionText("", Usage(calls=tries, format_failures=tries))
        return ReflectionText(why, usage, claim)

    def _request(self, prompt: Prompt, max_tokens: int, seed: int) -> Request:
        return Request(
            role="reflector",
            system=prompt.fixed,
            user="",
            temperature=self._settings.temperature,
            top_p=self._settings.top_p,
            max_tokens=max_tokens,
            seed=seed,
        )
