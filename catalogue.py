"""Items and the catalogue: what agents and simulators both may see of the recommended items."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from billp.errors import BadInputError
from billp.words import named, one_line

_YEAR = re.compile(r"(?<=\S)\s+\((\d{4})\)$")
_ASIDE = re.compile(r"(?<=\S)\s+\(")
_ARTICLES = ("the", "a", "an")


@dataclass(frozen=True, slots=True)
class Item:
    """One item of the catalogue.

    `index` is its position in the catalogue, from 0; `key` is its id in the logs. Title and categories are one line
    each, without invisible characters; a title without visible ones becomes `Item KEY`.
    """

    index: int
    key: str
    title: str
    categories: tuple[str, ...] = ()
    year: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "title", named(self.title, f"Item {named(self.key, str(self.index))}"))
        object.__setattr__(self, "categories", tuple(filter(None, map(one_line, self.categories))))

    @property
    def text(self) -> str:
        """The item as text for embeddings and the LLM: `Title (year) [category, category]`."""
        categories = f" [{', '.join(self.categories)}]" if self.categories else ""
        return f"{self.dated_title}{categories}"

    @property
    def dated_title(self) -> str:
        """The title with the year, if it is known."""
        year = f" ({self.year})" if self.year is not None and f"({self.year})" not in self.title else ""
        return f"{self.title}{year}"


@dataclass(frozen=True)
class Catalogue:
    """All items of one dataset, in a fixed order; `catalogue[i].index == i`."""

    name: str
    items: tuple[Item, ...]

    def __post_init__(self) -> None:
        for position, item in enumerate(self.items):
            if item.index != position:
                raise BadInputError(
                    f"Item {item.key!r} has index {item.index} but stands at {position}; number the items in order."
                )

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Item:
        return self.items[index]

    def __iter__(self) -> Iterator[Item]:
        return iter(self.items)

    def some(self, indices: Sequence[int]) -> list[Item]:
        """Returns the items at `indices`, in that order."""
        return [self.items[index] for index in indices]

    @cached_property
    def categories(self) -> tuple[str, ...]:
        """Every category that at least one item has, sorted."""
        return tuple(sorted({category for item in self.items for category in item.categories}))

    @cached_property
    def of_category(self) -> dict[str, frozenset[int]]:
        """Category to the catalogue indices of the items that have it."""
        members: dict[str, list[int]] = {}
        for item in self.items:
            for category in item.categories:
                members.setdefault(category, []).append(item.index)
        return {category: frozenset(items) for category, items in members.items()}

    @cached_property
    def frequent(self) -> tuple[str, ...]:
        """Every category, most items first, ties by name."""
        return tuple(sorted(self.of_category, key=lambda name: (-len(self.of_category[name]), name)))

    @cached_property
    def of_title(self) -> dict[str, list[int]]:
        """Catalogue indices of the items that a title may name, by what `plain_title` makes of it.

        Every item has its title with and without the year; several items may share one.
        """
        found: dict[str, list[int]] = {}
        for item in self.items:
            for way in {plain_title(item.dated_title), plain_title(_YEAR.sub("", item.title))}:
                found.setdefault(way, []).append(item.index)
        return found

    @cached_property
    def index_of_key(self) -> dict[str, int]:
        """Item key to catalogue index."""
        return {item.key: item.index for item in self.items}


def plain_title(title: str) -> str:
    """Returns the words of a title in lower case: no punctuation, nothing in brackets but a year, no outer article.

    `Godfather, The (1972)` becomes `godfather 1972`, and so does `the godfather (1972)`.
    """
    line = title.strip().casefold()
    year = _YEAR.search(line)
    base = _ASIDE.split(line[: year.start()] if year else line)[0]
    words = re.findall(r"\w+", re.sub("['\u2019]", "", base))
    if len(words) > 1 and words[0] in _ARTICLES:
        words = words[1:]
    elif len(words) > 1 and words[-1] in _ARTICLES:
        words = words[:-1]
    plain = " ".join(words) or base
    return f"{plain} {year[1]}" if year else plain
