"""A `billp.toml` to begin with."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import SecretStr

from billp.settings import setting_fields


def commented_settings() -> str:
    """A `billp.toml` of every setting but secrets: what it means, and its default, commented out."""
    sections: dict[str, list[str]] = {"": ["# Settings of billp; what is commented out has its default."]}
    for name, field in setting_fields().items():
        section, _, leaf = name.rpartition(".")
        lines = sections.setdefault(section, ["", f"[{section}]"])
        lines += _commented(leaf, field.get_default(call_default_factory=True), field.description)
    return "\n".join([line for lines in sections.values() for line in lines] + [""])


def _commented(name: str, default: object, meaning: str | None) -> list[str]:
    if isinstance(default, SecretStr):
        return []  # a secret has its place in the environment
    plain = str(default) if isinstance(default, Path) else default
    value = json.dumps(list(plain) if isinstance(plain, tuple) else plain, ensure_ascii=False) if plain != {} else "{}"
    return [f"# {meaning}", f"# {name} = {value}" if default is not None else f"# {name} ="]
