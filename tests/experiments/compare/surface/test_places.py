"""The worlds of a surface and their names."""

from __future__ import annotations

import pytest

from billp.errors import SettingsError
from billp.experiments.compare.surface.places import WINDOWS, Place, every_place, places_named
from billp.simulators.quit.registry import RULES


def test_every_rule_stands_with_every_window_but_where_nobody_could_leave():
    places = every_place(category_limit=2)
    assert {place.rule for place in places} == set(RULES)
    assert len(places) == 2 * (len(RULES) * len(WINDOWS) - 1)
    assert Place("category-window", 2) not in places
    assert Place("category-window", 2) in every_place(category_limit=1)
    assert len({place.name for place in places}) == len(places)


def test_worlds_are_named_one_by_one_by_rule_or_all_together():
    assert places_named("all", 2) == every_place(2)
    assert {place.rule for place in places_named("distance", 2)} == {"distance"}
    assert len(places_named("distance,distance-4", 2)) == 6
    assert places_named("distance-4, category-window-6-no-categories", 2) == (
        Place("distance", 4), Place("category-window", 6, categories=False),
    )  # fmt: skip


@pytest.mark.parametrize("place", every_place(2), ids=lambda place: place.name)
def test_a_name_names_its_world(place: Place):
    assert places_named(place.name, 2) == (place,)


@pytest.mark.parametrize("name", ["", "distant-4", "distance-0", "distance-x", "distance-4-categories"])
def test_what_names_no_world_is_refused(name: str):
    with pytest.raises(SettingsError, match="There is no world"):
        places_named(name, 2)
