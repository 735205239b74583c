"""An episode as text says why it ended, whatever the reason."""

from __future__ import annotations

import pytest

from billp.experiments.stats.endings import OUTCOMES
from billp.graphs.state import Trajectory
from billp.reports.episode_text import trace
from billp.reports.rendering import Telling
from billp.simulators.quit.reasons import Reason
from tests.experiments.examples import output


def told(done: Trajectory) -> str:
    return trace(Telling().finished(done, "billp"))


@pytest.mark.parametrize("ended", [name for name in OUTCOMES if name != "failed"])
def test_every_end_has_its_words(ended: str):
    (said,) = (line for line in told(output(4, 3, ended=ended)).splitlines() if line.startswith("Ended after 2 steps"))
    assert said == f"Ended after 2 steps: the user {OUTCOMES[ended].words}."


@pytest.mark.parametrize("reason", [reason for reason in OUTCOMES.values() if reason.earlier], ids=lambda r: r.name)
def test_the_earlier_item_is_named(reason: Reason):
    done = output(4, 3, ended=reason.name)
    done["steps"][-1]["too_close_to"] = 1
    assert f"  {reason.earlier} Film 1 (step 1)" in told(done).splitlines()


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
    assert (f"  proposal   {proposal}" in told(done).splitlines()) is shown
    assert "  item       Film 1" in told(done).splitlines()


def test_what_is_to_be_said_of_its_words_comes_before_them():
    view = Telling(note="Stand-in model.").finished(output(4, 3), "billp")
    assert trace(view).splitlines()[1] == "  Stand-in model."


def test_a_thought_stands_where_it_is_new():
    done = output(4, 3, 5)
    for step, thought in zip(done["steps"], ("a comedy", "a comedy", "a western"), strict=True):
        step["thought"] = thought
    said = told(done).splitlines()
    assert [line.split()[-1] for line in said if line.startswith("  thought")] == ["comedy", "western"]
    assert said.index("  thought    a western") > said.index("Step 3")
