"""Beyond accuracy: breadth and avoidable quits, on episodes small enough to count by hand."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from billp.experiments.runs.episode_lines import EpisodeLine
from billp.experiments.stats.beyond_accuracy import conduct_of
from billp.graphs.state import Transition
from tests.experiments.examples import failed, finished
from tests.fakes.dependencies import fake_dependencies

SERVICES = fake_dependencies()
CATALOGUE = SERVICES.catalogue
USER = SERVICES.dataset.user_keys[int(SERVICES.worlds.test.users[0])]


def episode(*steps: Mapping[str, object], ended: str = "low_reward") -> EpisodeLine:
    """A finished episode of a test user whose steps have these fields."""
    line = finished("e", *[3.0] * len(steps), user=USER, ended=ended)
    assert line.output is not None
    for record, given in zip(line.output["steps"], steps, strict=True):
        record.update(given)  # type: ignore[typeddict-item]
        record["title"] = CATALOGUE[record["item"]].title
    return line


def sharing(count: int) -> list[int]:
    """Items of which each has just the first item's categories."""
    wanted = CATALOGUE[0].categories
    return [item.index for item in CATALOGUE if item.categories == wanted][:count]


def test_coverage_counts_each_item_once():
    lines = [episode({"item": 1}, {"item": 2}), episode({"item": 2}, {"item": 3})]

    assert conduct_of(lines, SERVICES).coverage == 3 / len(CATALOGUE)


def test_coverage_is_what_the_users_of_one_seed_saw_together():
    first = episode({"item": 1}, {"item": 2})
    second = episode({"item": 3}, {"item": 4}, {"item": 5}, {"item": 6}).model_copy(update={"seed": 1})

    assert conduct_of([first, second], SERVICES).coverage == 3 / len(CATALOGUE)


def test_diversity_is_nothing_among_like_items_and_everything_among_unlike_ones():
    alike = sharing(2)
    assert len(alike) == 2
    apart = next(item.index for item in CATALOGUE if not set(item.categories) & set(CATALOGUE[0].categories))

    assert conduct_of([episode(*({"item": item} for item in alike))], SERVICES).diversity == 0.0
    assert conduct_of([episode({"item": alike[0]}, {"item": apart})], SERVICES).diversity == 1.0
    assert conduct_of([episode({"item": 0})], SERVICES).diversity is None


def test_the_long_tail_is_all_but_the_most_popular_fifth():
    ranked = np.argsort(-SERVICES.popularity, kind="stable")
    line = episode({"item": int(ranked[0])}, {"item": int(ranked[-1])}, {"item": int(ranked[-2])})

    assert conduct_of([line], SERVICES).long_tail == pytest.approx(2 / 3)


def test_grounding_compares_what_was_named_with_what_was_served():
    line = episode(
        {"item": 1, "proposal": CATALOGUE[1].title.upper()}, {"item": 2, "proposal": "Something else"}, {"item": 3}
    )

    assert conduct_of([line], SERVICES).grounding == 0.5


def test_a_quit_was_avoidable_where_the_shortlist_held_an_item_that_keeps_the_user():
    world, user = SERVICES.worlds.test, SERVICES.dataset.user_index(USER)
    shown = int(np.flatnonzero(world.would_keep(user, [], range(len(CATALOGUE))))[0])
    keeps = world.would_keep(user, [shown], range(len(CATALOGUE)))
    good = int(np.flatnonzero(keeps)[0])
    assert not keeps[shown], "what was just shown bores the user"

    avoidable = episode({"item": shown}, {"item": shown, "shortlist": [shown, good]})
    unavoidable = episode({"item": shown}, {"item": shown, "shortlist": [shown]})
    without_shortlist = episode({"item": shown})
    stayed = episode({"item": good, "shortlist": [good]}, ended="horizon")

    assert conduct_of([avoidable, unavoidable], SERVICES).avoidable_quits == 0.5
    assert conduct_of([without_shortlist, stayed], SERVICES).avoidable_quits is None


def test_boredom_is_told_by_how_many_steps_back_the_like_item_lay():
    line = episode(
        {"item": 5}, {"item": 6}, {"item": 7}, {"item": 8, "reason": "too_close", "too_close_to": 6}, ended="too_close"
    )

    assert conduct_of([line, line], SERVICES).bored_steps_back == {"2": 2}


def test_of_failed_episodes_nothing_is_said():
    conduct = conduct_of([failed("f")], SERVICES)

    assert conduct.coverage == 0
    assert conduct.diversity is conduct.long_tail is conduct.grounding is conduct.avoidable_quits is None


def test_the_tiny_step_record_is_whole():
    """Guards the helper above: a step's fields are those of a real record, but for one that earlier runs alone have."""
    line = episode({"item": 1})
    assert line.output is not None
    assert line.output["steps"][0].keys() == Transition.__annotations__.keys() - {"trust"}


def test_the_title_of_a_chosen_candidate_was_named_by_nobody():
    title = CATALOGUE[1].title
    chosen = {"item": 1, "proposal": title, "shortlist": [1, 2]}
    assert conduct_of([episode(chosen)], SERVICES).grounding is None
    assert conduct_of([episode(chosen, {"item": 2, "proposal": "Something else"})], SERVICES).grounding == 0
