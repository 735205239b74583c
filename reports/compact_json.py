"""Views as compact JSON: lists of their fields, in which repeated texts and views are stored once.

`elements.js` unpacks them by the `layouts` that are written beside them.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from types import UnionType
from typing import TypeAlias, get_args, get_origin, get_type_hints

Packed: TypeAlias = "bool | int | float | str | list[Packed] | None"
Layout: TypeAlias = "str | list[Layout]"
"""How a packed value is read: `text`, the name of a class, a list of one such, or empty for a plain value."""


class Packing:
    """Packs views; equal instances of the classes `shared` are stored once. `size` counts the bytes so far."""

    def __init__(self, *shared: type) -> None:
        self.size = 0
        self._texts: dict[str, int] = {}
        self._shared: dict[type, dict[object, int]] = {each: {} for each in shared}
        self._names: dict[type, list[str]] = {}

    def text(self, words: str) -> int:
        """Returns the position of `words` among the texts; -1 for an empty text."""
        if not words:
            return -1
        if words not in self._texts:
            self.size += len(words.encode()) + 3
            self._texts[words] = len(self._texts)
        return self._texts[words]

    def pack(self, value: object) -> Packed:
        """Returns `value` as numbers, nulls and lists of these."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self.pack(each) for each in value]
        if value is None or isinstance(value, bool | int | float):
            return value
        known = self._shared.get(type(value))
        if known is None:
            return self._fields(value)
        if value not in known:
            known[value] = len(known)
            self.size += len(dumps(self._fields(value)).encode()) + 1
        return known[value]

    def tables(self, finish: Callable[[object], object] = lambda view: view) -> dict[str, object]:
        """Returns what packed values refer to by position; `finish` is applied to each shared view."""
        stored = {cls.__name__: [self._fields(finish(view)) for view in views] for cls, views in self._shared.items()}
        layouts = {
            cls.__name__: [[name, layout_of(hint)] for name, hint in get_type_hints(cls).items()] for cls in self._names
        }
        return {"layouts": layouts, "shared": stored, "texts": list(self._texts)}

    def _fields(self, value: object) -> list[Packed]:
        cls = type(value)
        if cls not in self._names:
            self._names[cls] = [field.name for field in fields(cls)]  # type: ignore[arg-type] # a dataclass, or this says so
        return [self.pack(getattr(value, name)) for name in self._names[cls]]


def layout_of(hint: object) -> Layout:
    """Returns how a packed value of the type `hint` is read."""
    if isinstance(hint, UnionType):
        (hint,) = (each for each in get_args(hint) if each is not type(None))
    if get_origin(hint) is list:
        return [layout_of(get_args(hint)[0])]
    if is_dataclass(hint) and isinstance(hint, type):
        return hint.__name__
    return "text" if hint is str else ""


def dumps(value: object) -> str:
    """Returns compact JSON; raises ValueError for NaN and infinities, which JSON does not have."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
