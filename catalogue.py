"""Items and the catalogue: what agents and simulators both may see of the recommended items."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from billp.errors import BadInputError
from billp.words import named, one_line


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
        year = f" ({self.year})" if self.year is not None and f"({self.year})" not in self.title else ""
        categories = f" [{', '.join(self.categories)}]" if self.categories else ""
        return f"{self.title}{year}{categories}"


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
    def index_of_key(self) -> dict[str, int]:
        """Item key to catalogue index."""
        return {item.key: item.index for item in self.items}
