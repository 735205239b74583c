"""An episode as a reader sees it: titles for numbers, words for reasons, and what weighed for each candidate."""

from __future__ import annotations

from typing import Any

import pytest

from billp.catalogue import Catalogue, Item
from billp.experiments.stats.endings import OUTCOMES
from billp.reports.episode_view import CandidateView, StepView
from billp.reports.rendering import Telling, titles_in
from billp.simulators.quit.reasons import Reason
from tests.experiments.examples import failed
from tests.reports.examples import HOSTILE, episode

ACT = ["act:weigh"]


def steps_of(*rewards: float, settings: dict[str, Any] | None = None, **given: Any) -> list[StepView]:
    line = episode("e", *rewards, **given)
    return Telling(titles=titles_in(line.output), settings=settings).episode(line).steps


def weighed(*updates: dict[str, Any]) -> list[StepView]:
    """The steps of an episode whose records were changed so."""
    line = episode("e", *[4.0] * len(updates))
    assert line.output is not None
    for step, update in zip(line.output["steps"], updates, strict=True):
        step.update(update)  # type: ignore[typeddict-item]
    return Telling().episode(line).steps


def test_an_episode_tells_each_step_its_nodes_and_numbers():
    line = episode("test-3-u1", 4.0, 2.0, user="u1", seed=3, ended="too_close", judged=True)
    told = Telling(titles=titles_in(line.output)).episode(line)
    first, last = told.steps
    assert first.nodes == ["recall", "plan", *ACT, "respond", "criticise"]
    assert last.nodes == [*ACT, "respond", "criticise", "conclude"]
    head = told.head
    assert (head.id, head.user, head.seed, head.outcome) == ("test-3-u1", "u1", 3, "too close")
    assert (head.length, told.r_each, head.r_traj) == (2, 3, 6)
    assert (told.ended, told.left) == ("left: the last item was too close to a recent one", True)
    assert (told.calls, told.prompt_tokens, told.completion_tokens) == (4, 90, 10)
    assert [item.title for item in told.history] == ["Film 1", "Film 2"]
    assert [each.item.title for each in last.candidates] == ["Film 2", "item 12"]
    assert (last.reward, last.value, last.next_value, last.advantage) == (2, 3, 2, -1.25)
    assert (last.thought, last.proposal, last.plan) == ("a thought ", "Film ", "")


def test_a_failed_episode_has_its_error_and_no_step():
    told = Telling().episode(failed("x"))
    assert told.error
    assert (told.head.outcome, told.left) == ("failed", False)
    assert (told.steps, told.head.length, told.r_each, told.calls) == ([], None, None, 0)


@pytest.mark.parametrize("reason", [reason for reason in OUTCOMES.values() if reason.earlier], ids=lambda r: r.name)
def test_whatever_the_reason_the_earlier_item_is_named(reason: Reason):
    first, last = steps_of(4.0, 2.0, ended=reason.name)
    assert (first.earlier, first.because) == (None, "")
    assert last.earlier is not None
    assert (last.because, last.earlier.title, last.earlier_step) == (reason.earlier, "Film 1", 1)


def test_a_step_tells_its_plan_and_what_weighed_for_each_candidate():
    known = {
        "shortlist": [1, 11],
        "advantages": [1.5, -3.0],
        "likings": [0.5, 0.25],
        "support": [3.0, 1.0],
        "trust": 0.5,
    }
    plan = {"aim": {"War": 0.3}, "avoid": {"Sci-Fi": -0.2}, "rest": 4}
    by_memory, by_both, by_llm = weighed(
        known | {"plan": plan}, known | {"preferences": [2.0, -2.0]}, {"shortlist": [1], "preferences": [0.25]}
    )
    assert by_memory.plan == "cooldown 4 steps · aim: War +0.30 · avoid: Sci-Fi -0.20"

    def parts(each: CandidateView) -> tuple[float | None, ...]:
        return each.retention_effect, each.item_effect, each.support, each.llm, each.total

    assert [parts(each) for each in by_memory.candidates] == [
        (1.0, 0.5, 3.0, None, 1.5),
        (-3.25, 0.25, 1.0, None, -3.0),
    ]
    assert [parts(each) for each in by_both.candidates] == [(1.0, 0.5, 3.0, 1.0, 2.5), (-3.25, 0.25, 1.0, -1.0, -4.0)]
    assert [parts(each) for each in by_llm.candidates] == [(None, None, None, 0.25, 0.25)]


def test_nothing_weighs_where_memory_was_empty_and_no_llm_was_asked():
    (step,) = weighed({"shortlist": [1], "advantages": [0.0], "likings": [0.0], "support": [0.0]})
    assert [(each.retention_effect, each.total) for each in step.candidates] == [(None, None)]


def test_titles_come_from_the_catalogue_where_it_is_known():
    catalogue = Catalogue("tiny", tuple(Item(n, str(n), f"Title {n}", ("Drama",), 1990) for n in range(20)))
    line = episode("a", 3.0)
    (step,) = Telling(catalogue).episode(line).steps
    other = step.candidates[1].item
    assert (other.title, other.about) == ("Title 11", "1990 · Drama")
    (step,) = Telling().episode(line).steps
    assert (step.item.title, step.item.about, step.candidates[1].item.title) == ("Film 1", "", "item 11")


def test_thoughts_cover_as_many_steps_as_the_run_was_made_with():
    steps = steps_of(4.0, 4.0, 4.0, 1.0, settings={"planner": {"steps": 2}})
    assert ["plan" in step.nodes for step in steps] == [True, False, True, False]


def test_an_unknown_method_lights_nothing():
    assert [step.nodes for step in steps_of(4.0, method="of another version")] == [[]]


def test_words_from_outside_arrive_as_they_are():
    line = episode("e", 4.0, title=HOSTILE, user=HOSTILE)
    told = Telling().episode(line)
    assert told.head.user == HOSTILE
    assert told.steps[0].thought.endswith(HOSTILE)
