"""`billp graph` and `billp settings`: what the program says of itself, and a `billp.toml` to begin with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, cast

import typer
from pydantic import SecretStr

from billp.commands.console import echo
from billp.commands.output import AsJson, Assignments, settings_from, show_json, show_table, stdout
from billp.commands.typed_path import typed_path
from billp.settings import is_secret, setting_fields, setting_names


def graph() -> None:
    """Draw the episode's state machine as a Mermaid diagram."""
    from billp.graphs.drawing import episode_mermaid

    echo(episode_mermaid())


settings_app = typer.Typer(help="Show the settings, or write a file of them.", invoke_without_command=True)


@settings_app.callback()
def settings(
    context: typer.Context,
    section: Annotated[str | None, typer.Option(help="one section only, e.g. critic")] = None,
    assign: Assignments = None,
    as_json: AsJson = False,
) -> None:
    """List every setting by section: name, value in force, meaning.

    A flag (--set critic.gamma=0.7) wins over the environment (BILLP_CRITIC_GAMMA=0.7), that over billp.toml,
    and the file over the defaults.
    """
    if context.invoked_subcommand is not None:
        return
    from billp.errors import SettingsError
    from billp.names import there_is_no

    settings = settings_from(assign)
    values, fields = settings.model_dump(mode="json"), setting_fields()
    groups: dict[str, list[tuple[str, object, str]]] = {}
    for name, meaning in setting_names().items():
        group, _, leaf = name.rpartition(".")
        value = cast(dict[str, object], values[group])[leaf] if group else values[leaf]
        held = getattr(settings, group) if group else settings
        if is_secret(name) and getattr(held, leaf) == fields[name].get_default(call_default_factory=True):
            value = None  # asterisks say that there is one
        groups.setdefault(group, []).append((name, "" if value is None else value, meaning))
    if section is not None:
        if section not in groups:
            raise SettingsError(there_is_no("section", section, [group for group in groups if group]))
        groups = {section: groups[section]}
    if as_json:
        show_json({name: value for rows in groups.values() for name, value, _ in rows})
        return
    for group, rows in groups.items():
        show_table(["setting", "value", "meaning"], rows, group or None)


@settings_app.command()
def init(
    file: Annotated[Path, typer.Argument(parser=typed_path, metavar="FILE", help="file to write")] = Path("billp.toml"),
) -> None:
    """Write a file with every setting, its meaning and its default, each commented out."""
    from billp.commands.inspect import commented_settings
    from billp.errors import BadInputError
    from billp.whole_files import write_whole

    if file.exists():
        raise BadInputError(f"{file} exists; move it away, or name another file.")
    try:
        write_whole(file, commented_settings())
    except OSError as error:
        raise BadInputError(f"{file} cannot be written ({error.strerror or error}); name another file.") from error
    stdout.print(f"{file} is written; take away the # before what you change")


def commented_settings() -> str:
    """Returns a `billp.toml` of every setting but secrets: meaning and default, commented out."""
    sections: dict[str, list[str]] = {"": ["# Settings of billp; what is commented out has its default."]}
    for name, field in setting_fields().items():
        section, _, leaf = name.rpartition(".")
        lines = sections.setdefault(section, ["", f"[{section}]"])
        lines += _commented(leaf, field.get_default(call_default_factory=True), field.description)
    return "\n".join([line for lines in sections.values() for line in lines] + [""])


def _commented(name: str, default: object, meaning: str | None) -> list[str]:
    if isinstance(default, SecretStr):
        return []  # secrets belong in the environment
    plain = str(default) if isinstance(default, Path) else default
    value = json.dumps(list(plain) if isinstance(plain, tuple) else plain, ensure_ascii=False) if plain != {} else "{}"
    return [f"# {meaning}", f"# {name} = {value}" if default is not None else f"# {name} ="]
