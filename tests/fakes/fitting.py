"""Answers that hold to a JSON schema, without a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def fitting(schema: Mapping[str, Any], number: int) -> object:
    """A value that a JSON schema of ours allows, chosen by `number`."""
    if schema["type"] == "object":
        return {name: fitting(part, number + place) for place, (name, part) in enumerate(schema["properties"].items())}
    if schema["type"] == "array":
        return [fitting(schema["items"], number)] if number % 3 else []
    if schema["type"] == "integer":
        return int(schema["minimum"]) + number % (schema["maximum"] - schema["minimum"] + 1)
    return str(schema["enum"][number % len(schema["enum"])]) if "enum" in schema else f"because of {number % 7}"
