"""The part of Jinja2 that prompts may use: nothing in it can hang or fill the memory."""

from __future__ import annotations

from collections.abc import Callable

import jinja2
from jinja2 import nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from billp.errors import PromptError

_DEEPEST = 2  # nested loops
_FILTERS = (
    "abs", "capitalize", "count", "d", "default", "e", "escape", "first", "float", "int", "join", "last", "length",
    "list", "lower", "map", "max", "min", "reject", "rejectattr", "replace", "reverse", "round", "select",
    "selectattr", "sort", "string", "sum", "title", "trim", "truncate", "unique", "upper", "wordcount",
)  # fmt: skip
_REFUSED: dict[type[nodes.Node], str] = {
    nodes.Call: "a call",
    nodes.CallBlock: "a call block",
    nodes.Macro: "a macro",
    nodes.Pow: "a power",
    nodes.Mul: "a product",
    nodes.Mod: "a remainder or a format",
    nodes.Include: "an include",
    nodes.Import: "an import",
    nodes.FromImport: "an import",
    nodes.Extends: "an extends",
}


def prompt_environment(finalize: Callable[[object], object]) -> jinja2.Environment:
    """Returns a sandbox without functions, with filters that keep texts short; inserts pass `finalize`."""
    environment = ImmutableSandboxedEnvironment(
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False, finalize=finalize,
        optimized=False,  # otherwise constant expressions would be computed before they are checked
    )  # fmt: skip
    environment.globals.clear()
    environment.filters = {name: environment.filters[name] for name in _FILTERS}
    return environment


def check_language(template: nodes.Template, where: str) -> None:
    """Raises PromptError if a parsed template uses something forbidden; `where` names the file."""
    for kind, words in _REFUSED.items():
        found = next(template.find_all(kind), None)
        if found is not None:
            raise PromptError(f"{where} uses {words} (line {found.lineno}); prompts only insert, choose and loop.")
    for assigned in template.find_all((nodes.Assign, nodes.AssignBlock)):
        if next(assigned.find_all((nodes.Concat, nodes.Add)), None) is not None:
            raise PromptError(f"{where} sets a variable to a sum (line {assigned.lineno}); insert the parts instead.")
    _check_loops(template, where, 0)


def _check_loops(node: nodes.Node, where: str, depth: int) -> None:
    for child in node.iter_child_nodes():
        deeper = depth + isinstance(child, nodes.For)
        if isinstance(child, nodes.For) and (child.recursive or deeper > _DEEPEST):
            raise PromptError(
                f"{where} loops in loops in loops (line {child.lineno}); prompts loop {_DEEPEST} deep at most."
            )
        _check_loops(child, where, deeper)
