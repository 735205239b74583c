"""A person as the user: the graph stops at each item and waits for a rating, a wish, or "I leave"."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Self
from uuid import uuid4

from langgraph.types import interrupt
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from typing_extensions import TypedDict

from billp.agents.llm.abilities import STAND_IN
from billp.agents.prompt_pack import clean
from billp.errors import SettingsError
from billp.graphs.dependencies import AgentRoles, Dependencies
from billp.graphs.state import ActorObservation, Decision, Observation
from billp.graphs.titles import items_named
from billp.graphs.users import Split, Wished, is_test_user
from billp.simulators import Dataset, StepResult, Worlds

UNRATED = 1.0
"""Stars that count for an item at which a person left without rating it.

Every step needs a reward. One star is the lowest, and the one at which simulated users leave too
(`simulator.min_reward`). The person is told so with every item, and may rate and leave together.
"""
EXPECTED = (
    'give a rating from 1 to 5, say what you wish for, or "leave"; a rating goes with either, such as '
    '{"rating": 4, "wish": "something lighter"} or {"rating": 2, "leave": true, "why": "too much war"}'
)
_RATING = re.compile(r"(?P<rating>\d+)(?:\s*stars?)?\s*(?:[,;:]\s*(?P<wish>.*))?", re.IGNORECASE | re.DOTALL)
_LEAVING = re.compile(
    r"(?:(?P<rating>\d+)(?:\s*stars?)?[\s,;:]*)?(?:and\s+)?"
    r"(?:q(?:[\s,;:.-]+|$)"  # a letter alone can mean nothing else; "leave out the westerns" does
    r"|(?:i\s+|i'm\s+)?(?:leave|leaving|quit)(?:\s*[,;:.-]\s*|\s+(?=(?:because|since|as)\b)|$))(?P<why>.*)",
    re.IGNORECASE | re.DOTALL,
)


class Question(TypedDict):
    """What a person is shown: the item, and why it was chosen."""

    step: int
    horizon: int
    """Steps after which the episode ends."""
    title: str
    categories: list[str]
    year: int | None
    thought: str
    """The thought in force, after what the person asked for; empty for methods without thoughts."""
    words: str
    """The Actor's words."""
    expected: str
    """What may be answered."""
    problem: str
    """What was wrong with the last answer, or why a wish cannot be met; empty at first."""
    stand_in: str
    """A warning that the thought comes from the stand-in model, which knows nothing; else empty."""


def _no_truth_value(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("true and false are no numbers")
    return value


class PersonAnswer(BaseModel):
    """A person's answer: a rating from 1 to 5, a wish, leaving and why, or a rating with one of the two.

    Written as `4`, `"4"`, `"something lighter"`, `"4, something lighter"`, `"leave"`, `"2, leave: too much war"`,
    `{"rating": 4}` or `{"rating": 2, "leave": true, "why": "too much war"}`, the last two also as JSON text, and with
    `"step": 1` if it is to count for that step alone, as where two clients may answer.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    rating: Annotated[Annotated[int, Field(ge=1, le=5)] | None, BeforeValidator(_no_truth_value)] = None
    leave: bool = False
    wish: str = ""
    why: str = ""
    step: Annotated[Annotated[int, Field(ge=1)] | None, BeforeValidator(_no_truth_value)] = None
    """The step that is answered, if the person said so."""

    @model_validator(mode="before")
    @classmethod
    def _spelled_out(cls, value: object) -> object:
        if isinstance(value, str):
            try:
                return json.loads(value) if value.lstrip().startswith("{") else _in_words(value.strip())
            except RecursionError:
                raise ValueError("JSON that is nested too deeply") from None
        return {"rating": value} if isinstance(value, int | float) else value

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.rating is None and not self.leave and not self.wish:
            raise ValueError("neither a rating nor a wish nor leaving")
        if self.leave and self.wish:
            raise ValueError("a wish and leaving together")
        if self.why and not self.leave:
            raise ValueError("a reason for leaving without leaving")
        if self.wish and not any(char.isalpha() for char in self.wish):
            raise ValueError("a wish without words")
        return self


def _in_words(said: str) -> dict[str, object]:
    """Returns the fields of a PersonAnswer for a typed answer; what is neither a rating nor leaving is a wish."""
    if found := _LEAVING.fullmatch(said):
        return {"rating": found["rating"], "leave": True, "why": found["why"].strip()}
    if found := _RATING.fullmatch(said):
        return {"rating": found["rating"], "wish": (found["wish"] or "").strip()}
    return {"wish": said}


@dataclass(frozen=True, eq=False)
class LiveUsers:
    """Live persons, in the logs or not. Each answer interrupts the graph, which needs a checkpointer for that."""

    dataset: Dataset
    worlds: Worlds
    roles: AgentRoles | None
    """The roles whose thoughts the persons are told."""

    def new_episode(self, user: str, *, teaches: bool) -> str:
        """Returns a new name each time, so that in memory no episode overwrites an earlier one."""
        return f"live-{uuid4().hex[:8]}"

    def may_teach(self, split: Split, user: str) -> bool:
        """Returns false only if the person has the name, and so the history, of a test user."""
        return user not in self.dataset.user_keys or not is_test_user(self.dataset, self.worlds, user)

    def history(self, user: str, likes: Sequence[str], count: int) -> list[int]:
        """Returns the items named in `likes`, or those of the logs; empty for a new person who names none.

        Raises BadInputError for a title that names no item, or more than one.
        """
        if likes:
            return items_named(self.dataset.catalogue, likes)[-count:]
        if user in self.dataset.user_keys:
            return self.dataset.history(self.dataset.user_index(user), count)
        return []

    def rated(self, user: str) -> Collection[int]:
        """Returns the items rated in the logs; none for a new person, whose history is what they named."""
        if user in self.dataset.user_keys:
            return [int(item) for item in self.dataset.rated(self.dataset.user_index(user))]
        return ()

    def _stand_in(self) -> str:
        """Returns the warning, if the LLM is the stand-in; that is found out only after this object was made."""
        return "" if self.roles is None or self.roles.reflector.knows else STAND_IN

    def answer(self, split: Split, seen: ActorObservation, decision: Decision) -> StepResult | Wished:
        """Asks until the answer can be understood; at the horizon the episode ends as for simulated users.

        With each answer the node runs again from its beginning, so nothing before the interrupt may have an effect.
        """
        item, step = self.dataset.catalogue[decision["item"]], len(seen["recommended"]) + 1
        question = Question(
            step=step,
            horizon=self.worlds.train.horizon,
            title=item.title,
            categories=list(item.categories),
            year=item.year,
            thought=seen["thought"],
            words=decision["proposal"],
            expected=f"{EXPECTED}; leaving without a rating counts as {UNRATED:.0f} star",
            problem=seen["wish"]["notice"],
            stand_in=self._stand_in() if seen["thought"] else "",
        )
        while True:
            given = interrupt(question)
            try:
                verdict = PersonAnswer.model_validate(given)
            except ValidationError:
                problem = f"{clean(repr(given), 60)} is no answer; {EXPECTED}."
            else:
                if verdict.step in (None, step):
                    break
                problem = f"Step {step} is at hand, not step {verdict.step}."
            question = {**question, "problem": problem}
        if verdict.rating is None and not verdict.leave:
            return Wished(verdict.wish)
        reward = UNRATED if verdict.rating is None else float(verdict.rating)
        if verdict.leave:
            return StepResult(reward, "left", said=verdict.why)
        return StepResult(reward, "horizon" if step >= self.worlds.train.horizon else "", said=verdict.wish)

    def best(self, split: Split, seen: Observation, masked: Collection[int]) -> int:
        """Raises SettingsError, since a person's answers cannot be known in advance."""
        raise SettingsError("The method oracle knows simulated users only; choose another method for a live person.")


def own_memory(user: str) -> str:
    """Returns the name of a person's own memory; different for different users."""
    return "live/" + user.replace("%", "%25").replace("/", "%2F")


def with_persons(deps: Dependencies) -> Dependencies:
    """Returns the same dependencies with live persons for users."""
    users = LiveUsers(deps.dataset, deps.worlds, deps.roles)
    return replace(deps, users=users)
