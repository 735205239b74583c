"""What is wrong with a command line, in a sentence of the same form as all other errors."""

from __future__ import annotations

import re
from typing import Any, get_args

from pydantic import ValidationError

from billp.names import did_you_mean, there_is_no
from billp.validation import fault

_COMMAND = re.compile(r"No such command (['\"])(.*?)\1", re.DOTALL)
_TOO_MANY = re.compile(r"Got unexpected extra arguments?(?:\(s\))? \((.*)\)", re.DOTALL)


def usage_fault(error: Any) -> str:  # noqa: ANN401 -- Typer keeps the classes of these errors to itself
    """Returns a sentence on what Typer found wrong, with names like those that do not exist, and where to look.

    It is empty where a group of commands was given none, as its help was printed.
    """
    if isinstance(error.__cause__, ValidationError):
        return _value_fault(error.param, error.__cause__)
    context: Any = getattr(error, "ctx", None)
    look = "" if context is None else f"; see `{context.command_path} --help`"
    match type(error).__name__:
        case "NoArgsIsHelpError":
            return ""
        case "NoSuchOption":
            flags = [flag for each in context.command.params if not each.hidden for flag in each.opts]
            said = f"There is no option {error.option_name}{did_you_mean(error.option_name, flags)}"
        case "MissingParameter":
            said = f"{_named(error.param)} is missing"
        case "BadOptionUsage":
            said = f"{error.option_name} needs a value"
        case "BadParameter":
            said = f"{error.param_hint or _named(error.param)}: {error.message.rstrip('.')}"
            look = ""
        case _ if found := _COMMAND.match(error.message):
            said = f"There is no command {found[2]!r}{did_you_mean(found[2], list(context.command.commands))}"
        case _ if found := _TOO_MANY.match(error.message):
            said = f"That is too much: {found[1]}"
        case _:
            said = error.message.rstrip(".")
    return f"{said}{look}."


def _value_fault(parameter: Any, cause: ValidationError) -> str:  # noqa: ANN401 -- as above
    name, error = _named(parameter), cause.errors()[0]
    choices = get_args(parameter.type_descriptor.annotation)
    if error["type"] == "value_error" and choices:
        return there_is_no(name, str(error["input"]), [str(choice) for choice in choices])
    low, high = parameter.min, parameter.max
    if low is not None and high is not None and error["type"] in ("greater_than_equal", "less_than_equal"):
        return f"{name} must be from {low} to {high}, not {error['input']}."
    return f"{name}{fault(error)}."


def _named(parameter: Any) -> str:  # noqa: ANN401 -- as above
    """Returns the long flag of an option, or the name of an argument as help shows it."""
    if parameter.opts and parameter.opts[0].startswith("-"):
        return str(max(parameter.opts, key=len))
    return str(parameter.metavar or parameter.name.upper()).split()[0]
