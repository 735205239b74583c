"""Fills the reference pages from the program itself, each time the documentation is built.

A page says with a line such as `{{ settings }}` where its generated part comes.
"""

from __future__ import annotations

import json
from typing import Any, cast

import click
import typer
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Puts the generated part into a page of the reference."""
    for name, written in _WRITTEN.items():
        place = f"{{{{ {name} }}}}"
        if place in markdown:
            markdown = markdown.replace(place, "\n".join(written()))
    return markdown


def _commands() -> list[str]:
    from billp.cli import app

    return _command(typer.main.get_command(app), "billp", depth=1)


def _command(command: click.Command, path: str, depth: int) -> list[str]:
    lines: list[str] = []
    if depth > 1:
        lines += [f"{'#' * min(depth, 3)} {path}", "", _text(command.help or ""), ""]
        arguments = [p for p in command.params if p.param_type_name == "argument"]
        options = [p for p in command.params if p.param_type_name == "option" and "--help" not in p.opts]
        options = [p for p in options if not getattr(p, "hidden", False)]  # old names
        if arguments or options:
            words = " ".join(str(p.metavar or (p.name or "").upper()) for p in arguments)
            lines += [f"`{path} {'[OPTIONS] ' if options else ''}{words}`".replace(" `", "`"), ""]
        if options:
            lines += ["| option | meaning | default |", "| --- | --- | --- |"]
            lines += [_option(option) for option in options]
            lines.append("")
    for name, child in getattr(command, "commands", {}).items():
        if not child.hidden:
            lines += _command(child, f"{path} {name}", depth + 1)
    return lines


def _option(option: click.Parameter) -> str:
    names = ", ".join(f"`{name}`" for name in option.opts)
    meaning = _cell(str(getattr(option, "help", "") or ""))
    default = option.default
    shown = "" if default is None or callable(default) or default in (False, ()) else f"`{default}`"
    return f"| {names} | {meaning}{' (required)' if option.required else ''} | {shown} |"


def _settings() -> list[str]:
    from billp.settings import Settings, setting_fields

    lines = list(_SETTINGS_HEAD)
    before = ""
    for name, field in setting_fields().items():
        section = name.rpartition(".")[0]
        if section != before:
            about = (cast(type, Settings.model_fields[section].annotation).__doc__ or "").strip().splitlines()
            lines += ["", f"## {section}", "", _text(about[0] if about else ""), "", *_SETTINGS_HEAD]
            before = section
        lines.append(_setting(name, field.get_default(call_default_factory=True), field.description))
    return lines


def _setting(name: str, default: object, meaning: str | None) -> str:
    from pydantic import SecretStr
    from pydantic_core import PydanticUndefined

    hidden = default is None or default is PydanticUndefined or isinstance(default, SecretStr) or default == ""
    shown = "" if hidden or "data_dir" in name else f"`{_cell(str(default))}`"
    return f"| `{name}` | {shown} | {_cell(meaning or '')} |"


def _methods() -> list[str]:
    from billp.graphs.methods import METHODS, Method

    def row(method: Method) -> str:
        marks = (method.thinks, method.macro, method.micro, method.uses_logs, method.trains)
        yes = " | ".join("yes" if mark else "" for mark in marks)
        return f"| `{method.name}` | {_CHOOSERS[method.chooser]} | {yes} |"

    head = ["method", "who chooses", "Planner", "macro memory", "micro memory", "reads logs", "learns or is tuned"]
    return [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}", *(row(method) for method in METHODS.values())]


def _episode_line() -> list[str]:
    from billp.experiments.runs.episode_lines import EpisodeLine

    schema = EpisodeLine.model_json_schema(mode="serialization")
    lines = _fields(schema)
    for name, part in sorted(schema.get("$defs", {}).items()):
        if "properties" in part:
            about = _text(str(part.get("description", "")).split("\n\n", maxsplit=1)[0])
            lines += [f"### {name}", "", about, "", *_fields(part)]
    return lines


def _fields(part: dict[str, Any]) -> list[str]:
    lines = ["| field | type | meaning |", "| --- | --- | --- |"]
    for name, field in part.get("properties", {}).items():
        lines.append(f"| `{name}` | {_kind(field)} | {_cell(str(field.get('description', '')))} |")
    return [*lines, ""]


def _kind(field: dict[str, Any]) -> str:
    if "$ref" in field:
        return field["$ref"].rsplit("/", 1)[-1]
    if "anyOf" in field:
        return " or ".join(_kind(option) for option in field["anyOf"])
    if "enum" in field:
        return " or ".join(f"`{value}`" for value in field["enum"])
    if field.get("type") == "array":
        return f"list of {_kind(field.get('items', {}))}"
    return str(field.get("type", "any"))


def _http() -> list[str]:
    from fastapi import FastAPI

    from billp.serving.api.problems import add_problems
    from billp.serving.api.routes import router

    api = FastAPI(title="billp", version="1")
    api.include_router(router)
    add_problems(api)
    schema = api.openapi()
    lines: list[str] = []
    for path, methods in schema["paths"].items():
        for method, asked in methods.items():
            lines += [
                f"## {method.upper()} {path}",
                "",
                _text(asked.get("summary", "")) + ".",
                "",
                _text(asked.get("description", "")),
                "",
            ]
            body = asked.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
            if body:
                lines += ["Body:", "", *_fields(_resolved(body, schema))]
            good = next((answer for status, answer in asked["responses"].items() if status.startswith("2")), {})
            shape = good.get("content", {}).get("application/json", {}).get("schema")
            if shape and _resolved(shape, schema).get("properties"):
                lines += ["Answer:", "", *_fields(_resolved(shape, schema))]
            example = _resolved(body, schema).get("examples") if body else None
            if example:
                lines += ["```json", json.dumps(example[0], indent=2), "```", ""]
    return lines


def _resolved(part: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in part:
        return part
    return cast(dict[str, Any], schema["components"]["schemas"][part["$ref"].rsplit("/", 1)[-1]])


def _text(words: str) -> str:
    return words.replace("\b", "").replace("<", "&lt;").strip()


def _cell(words: str) -> str:
    return " ".join(_text(words).replace("|", "\\|").split())


_SETTINGS_HEAD = ["| setting | default | meaning |", "| --- | --- | --- |"]
_CHOOSERS = {
    "memory": "memory weighs the whole catalogue",
    "llm": "the language model",
    "random": "chance",
    "popular": "most rated in the logs",
    "shortlist": "chance, from the Actor's shortlist",
    "oracle": "knows what the user would answer",
    "policy": "reinforcement learning (extra `rl`)",
    "rival": "a re-ranker or bandit; its module names the source",
}
_WRITTEN = {
    "commands": _commands,
    "settings": _settings,
    "methods": _methods,
    "episode line": _episode_line,
    "http": _http,
}
