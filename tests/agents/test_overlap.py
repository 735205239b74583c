"""Overlap of categories, evidence and the typed plan: what is learned from episodes without words."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billp.agents.evidence import Evidence, evidence_of, pooled
from billp.agents.overlap import FARTHEST, categories_of, overlap, overlap_profile, steps_since_category
from billp.agents.plan import Plan, best_cooldown, make_plan, named_categories
from billp.catalogue import Item
from billp.errors import MemoryStoreError

CATEGORIES = ("War", "Drama", "Comedy", "Horror", "Crime")


def film(number: int, *categories: str, title: str = "") -> Item:
    return Item(index=number, key=str(number), title=title or f"Film {number}", categories=categories)


items = st.builds(
    lambda number, categories: film(number, *sorted(categories)),
    st.integers(0, 99),
    st.sets(st.sampled_from(CATEGORIES), min_size=1, max_size=3),
)


class TestOverlap:
    def test_each_span_says_how_much_the_closest_item_in_it_shares(self):
        war, drama, both = film(0, "War"), film(1, "Drama"), film(2, "War", "Drama")
        assert overlap_profile(war, []) == "0-0-0"
        assert overlap_profile(war, [war]) == "3-0-0"
        assert overlap_profile(war, [war, drama, drama]) == "0-3-0"
        assert overlap_profile(war, [war, *[drama] * 5]) == "0-0-3"
        assert overlap_profile(war, [both, drama]) == "2-0-0"  # half in common
        assert overlap_profile(war, [war, *[drama] * FARTHEST]) == "0-0-0"

    def test_items_without_categories_are_compared_by_the_words_of_their_titles(self):
        first, second = film(0, title="The Red Balloon"), film(1, title="red desert")
        assert categories_of(first) == {"the", "red", "balloon"}
        assert overlap(categories_of(first), categories_of(second)) == pytest.approx(1 / 4)

    @given(items, st.lists(items, max_size=12))
    def test_the_steps_since_a_category_agree_with_the_profile(self, candidate: Item, shown: list[Item]):
        back = steps_since_category(candidate, shown)
        spans = overlap_profile(candidate, shown).split("-")
        near = [digit for digit, start in zip(spans, (0, 2, 4), strict=True) if start <= back]
        assert (back == FARTHEST) == (set(spans) == {"0"})
        if back < FARTHEST:
            assert categories_of(candidate) & categories_of(shown[-1 - back])
            assert near[-1] != "0"


class TestEvidence:
    def test_counts_gaps_from_the_second_step_on_and_who_left_after_them(self):
        war, drama = film(0, "War"), film(1, "Drama")
        found = evidence_of([war, drama, war], [4, 2, 3], left=True)
        assert found.shown[1] == found.left[1] == 1  # War came back with one step between
        assert found.shown[FARTHEST] == 1
        assert found.left[FARTHEST] == 0
        assert found.stars == {"War": (2, 7), "Drama": (1, 2)}
        assert (
            found.words()
            == "The user left when a kind came back 2 steps after it was last shown. Best rated: War, Drama."
        )

    @given(st.lists(st.tuples(st.lists(items, min_size=1, max_size=9), st.booleans()), max_size=4))
    def test_evidence_of_several_episodes_adds_up_and_survives_storage(self, episodes: list[tuple[list[Item], bool]]):
        parts = [evidence_of(shown, [3.0] * len(shown), left=left) for shown, left in episodes]
        total = pooled([(part, 1.0) for part in parts])
        assert sum(total.shown) == sum(len(shown) - 1 for shown, _ in episodes)
        assert sum(total.left) == sum(left and len(shown) > 1 for shown, left in episodes)
        assert Evidence.from_json(total.to_json()) == total
        assert pooled([(part, 2.0) for part in parts]).shown == tuple(2 * count for count in total.shown)

    @pytest.mark.parametrize("text", ["", "[]", '{"shown": [1]}', "{", '{"shown": "x"}'])
    def test_what_is_no_evidence_is_refused(self, text: str):
        with pytest.raises(MemoryStoreError, match="vidence"):
            Evidence.from_json(text)


def evidence(*rows: tuple[int, int], **stars: tuple[float, float]) -> Evidence:
    """Rows of (shown, left) from gap 0 on."""
    full = [*rows, *[(0, 0)] * (FARTHEST + 1 - len(rows))]
    return Evidence(tuple(shown for shown, _ in full), tuple(left for _, left in full), stars)


class TestPlan:
    def test_the_cooldown_is_as_long_as_a_return_made_users_leave(self):
        assert best_cooldown(evidence((40, 10), (40, 10), (40, 10), (400, 2), (400, 2)), caution=1.0) == 3

    def test_a_cooldown_that_was_hardly_tried_is_not_preferred(self):
        assert best_cooldown(evidence((400, 20), (400, 20), (3, 0)), caution=1.0) == 0

    def test_without_evidence_nothing_is_planned(self):
        assert make_plan(Evidence()) == Plan()
        assert Plan().words() == ""

    def test_categories_that_are_rated_well_are_aimed_for_in_order(self):
        plan = make_plan(evidence(War=(50, 225), Drama=(50, 200), Horror=(50, 100), Crime=(1, 5)))
        assert list(plan.aim) == ["War", "Drama", "Crime"]  # one rating says little, however good
        assert list(plan.avoid) == ["Horror"]

    def test_what_is_within_its_cooldown_fits_worse_than_all_else(self):
        plan = Plan(aim={"War": 1.5}, avoid={"Horror": -1.5}, cooldown=2)
        war, horror, drama = film(0, "War"), film(1, "Horror"), film(2, "Drama")
        assert plan.fit(horror, [war]) > plan.fit(war, [war])
        assert plan.fit(war, [war, drama, drama]) > plan.fit(drama, [war]) > plan.fit(horror, [war, drama, drama])

    @pytest.mark.parametrize("worth", [*permutations((0.1, 0.2, 0.3))], ids=str)
    def test_a_fit_is_the_same_in_every_process(self, worth: tuple[float, ...]):
        """Categories are a set, whose order changes from process to process; a sum in that order breaks ties by it."""
        plan = Plan(aim=dict(zip(("War", "Drama", "Comedy"), worth, strict=True)))
        assert plan.fit(film(0, "War", "Drama", "Comedy"), []) == 0.6 / 3

    def test_the_planners_words_weigh_in_the_plan(self):
        assert named_categories("Try a war film, but no comedy; drama.", CATEGORIES, 0.2) == {
            "War": 0.2, "Comedy": -0.2, "Drama": 0.2,
        }  # fmt: skip
        assert named_categories("Warm comedies", CATEGORIES, 0.2) == {}
        for listed in ("avoid War, Comedy, Drama", "Not war, comedy or drama.", "no war or comedy, and drama"):
            assert named_categories(listed, CATEGORIES, 0.2) == {"War": -0.2, "Comedy": -0.2, "Drama": -0.2}
        for apart in ("avoid war, then try drama", "Avoid war, drama would be fresh."):
            assert named_categories(apart, CATEGORIES, 0.2) == {"War": -0.2, "Drama": 0.2}
        several = ("Action and Adventure", "Action", "Adventure", "R&B (new)")
        assert named_categories("no action and adventure, R&B (new)", several, 0.2) == dict.fromkeys(several, -0.2)
        assert list(make_plan(Evidence(), {"War": 0.2}).aim) == ["War"]
