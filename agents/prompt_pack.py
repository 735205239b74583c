"""Prompt packs: a folder with one file per role, checked completely before any episode.

A prompt file is YAML front matter (role, version, purpose, variables), then the fixed part, then a line `=====`, then
the part that changes (Jinja2). The fixed part holds no variables: it is sent first and is byte-identical for every step
and user, so that the server's prefix cache serves it.

Values are data: templates run sandboxed, an unknown variable is an error, and every text that a template inserts is
cleaned of line breaks and chat-control tokens.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jinja2
import jinja2.meta
import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from billp.agents.prompt_language import check_language, prompt_environment
from billp.errors import PromptError
from billp.setting_groups import at_home
from billp.whole_files import read_bounded
from billp.words import for_prompt

DEFAULT_PACK = Path(__file__).parent.parent / "prompts" / "default"
TERSE_PACK = DEFAULT_PACK.parent / "terse"
SEPARATOR = "=====\n"
_LARGEST = 100_000  # bytes of a prompt; no context holds more
_FAILURES = (TypeError, LookupError, ValueError, ArithmeticError, AttributeError, MemoryError, RecursionError)

VARIABLES: Mapping[str, frozenset[str]] = {
    "planner": frozenset({"history", "reflections", "principles", "steps", "lately", "learned"}),
    "actor-shortlist": frozenset(
        {"history", "steps", "thought", "lately", "fresh", "encouraged", "discouraged", "candidates"}
    ),
    "actor-free": frozenset({"history", "steps", "thought", "lately", "fresh", "encouraged", "discouraged"}),
    "critic": frozenset({"history", "steps", "values"}),
    "reflector": frozenset({"history", "steps", "left"}),
    "claim": frozenset({"history", "steps"}),
    "wish": frozenset({"wish", "categories", "shown"}),
    "item": frozenset({"name", "categories"}),
}
"""The variables that each role's prompt may use; a prompt lists in its front matter those it does use."""
_NEEDED = frozenset({"planner", "actor-shortlist", "actor-free", "critic", "reflector"})
"""The roles that a pack must hold.

The default pack's prompts replace others that it lacks, so that packs stay valid when a role is added.
"""

_ITEM = {"title": "Title", "categories": ["Category"], "year": 1990}
SAMPLES: Mapping[str, Any] = {
    "history": [_ITEM],
    "steps": [{"number": 1, "title": "Title", "categories": ["Category"], "reward": 4, "year": 1990}],
    "candidates": [{"label": "A", **_ITEM}],
    "reflections": ["a lesson"],
    "principles": ["a principle"],
    "values": [5],
    "lately": ["Category"],
    "learned": "let a kind rest 2 steps",
    "fresh": ["Category"],
    "encouraged": ["Title"],
    "discouraged": ["Title"],
    "thought": "a thought",
    "left": True,
    "wish": "something lighter",
    "categories": ["Category"],
    "shown": [_ITEM],
    "name": "Title (1990)",
}
"""Values that every prompt is rendered with when it is loaded, so that a misspelt part of a variable is found then."""


class _FrontMatter(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    role: str
    version: int
    purpose: str
    variables: frozenset[str]


@dataclass(frozen=True)
class Prompt:
    """One role's prompt; `fixed` becomes the system message, the rendered changing part the user message."""

    role: str
    version: int
    purpose: str
    variables: frozenset[str]
    fixed: str
    changing: str
    _template: jinja2.Template

    @property
    def text(self) -> str:
        """Both parts, as `PromptPack.edited` takes them."""
        return f"{self.fixed}\n{SEPARATOR}{self.changing}"

    def __reduce__(self) -> tuple[object, ...]:
        """Returns the text that it was made from, since a template cannot be sent to another process."""
        return _made, (self.role, self.version, self.purpose, self.text, f"The {self.role} prompt")

    def render(self, **values: Any) -> str:
        """Returns the changing part with `values` filled in; ignores values it does not use."""
        return self._template.render(**values).strip()


@dataclass(frozen=True)
class PromptPack:
    """All prompts of one folder."""

    name: str
    folder: Path
    prompts: Mapping[str, Prompt]

    def __getitem__(self, role: str) -> Prompt:
        return self.prompts[role]

    @property
    def digest(self) -> str:
        """SHA-256 over all prompts, for a run's record."""
        texts = (f"{role}\n{p.version}\n{p.fixed}\n{p.changing}" for role, p in sorted(self.prompts.items()))
        return hashlib.sha256("\0".join(texts).encode()).hexdigest()

    def edited(self, texts: Mapping[str, str]) -> PromptPack:
        """Returns the pack with other texts for some roles, each the fixed part, `=====` and the changing part.

        A text without that line replaces the fixed part alone. Raises PromptError that names role and fault.
        """
        prompts = dict(self.prompts)
        for role, text in texts.items():
            prompts[role] = _edited(prompts[role], text.replace("\r\n", "\n"))
        return replace(self, prompts=prompts)


def shipped_packs() -> list[str]:
    """Returns the names of the shipped packs, sorted."""
    return sorted(path.name for path in DEFAULT_PACK.parent.iterdir() if path.is_dir() and path.name[0] not in "._")


def load_pack(folder: Path | None = None) -> PromptPack:
    """Reads and checks the pack in `folder`: a path, or the name of a shipped pack (None: the default).

    Raises PromptError naming the file and the missing role, or the missing, unknown or misspelt variable.
    """
    try:
        folder = at_home(folder or DEFAULT_PACK)
    except ValueError as error:
        raise PromptError(f"The prompt pack {str(folder)!r} cannot be read: {error}.") from error
    if not folder.is_dir():
        if folder.name not in (names := shipped_packs()) or folder.name != str(folder):
            raise PromptError(
                f"There is no prompt pack {folder}; name one of {', '.join(names)}, or a folder with one file a role."
            )
        folder = DEFAULT_PACK.parent / folder.name
    prompts = {}
    for role in VARIABLES:
        path = folder / f"{role}.md"
        if role not in _NEEDED and not path.is_file():
            path = DEFAULT_PACK / path.name
        if not path.is_file():
            raise PromptError(f"Prompt pack {folder} has no role {role}; add {path.name}.")
        prompts[role] = _load_prompt(path, role)
    strange = sorted(path.name for path in folder.glob("*.md") if path.stem not in VARIABLES)
    if strange:
        raise PromptError(f"Prompt pack {folder} has {strange[0]}, which is no role; roles are {', '.join(VARIABLES)}.")
    return PromptPack(name=folder.name, folder=folder, prompts=prompts)


def clean(text: str, limit: int = 120) -> str:
    """Returns text from outside as one line of data, at most `limit` long.

    It has no control characters and no chat-control tokens.
    """
    line = for_prompt(text[: 4 * limit])
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def _as_data(value: object) -> object:
    """Returns what a template inserts as data, wherever it came from."""
    return value if isinstance(value, int | float) else for_prompt(str(value))


def _load_prompt(path: Path, role: str) -> Prompt:
    try:
        text = read_bounded(path, _LARGEST).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PromptError(f"{path} cannot be read ({error}); store it as UTF-8 text.") from error
    parts = text.split("---\n", 2)
    if len(parts) != 3 or parts[0].strip() or SEPARATOR not in parts[2]:
        raise PromptError(
            f"{path} needs front matter between `---` lines, then a fixed part, `=====`, a changing part."
        )
    try:
        matter = _FrontMatter.model_validate(yaml.safe_load(parts[1]))
    except (yaml.YAMLError, ValidationError, RecursionError, ValueError) as error:
        raise PromptError(f"{path} has bad front matter; it takes role, version, purpose, variables.") from error
    if matter.role != role:
        raise PromptError(f"{path} says it is for role {matter.role!r}; its file name says {role!r}.")
    return _made(role, matter.version, matter.purpose, parts[2], str(path), declared=matter.variables)


def _edited(old: Prompt, text: str) -> Prompt:
    if len(text) > _LARGEST:
        raise PromptError(f"The {old.role} prompt is longer than {_LARGEST:,} characters; no context holds so much.")
    whole = text if SEPARATOR in text else f"{text}\n{SEPARATOR}{old.changing}"
    return _made(old.role, old.version, old.purpose, whole, f"The {old.role} prompt")


def _made(
    role: str, version: int, purpose: str, text: str, where: str, *, declared: frozenset[str] | None = None
) -> Prompt:
    """Returns the prompt in `text`, with the variables that it uses; raises PromptError that names the place `where`.

    If variables were `declared`, they must be the ones it uses.
    """
    fixed, changing = text.split(SEPARATOR, 1)
    environment = prompt_environment(_as_data)
    try:
        fixed_uses = jinja2.meta.find_undeclared_variables(environment.parse(fixed))
        parsed = environment.parse(changing)
        check_language(parsed, where)
        uses = frozenset(jinja2.meta.find_undeclared_variables(parsed))
        template = environment.from_string(changing)
    except jinja2.TemplateSyntaxError as error:
        raise PromptError(f"{where} is not a valid template: {error.message} (line {error.lineno}).") from error
    except (RecursionError, MemoryError, SyntaxError) as error:
        raise PromptError(f"{where} cannot be read as a template ({type(error).__name__}); simplify it.") from error
    if fixed_uses or "{%" in fixed or "{{" in fixed:
        raise PromptError(f"{where} has template code in its fixed part; move it below the ===== line.")
    _check_variables(where, role, uses if declared is None else declared, uses)
    for sample in (SAMPLES, {name: type(value)() for name, value in SAMPLES.items()}):
        try:
            template.render(sample)
        except (jinja2.TemplateError, *_FAILURES) as error:
            raise PromptError(f"{where} cannot be rendered: {error}; mend the expression it names.") from error
    return Prompt(role, version, purpose, uses, fixed.strip(), changing, template)


def _check_variables(where: str, role: str, declared: frozenset[str], used: frozenset[str]) -> None:
    allowed = ", ".join(sorted(VARIABLES[role]))
    for name in sorted(used | declared):
        if name not in VARIABLES[role]:
            raise PromptError(f"{where} uses the unknown variable {name!r}; role {role} has {allowed}.")
    for name in sorted(used ^ declared):
        fault = "uses but does not declare" if name in used else "declares but does not use"
        raise PromptError(f"{where} {fault} the variable {name!r}; mend its front matter or its text.")
