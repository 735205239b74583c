"""Claims: why a user left, stated by the Reflector in a fixed form and checked against the episode."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from pydantic import Field, TypeAdapter, ValidationError

from billp.agents.closeness import Closeness
from billp.agents.llm.schema import object_of
from billp.agents.observation import show
from billp.agents.overlap import FARTHEST
from billp.catalogue import Item
from billp.errors import MemoryStoreError, ReplyFormatError

LOW_RATING, REPETITION, NONE = "low rating", "repetition", "none"
LOW = 2
"""A rating of at most this many stars is low."""
OFTEN = 3
"""A category is shown too often when this many of the last FARTHEST items have it."""

_CAUSES = {  # the choices in the prompt's words; measures have the names of `Closeness`
    "categories": "too alike in kind",
    "text": "too alike in subject",
    "year": "too close in year",
    "few ratings": "hardly known",
    LOW_RATING: "disliked",
    REPETITION: "kind shown too often",
    NONE: "none known",
}
_LONGEST_WHY = 160  # characters of the sentence
_NO_STEP, _NO_CATEGORY = 0, ""


@dataclass(frozen=True, slots=True)
class Claim:
    """Why a user left, as the Reflector claimed it.

    `cause` is a measure of closeness, LOW_RATING, REPETITION or NONE; `category` is the category concerned, for
    LOW_RATING and REPETITION. A measure claims that the last item is close to the one `back` steps before it; `level`
    is how close it is, 0 where it is not. `share`, 0 to 1, is how much of the departure the learned rates explain by
    that. `holds` says whether the claim agrees with the episode. Memory stores the category as `kind`.
    """

    cause: str
    category: Annotated[str, Field(alias="kind")] = _NO_CATEGORY
    back: int = 0
    level: int = 0
    share: float = 0.0
    holds: bool = False

    @property
    def id(self) -> str:
        """Cause and category, which the claims of one principle have in common."""
        return f"{self.cause}/{self.category}" if self.category else self.cause

    def to_json(self) -> str:
        """Returns the claim as memory keeps it."""
        return _ADAPTER.dump_json(self, by_alias=True).decode()

    @classmethod
    def from_json(cls, text: str) -> Claim | None:
        """Reads what memory kept; None for an empty text. Raises MemoryStoreError if it is not a claim."""
        try:
            return _ADAPTER.validate_json(text) if text else None
        except ValidationError as error:
            raise MemoryStoreError(f"Claim {text[:40]!r} cannot be read; it was not written by billp.") from error

    def words(self) -> str:
        """Returns the claim as a sentence that says whether it holds."""
        if self.cause == NONE:
            return "No cause of leaving known."
        steps = "the item just before it" if self.back == 1 else f"the item {self.back} steps before it"
        of_kind = f" ({self.category})" if self.category else ""
        said = {
            LOW_RATING: f"the last item was disliked{of_kind}",
            REPETITION: f"its kind was shown too often{of_kind}",
            "few ratings": f"the last item, or {steps}, is hardly known",
        }.get(self.cause, f"the last item was {_CAUSES.get(self.cause, self.cause)} to {steps}")
        return f"Left: {said}." if self.holds else f"Claimed, but not what happened: {said}."


_ADAPTER = TypeAdapter(Claim)


class ClaimForm:
    """The form in which a claim about one episode is asked for, and the reader that checks an answer."""

    def __init__(self, items: Sequence[Item], rewards: Sequence[float], closeness: Closeness) -> None:
        """Takes the episode's `items` in order and their ratings; the last item made the user leave."""
        self._items, self._rewards, self._closeness = items, rewards, closeness
        self._categories = dict(zip(show(items[-1]).categories, items[-1].categories, strict=True))
        causes = [
            *(closeness.names if len(items) > 1 else ()),
            LOW_RATING,
            *([REPETITION] if self._categories else ()),
            NONE,
        ]
        self._causes = {_CAUSES.get(cause, cause): cause for cause in causes}

    @property
    def schema(self) -> Mapping[str, Any]:
        """The JSON schema of the answer."""
        fields: dict[str, Mapping[str, Any]] = {"cause": {"type": "string", "enum": list(self._causes)}}
        if (last := len(self._items)) > 1:
            fields["step"] = {"type": "integer", "minimum": max(1, last - FARTHEST), "maximum": last - 1}
        if self._categories:
            fields["kind"] = {"type": "string", "enum": list(self._categories)}
        return object_of(fields | {"why": {"type": "string", "minLength": 8, "maxLength": _LONGEST_WHY}})

    def read(self, found: Mapping[str, Any]) -> Claim:
        """Returns the claim of an answer, checked; raises ReplyFormatError if it does not keep to the form."""
        cause = self._causes.get(str(found.get("cause")))
        if cause is None:
            raise ReplyFormatError(f"cause is {str(found.get('cause'))[:40]!r}")
        step = found.get("step", _NO_STEP)
        category = self._categories.get(str(found.get("kind")), _NO_CATEGORY)
        if not isinstance(step, int) or isinstance(step, bool):
            raise ReplyFormatError(f"step is {str(step)[:40]!r} instead of a number")
        if cause in (LOW_RATING, REPETITION):
            return Claim(cause, category, holds=self._happened(cause, category))
        if cause == NONE:
            return Claim(cause)
        back = len(self._items) - step
        if not 1 <= back <= min(FARTHEST, len(self._items) - 1):
            return Claim(cause)
        pair = np.array([[self._items[-1].index], [self._items[-1 - back].index]], dtype=np.int64)
        level = int(self._closeness.between(*pair)[0, self._closeness.names.index(cause)])
        return Claim(cause, back=back, level=level, holds=level > 0)

    def _happened(self, cause: str, category: str) -> bool:
        if cause == LOW_RATING:
            return self._rewards[-1] <= LOW and (bool(category) or not self._categories)
        before = self._items[-1 - FARTHEST : -1]
        return bool(category) and sum(category in item.categories for item in before) >= OFTEN
