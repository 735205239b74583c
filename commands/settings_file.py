"""A `billp.toml` to begin with."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import BaseModel, SecretStr

from billp.settings import Settings


def commented_settings() -> str:
    """A `billp.toml` of every setting but secrets: what it means, and its default, commented out."""
    plain: list[str] = []
    sections: list[str] = []
    for name, field in Settings.model_fields.items():
        default = field.get_default(call_default_factory=True)
        if not isinstance(default, BaseModel):
            plain += _commented(name, default, field.description)
            continue
        sections += ["", f"[{name}]"]
        for leaf, inner in type(default).model_fields.items():
            sections += _commented(leaf, getattr(default, leaf), inner.description)
    return "\n".join(["# Settings of billp; what is commented out has its default.", *plain, *sections, ""])


def _commented(name: str, default: object, meaning: str | None) -> list[str]:
    if isinstance(default, SecretStr):
        return []  # a secret has its place in the environment
    plain = str(default) if isinstance(default, Path) else default
    value = json.dumps(list(plain) if isinstance(plain, tuple) else plain, ensure_ascii=False) if plain != {} else "{}"
    return [f"# {meaning}", f"# {name} = {value}" if default is not None else f"# {name} ="]
