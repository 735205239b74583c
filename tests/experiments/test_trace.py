"""An episode as text says why it ended, whatever the reason."""

from __future__ import annotations

from typing import get_args

import pytest

from experiments.trace import trace
from graphs.state import Ended
from simulators.quit_rules import REASONS
from tests.experiments.examples import output


def test_the_graph_knows_every_reason_of_the_simulators_and_of_a_person():
    assert set(get_args(Ended)) == {*REASONS, "left"}


@pytest.mark.parametrize(
    ("ended", "words"),
    [
        ("too_close", "too close to a recent one"),
        ("same_category", "of the same kind as too many recent ones"),
        ("low_reward", "disappointed"),
        ("repeat", "had been recommended before"),
        ("horizon", "never left"),
        ("left", "the person left"),
    ],
)
def test_every_end_has_its_words(ended: Ended, words: str):
    (said,) = (line for line in trace(output(4, 3, ended=ended)).splitlines() if line.startswith("Ended after 2 steps"))
    assert words in said


@pytest.mark.parametrize(
    ("ended", "words"),
    [
        ("too_close", "too close to Film 1 (step 1)"),
        ("same_category", "of the same kind as Film 1 (step 1)"),
        ("repeat", "a repeat of Film 1 (step 1)"),
    ],
)
def test_the_earlier_item_is_named(ended: Ended, words: str):
    done = output(4, 3, ended=ended)
    done["steps"][-1]["too_close_to"] = 1
    assert f"  {words}" in trace(done).splitlines()
