"""A reply held to one of a few words: as a schema that a server enforces, or found in free words."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from billp.errors import ReplyFormatError


def one_of(choices: Sequence[str]) -> dict[str, Any]:
    """`response_format` of a JSON string that is one of `choices`."""
    schema = {"type": "string", "enum": list(choices)}
    return {"type": "json_schema", "json_schema": {"name": "choice", "strict": True, "schema": schema}}


def choices_of(response_format: Mapping[str, Any] | None) -> tuple[str, ...]:
    """The words that `response_format` allows; none where it allows anything."""
    return tuple(response_format["json_schema"]["schema"]["enum"]) if response_format else ()


def named_choice(text: str, choices: Sequence[str]) -> str:
    """The one of `choices` that `text` names, bare, in quotes or among other words.

    Raises ReplyFormatError where it names none of them, or several.
    """
    bare = text.strip().strip('"')
    if bare in choices:
        return bare
    found = {word for word in re.findall(r"-?\w+(?:[.,]\d+)*", text) if word in choices}
    if len(found) != 1:
        kind = "several" if found else "none"
        raise ReplyFormatError(f"the reply {text[:40]!r} names {kind} of {choices[0]} to {choices[-1]}")
    (one,) = found
    return str(one)
