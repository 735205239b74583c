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


@pytest.mark.parametrize(
    ("proposal", "shortlist", "preferences", "shown"),
    [
        ("Film 1", [1, 2], [0.5, -0.5], True),
        ("Film 1", [], [], True),
        ("a film like it", [], [], True),
        ("Film 1", [1, 2], [], False),
        ("", [1, 2], [], False),
    ],
    ids=["chosen by the LLM", "its very title proposed", "other words proposed", "chosen by memory", "by chance"],
)
def test_what_the_llm_proposed_or_chose_is_shown_even_where_it_is_the_title(
    proposal: str, shortlist: list[int], preferences: list[float], shown: bool
):
    done = output(4)
    step = done["steps"][0]
    step["proposal"], step["shortlist"], step["preferences"] = proposal, shortlist, preferences
    assert (f"  proposal   {proposal}" in trace(done).splitlines()) is shown
    assert "  item       Film 1" in trace(done).splitlines()
