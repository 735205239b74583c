"""Claims: why a user left, as the Reflector says it in a fixed form, held against the episode it speaks of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import TypeAdapter, ValidationError

from billp.agents.closeness import Closeness
from billp.agents.llm.schema import object_of
from billp.agents.observation import show
from billp.agents.overlap import FARTHEST
from billp.catalogue import Item
from billp.errors import MemoryStoreError, ReplyFormatError

LOW_RATING, REPETITION, NONE = "low rating", "repetition", "none"
LOW = 2
"""Stars of a low rating, at most."""
OFTEN = 3
"""So many of the last FARTHEST items are of a kind that is shown often."""

_CAUSES = {  # what the model is asked to choose from; those that are measures are named as `Closeness` names them
    "categories": "too alike in kind",
    "text": "too alike in subject",
    "year": "too close in year",
    "few ratings": "hardly known",
    LOW_RATING: "disliked",
    REPETITION: "kind shown too often",
    NONE: "none known",
}
_LONGEST_WHY = 160  # characters of the sentence
_NO_STEP, _NO_KIND = 0, ""


@dataclass(frozen=True, slots=True)
class Claim:
    """Why a user left, as it was claimed.

    `cause` is a measure of closeness, LOW_RATING, REPETITION or NONE. `kind` is the category concerned, of the two
    last. By a measure the last item is said to be close to the one `back` steps before it, and `level` is how close it
    is; 0 where it is not. `share`, 0 to 1, is how much of the departure the learned rates put down to that. `holds`
    says whether what was claimed is what happened.
    """

    cause: str
    kind: str = _NO_KIND
    back: int = 0
    level: int = 0
    share: float = 0.0
    holds: bool = False

    @property
    def id(self) -> str:
        """Cause and object: what claims of one principle have in common."""
        return f"{self.cause}/{self.kind}" if self.kind else self.cause

    def to_json(self) -> str:
        """As memory keeps it."""
        return _ADAPTER.dump_json(self).decode()

    @classmethod
    def from_json(cls, text: str) -> Claim | None:
        """From what memory kept, None where that is nothing; raises MemoryStoreError where it is no claim."""
        try:
            return _ADAPTER.validate_json(text) if text else None
        except ValidationError as error:
            raise MemoryStoreError(f"Claim {text[:40]!r} is none; it was not written by billp.") from error

    def words(self) -> str:
        """The claim in plain words, and whether it holds."""
        if self.cause == NONE:
            return "No cause of leaving known."
        steps = "the item just before it" if self.back == 1 else f"the item {self.back} steps before it"
        of_kind = f" ({self.kind})" if self.kind else ""
        said = {
            LOW_RATING: f"the last item was disliked{of_kind}",
            REPETITION: f"its kind was shown too often{of_kind}",
            "few ratings": f"the last item, or {steps}, is hardly known",
        }.get(self.cause, f"the last item was {_CAUSES.get(self.cause, self.cause)} to {steps}")
        return f"Left: {said}." if self.holds else f"Claimed, but not what happened: {said}."


_ADAPTER = TypeAdapter(Claim)


class ClaimForm:
    """The form in which a claim about one episode is asked for, and how an answer is read and checked."""

    def __init__(self, items: Sequence[Item], rewards: Sequence[float], closeness: Closeness) -> None:
        """The episode's `items` in order and what they were rated; the user left over the last."""
        self._items, self._rewards, self._closeness = items, rewards, closeness
        self._kinds = dict(zip(show(items[-1]).categories, items[-1].categories, strict=True))
        causes = [
            *(closeness.names if len(items) > 1 else ()),
            LOW_RATING,
            *([REPETITION] if self._kinds else ()),
            NONE,
        ]
        self._causes = {_CAUSES.get(cause, cause): cause for cause in causes}

    @property
    def schema(self) -> Mapping[str, Any]:
        """JSON schema of the answer."""
        fields: dict[str, Mapping[str, Any]] = {"cause": {"type": "string", "enum": list(self._causes)}}
        if (last := len(self._items)) > 1:
            fields["step"] = {"type": "integer", "minimum": max(1, last - FARTHEST), "maximum": last - 1}
        if self._kinds:
            fields["kind"] = {"type": "string", "enum": list(self._kinds)}
        return object_of(fields | {"why": {"type": "string", "minLength": 8, "maxLength": _LONGEST_WHY}})

    def read(self, found: Mapping[str, Any]) -> Claim:
        """The claim of an answer, checked; raises ReplyFormatError where it has not the form."""
        cause = self._causes.get(str(found.get("cause")))
        if cause is None:
            raise ReplyFormatError(f"cause is {str(found.get('cause'))[:40]!r}")
        step, kind = found.get("step", _NO_STEP), self._kinds.get(str(found.get("kind")), _NO_KIND)
        if not isinstance(step, int) or isinstance(step, bool):
            raise ReplyFormatError(f"step is {str(step)[:40]!r} and no number")
        if cause in (LOW_RATING, REPETITION):
            return Claim(cause, kind, holds=self._happened(cause, kind))
        if cause == NONE:
            return Claim(cause)
        back = len(self._items) - step
        if not 1 <= back <= min(FARTHEST, len(self._items) - 1):
            return Claim(cause)
        pair = np.array([[self._items[-1].index], [self._items[-1 - back].index]], dtype=np.int64)
        level = int(self._closeness.between(*pair)[0, self._closeness.names.index(cause)])
        return Claim(cause, back=back, level=level, holds=level > 0)

    def _happened(self, cause: str, kind: str) -> bool:
        if cause == LOW_RATING:
            return self._rewards[-1] <= LOW and (bool(kind) or not self._kinds)
        before = self._items[-1 - FARTHEST : -1]
        return bool(kind) and sum(kind in item.categories for item in before) >= OFTEN
