"""`billp graph` and `billp settings`: what the program says of itself."""

from __future__ import annotations

from typing import cast

from billp.commands.console import echo
from billp.commands.output import AsJson, Assignments, settings_from, show_json, show_table


def graph() -> None:
    """Draw the episode's state machine as a Mermaid diagram."""
    from billp.graphs.drawing import episode_mermaid

    echo(episode_mermaid())


def settings(assign: Assignments = None, as_json: AsJson = False) -> None:
    """List every setting: name, value in force, meaning."""
    from billp.settings import setting_names

    values = settings_from(assign).model_dump(mode="json")
    rows = []
    for name, meaning in setting_names().items():
        group, _, leaf = name.partition(".")
        value = cast(dict[str, object], values[group])[leaf] if leaf else values[group]
        rows.append((name, "" if value is None else value, meaning))
    if as_json:
        show_json({name: value for name, value, _ in rows})
    else:
        show_table(["setting", "value", "meaning"], rows)
