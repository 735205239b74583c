"""The policy over a shortlist: what the LLM prefers, bent by what memory expects."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.actor import Actor
from agents.briefing import Briefing
from agents.llm.asking import Request
from agents.llm.reading import Reply
from agents.policy import Advice, choose, label_preferences, named_preferences, unbiased_preferences
from agents.prompt_pack import load_pack
from agents.tools import CategoryAnalysis
from agents.views import Situation
from catalogue import Item
from settings import ActorSettings
from tests.fakes.model import RuleModel

real = st.floats(-5, 5)
BRIEFING = Briefing(Situation((), (), ()), "", CategoryAnalysis())
FILMS = [Item(number, str(number), f"Film {number}", ("War",)) for number in range(12)]


class TestPreferences:
    @given(st.lists(st.tuples(real, real), min_size=1, max_size=8))
    def test_two_orders_tell_the_candidates_part_from_the_labels(self, parts: list[tuple[float, float]]):
        candidates, labels = (np.array(side) for side in zip(*parts, strict=True))
        first, turned = labels + candidates, labels + np.roll(candidates, -1)
        floored = max(np.ptp(first), np.ptp(turned)) > 6  # a label so unlikely may not even be reported
        if not floored:
            found = unbiased_preferences(first, turned)
            assert found == pytest.approx(candidates - candidates.mean(), abs=1e-9)

    def test_no_label_is_on_top_more_often_however_biased_it_is(self):
        """Letters with a bias of their own, another one in each prompt, and candidates in random order."""
        rng = np.random.default_rng(0)
        raw, unbiased = [], []
        for _ in range(600):
            labels = np.array([2.0, 0.0, -1.0, -1.0]) + rng.normal(size=4)
            candidates = rng.normal(size=4)
            first, turned = (labels + side + rng.normal(0, 0.1, 4) for side in (candidates, np.roll(candidates, -1)))
            raw.append(first.argmax())
            unbiased.append(unbiased_preferences(first, turned).argmax())
        assert np.bincount(raw, minlength=4).max() / 600 > 0.7
        assert np.bincount(unbiased, minlength=4) / 600 == pytest.approx(np.full(4, 0.25), abs=0.06)

    def test_a_label_that_was_not_reported_is_unlikely_and_not_impossible(self):
        assert label_preferences(np.array([-1.0, -np.inf])) == pytest.approx([3.0, -3.0])

    def test_a_named_candidate_is_preferred(self):
        assert list(named_preferences(1, 4)) == [-0.5, 1.5, -0.5, -0.5]


class TestChoice:
    @given(st.lists(st.tuples(real, real), min_size=2, max_size=6), st.floats(0, 3), st.integers(0, 9))
    def test_the_best_of_both_sides_is_chosen(self, pairs: list[tuple[float, float]], trust: float, seed: int):
        nats, stars = (np.array(side) for side in zip(*pairs, strict=True))
        chosen = choose(nats, Advice(tuple(stars), trust), tau=1.0, explore=False, seed=seed)
        assert (trust * nats + stars)[chosen] == pytest.approx((trust * nats + stars).max())

    def test_choices_in_training_are_drawn_as_the_closed_form_says(self):
        """pi proportional to prior^(trust / tau) * exp(A / tau)."""
        prior, stars, trust, tau = np.array([0.5, 0.3, 0.2]), (0.0, 1.0, -1.0), 0.8, 2.0
        expected = prior ** (trust / tau) * np.exp(np.array(stars) / tau)
        drawn = [choose(np.log(prior), Advice(stars, trust), tau=tau, explore=True, seed=seed) for seed in range(4000)]
        assert np.bincount(drawn) / 4000 == pytest.approx(expected / expected.sum(), abs=0.03)

    def test_of_equals_no_place_in_the_list_is_preferred(self):
        drawn = [choose(None, Advice((0.0,) * 4, 0.0), tau=1.0, explore=False, seed=seed) for seed in range(2000)]
        assert np.bincount(drawn) / 2000 == pytest.approx(np.full(4, 0.25), abs=0.05)


class TestAsking:
    """The LLM is asked where its answer could change the choice."""

    def biased(self, **settings: object) -> tuple[Actor, RuleModel]:
        def rule(request: Request) -> Reply:
            return Reply("A", {"A": -0.1, "B": -1.1, "C": -1.6})  # always A, whoever stands there

        model = RuleModel(rule)
        return Actor(model, load_pack(None), ActorSettings.model_validate({"orders": 1} | settings), 6), model

    async def test_a_model_that_only_knows_letters_prefers_nobody(self):
        actor, model = self.biased(orders=2)
        choice = await actor.choose(BRIEFING, FILMS[:3], 0)
        assert choice.preferences == pytest.approx((0, 0, 0))
        first, turned = (request.user for request in model.requests)
        assert first.index("A. Film 0") < first.index("C. Film 2")
        assert turned.index("A. Film 1") < turned.index("C. Film 0")

    async def test_a_model_that_knows_a_film_prefers_it_wherever_it_stands(self):
        def rule(request: Request) -> Reply:
            letter = next(line[0] for line in request.user.splitlines() if line[1:].startswith(". Film 2 "))
            return Reply(letter, {each: (1.0 if each == letter else 0.0) - (each == "C") for each in "ABC"})

        actor = Actor(RuleModel(rule), load_pack(None), ActorSettings(orders=2), 6)
        for shortlist in (FILMS[:3], [*FILMS[1:3], FILMS[0]], [FILMS[2], *FILMS[:2]]):
            choice = await actor.choose(BRIEFING, shortlist, 0, advice=Advice((0.0,) * 3, 0.5))
            assert shortlist[choice.position] is FILMS[2]

    async def test_it_is_not_asked_where_memory_is_sure(self):
        actor, model = self.biased()
        choice = await actor.choose(BRIEFING, FILMS[:3], 0, advice=Advice((0.0, 9.0, 0.0), 0.5))
        assert (choice.position, choice.preferences, choice.usage.calls) == (1, (), 0)
        assert not model.requests

    async def test_it_is_asked_where_its_preference_could_decide(self):
        actor, _ = self.biased()
        choice = await actor.choose(BRIEFING, FILMS[:3], 0, advice=Advice((0.0, 0.3, 0.0), 0.5))
        assert choice.position == 0
        assert choice.preferences[0] > choice.preferences[1]

    async def test_it_is_not_asked_where_it_could_win_next_to_nothing(self):
        """Trust is in stars a nat: a preference of two nats is worth 0.08 stars, less than a call must win."""
        actor, model = self.biased()
        choice = await actor.choose(BRIEFING, FILMS[:3], 0, advice=Advice((0.0, 0.0, 0.0), 0.04, 2.0))
        assert (choice.preferences, choice.usage.calls) == ((), 0)
        curious, model = self.biased(stake=0.0)
        choice = await curious.choose(BRIEFING, FILMS[:3], 0, advice=Advice((0.0, 0.0, 0.0), 0.04))
        assert len(model.requests) == 1

    async def test_in_training_it_is_measured_at_one_choice_in_so_many(self):
        actor, model = self.biased(measure=4)
        for seed in range(40):
            await actor.choose(BRIEFING, FILMS[:3], seed, advice=Advice((0.0, 9.0, 0.0), 0.0), explore=True)
        assert len(model.requests) == 10

    async def test_it_is_always_asked_where_that_is_wanted(self):
        actor, model = self.biased(ask="always")
        choice = await actor.choose(BRIEFING, FILMS[:3], 0, advice=Advice((0.0, 9.0, 0.0), 0.5))
        assert choice.position == 1
        assert len(model.requests) == 1
