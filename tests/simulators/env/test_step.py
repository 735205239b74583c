"""What a user answers, as one function."""

from __future__ import annotations

import pytest

from billp.errors import BadInputError
from billp.simulators import respond
from tests.fakes.worlds import tiny_dataset, tiny_worlds

WORLD = tiny_worlds().train
USER = int(WORLD.users[0])


def test_a_repeat_makes_the_user_leave_and_names_the_earlier_item():
    answer = respond(WORLD, USER, [3, 8, 5], 8)
    assert (answer.reason, answer.too_close_to, answer.left) == ("too_close", 8, True)


def test_outside_the_window_nothing_is_too_close():
    window = WORLD.settings.window
    shown = [8, *range(20, 20 + window)]
    assert respond(WORLD, USER, shown, 8).too_close_to != 8


def test_without_repeats_any_earlier_item_counts():
    strict = tiny_worlds().quitting_by(repeats=False).train
    answer = respond(strict, USER, [8, *range(20, 30)], 8)
    assert (answer.reason, answer.too_close_to, answer.left) == ("repeat", 8, True)


def test_the_category_window_counts_items_of_the_catalogues_categories():
    world = tiny_worlds().quitting_by("category-window").train
    action = [item.index for item in tiny_dataset().catalogue if "Action" in item.categories]
    *shown, last = action[: world.settings.category_limit + 2]
    assert respond(world, USER, shown[1:], last).reason != "same_category"
    answer = respond(world, USER, shown, last)
    assert (answer.reason, answer.too_close_to, answer.left) == ("same_category", shown[-1], True)


def test_the_last_step_is_cut_off_unless_the_user_left():
    cut = tiny_worlds().cut_off(3).train
    for item in range(cut.n_items):
        answer = respond(cut, USER, [0, 1], item)
        assert answer.reason in ("horizon", "too_close", "low_reward")
        assert answer.left == (answer.reason != "horizon")
    assert tiny_worlds().train.horizon > 3
    assert tiny_worlds().cut_off(999).train.horizon == tiny_worlds().train.horizon


def test_a_stranger_is_refused():
    with pytest.raises(BadInputError, match="does not live"):
        respond(WORLD, int(tiny_worlds().test.users[0]), [], 0)
