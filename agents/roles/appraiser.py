"""The Appraiser: one yes-or-no question about one item, answered from the LLM's knowledge of the world."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from langchain_core.language_models import BaseChatModel

from billp.agents.llm.abilities import abilities_of
from billp.agents.llm.asking import Request, ask, first_token
from billp.agents.llm.schema import named_choice
from billp.agents.llm.usage import Usage
from billp.agents.prompt_pack import Prompt, clean
from billp.catalogue import Item
from billp.errors import ReplyFormatError

_ARTICLE = re.compile(
    r"^(?P<name>.+), (?P<article>The|An?|L[aeo]s?|L'|Il|El|I|Gli|De[rnms]?|Die|Das|Un[ae]?|Une|Het|O|Os|As)"
    r"(?P<year> \(\d{4}\))?$"
)
_ANSWERS = ("yes", "no")
_WORDS = 8  # tokens of an answer without probabilities; some models say a little more than the word
_SEED = 0


@dataclass(frozen=True, slots=True)
class Appraisal:
    """`log_odds` of yes against no in nats, None if the model gave neither answer; and the cost."""

    log_odds: float | None
    usage: Usage


class Appraiser:
    """Asks about items one by one; calls may run side by side."""

    def __init__(self, model: BaseChatModel, prompt: Prompt) -> None:
        self._model = model
        self._prompt = prompt

    async def appraise(self, item: Item) -> Appraisal:
        """Returns the log-odds from the first token's probabilities.

        If the model reports none, they come from the answer itself: 1 for yes, -1 for no. Raises ModelUnavailableError.
        """
        user = self._prompt.render(name=spoken_name(item), categories=[clean(name, 40) for name in item.categories[:3]])
        if abilities_of(self._model).logprobs:
            found, usage = await first_token(self._model, self._prompt.fixed, user, role="item", seed=_SEED)
            return Appraisal(yes_against_no(found), usage)
        asked = Request("item", self._prompt.fixed, user, 0.0, _WORDS, _SEED, choices=_ANSWERS)
        reply = await ask(self._model, asked)
        try:
            return Appraisal(1.0 if named_choice(reply.text.lower(), _ANSWERS) == "yes" else -1.0, reply.usage)
        except ReplyFormatError:
            return Appraisal(None, reply.usage)


def question_of(prompt: Prompt) -> str:
    """Returns the words of the question: other words are another question, with its own answers."""
    return f"{prompt.fixed}\n{prompt.changing}"


def spoken_name(item: Item) -> str:
    """Returns the item's usual title with its year: `The Matrix (1999)` for `Matrix, The`."""
    title = clean(item.title)
    if turned := _ARTICLE.match(title):
        article = turned["article"]
        space = "" if article.endswith("'") else " "
        title = f"{article}{space}{turned['name']}{turned['year'] or ''}"
    return title if item.year is None or f"({item.year})" in title else f"{title} ({item.year})"


def yes_against_no(first_token: Mapping[str, float]) -> float | None:
    """Returns log-odds from the log-probabilities of the first token's alternatives; None without either answer.

    Upper and lower case count alike. An answer that is not among the alternatives counts as much as the least likely of
    them.
    """
    found = dict.fromkeys(_ANSWERS, 0.0)
    for token, logprob in first_token.items():
        word = token.strip(" \t\n\"'.,!▁Ġ").lower()
        if word in found:
            found[word] += math.exp(logprob)
    if not any(found.values()):
        return None
    least = math.exp(max(min(first_token.values()), -700.0))
    yes, no = (max(found[answer], least) for answer in _ANSWERS)
    return math.log(yes) - math.log(no)
