"""Items and users as codes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from billp.catalogue import Catalogue, Item
from billp.simulators.data.features import features_of
from billp.simulators.data.user_fields import UserField
from tests.fakes.worlds import tiny_dataset


def test_categories_years_and_fields_are_numbered():
    items = (
        Item(0, "a", "A", ("War", "Drama"), 1990),
        Item(1, "b", "B"),
        Item(2, "c", "C", ("War",), 1980),
    )
    sex, age = UserField("sex", np.array([1, 0, 2]), 3), UserField("age", np.array([4, 1, 0]), 5)
    dataset = replace(
        tiny_dataset(), catalogue=Catalogue("x", items), user_keys=("p", "q", "r"), user_fields=(sex, age)
    )
    features = features_of(dataset, np.array([2, 0], dtype=np.int32))
    assert (features.members.tolist(), features.starts.tolist(), features.n_categories) == ([1, 0, 1], [0, 2, 2], 2)
    assert (features.years.tolist(), features.n_years) == ([2, 0, 1], 3)
    assert features.users.tolist() == [[2, 3], [1, 7]], "codes of the second field come after those of the first"
    assert features.n_values == 8


def test_users_of_whom_nothing_is_known_have_no_fields():
    features = features_of(tiny_dataset(), np.arange(40, dtype=np.int32))
    assert (features.users.shape, features.n_values) == ((40, 0), 0)
