"""The worlds of a surface: a quit rule, its window, and whether the rating model knows categories."""

from __future__ import annotations

from dataclasses import dataclass

from billp.errors import SettingsError
from billp.settings import QuitRuleName
from billp.simulators.quit.registry import RULES

WINDOWS = (2, 4, 8)
_NO_CATEGORIES = "no-categories"


@dataclass(frozen=True)
class Place:
    """One world, for any split of the users."""

    rule: QuitRuleName
    window: int
    categories: bool = True

    @property
    def name(self) -> str:
        """RULE-WINDOW, or RULE-WINDOW-no-categories."""
        return f"{self.rule}-{self.window}" + ("" if self.categories else f"-{_NO_CATEGORIES}")


def every_place(category_limit: int) -> tuple[Place, ...]:
    """Returns every rule with every window, with and without categories.

    Windows in which no category can occur more often than `category_limit` are left out: no user would ever leave.
    """
    return tuple(
        Place(rule, window, categories)
        for categories in (True, False)
        for rule in RULES
        for window in WINDOWS
        if not (rule == "category-window" and window <= category_limit)
    )


def places_named(names: str, category_limit: int) -> tuple[Place, ...]:
    """Returns the worlds that `names` lists, separated by commas: `all`, a rule, or a rule with its window.

    A rule stands for all of its windows, with and without categories. RULE-WINDOW and RULE-WINDOW-no-categories name
    one world, for any whole number. Raises SettingsError for a name that is not a world.
    """
    known = every_place(category_limit)
    found: list[Place] = []
    for name in (part.strip() for part in names.split(",")):
        if name == "all":
            found += known
        elif name in RULES:
            found += [place for place in known if place.rule == name]
        else:
            found.append(_place(name))
    return tuple(dict.fromkeys(found))


def _place(name: str) -> Place:
    plain = name.removesuffix(f"-{_NO_CATEGORIES}")
    rule, _, window = plain.rpartition("-")
    for known in RULES:
        if rule == known and window.isdecimal() and int(window) > 0:
            return Place(known, int(window), plain == name)
    raise SettingsError(
        f"There is no world {name!r}; name all, a rule ({', '.join(RULES)}), or a rule with its window as in "
        f"distance-4 or distance-4-{_NO_CATEGORIES}."
    )
