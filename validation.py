"""Describes in words what pydantic finds wrong with a value."""

from __future__ import annotations

from pydantic_core import ErrorDetails

_LONGEST = 80
_ABOUT_NAMES = {"missing": " is missing", "extra_forbidden": " is no name that is known here"}
_PLAIN = {
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing_size": "a smaller number",
    "float_parsing": "a number",
    "float_type": "a number",
    "greater_than": "above {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "below {lt}",
    "less_than_equal": "at most {le}",
    "literal_error": "{expected}",
    "string_too_short": "not empty",
    "string_type": "a text",
    "path_type": "a path",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a JSON object",
    "finite_number": "a finite number",
}


def fault(error: ErrorDetails, *, secret: bool = False) -> str:
    """Returns what is wrong with a value, to follow its name: " must be a number, not 'x'" or ": ...".

    A `secret` value is not repeated.
    """
    if error["type"] in _ABOUT_NAMES:
        return _ABOUT_NAMES[error["type"]]
    said = _PLAIN.get(error["type"])
    if said is None:
        return f": {error['msg'].removeprefix('Value error, ')}"
    given = "" if secret else f", not {_short(error['input'])}"
    return f" must be {said.format(**error.get('ctx', {}))}{given}"


def _short(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}..."
