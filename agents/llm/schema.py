"""Replies in a given form, one of a few words or a small object: enforced by a schema, or found in words."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from billp.errors import ReplyFormatError


def one_of(choices: Sequence[str]) -> dict[str, Any]:
    """Returns the `response_format` of a JSON string that is one of `choices`."""
    return held_to({"type": "string", "enum": list(choices)}, "choice")


def held_to(schema: Mapping[str, Any], name: str = "answer") -> dict[str, Any]:
    """Returns the `response_format` of JSON that a JSON schema describes."""
    return {"type": "json_schema", "json_schema": {"name": name, "strict": True, "schema": dict(schema)}}


def object_of(fields: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Returns the JSON schema of an object with exactly these fields."""
    return {
        "type": "object",
        "properties": {name: dict(schema) for name, schema in fields.items()},
        "required": list(fields),
        "additionalProperties": False,
    }


def some_of(choices: Sequence[str], most: int) -> dict[str, Any]:
    """Returns the JSON schema of a list of at most `most` of `choices`."""
    return {"type": "array", "items": {"type": "string", "enum": list(choices)}, "maxItems": most}


def object_in(text: str) -> dict[str, Any]:
    """Returns the JSON object in `text`, bare or among other words; raises ReplyFormatError if there is none."""
    start, end = text.find("{"), text.rfind("}")
    try:
        found = json.loads(text[start : end + 1]) if 0 <= start < end else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise ReplyFormatError(f"the reply {text[:40]!r} is no JSON object")
    return found


def strings_in(found: Mapping[str, Any], name: str) -> list[str]:
    """Returns the texts of an object's list `name`, each once; raises ReplyFormatError if it is no such list."""
    listed = found.get(name)
    if not isinstance(listed, list) or not all(isinstance(each, str) for each in listed):
        raise ReplyFormatError(f"{name} is {str(listed)[:40]!r} and no list of texts")
    return list(dict.fromkeys(listed))


def choices_of(response_format: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Returns the words that `response_format` allows; none if it does not ask for a single word."""
    return tuple(response_format["json_schema"]["schema"].get("enum", ())) if response_format else ()


def schema_of(response_format: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Returns the schema of the object that `response_format` asks for; None if it asks for none."""
    schema = response_format["json_schema"]["schema"] if response_format else {}
    return schema if schema.get("type") == "object" else None


def named_choice(text: str, choices: Sequence[str]) -> str:
    """Returns the one of `choices` that `text` names, bare, in quotes or among other words.

    Raises ReplyFormatError if it names none of them, or several.
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
