"""The policy over a shortlist: what the LLM prefers, bent by what memory expects."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.actor import Actor
from agents.briefing import Briefing
from agents.models import Reply, Request
from agents.policy import Advice, choose, label_bias, label_preferences, named_preferences
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
    def test_a_labels_own_bias_is_taken_off(self):
        """Letters with a bias of their own, and candidates in random order that are worth something."""
        rng = np.random.default_rng(0)
        bias = np.array([2.0, 0.0, -1.0, -1.0])
        samples = [bias + rng.normal(size=4) for _ in range(400)]
        measured = label_bias(samples[:200])
        assert measured.labels == pytest.approx(bias, abs=0.2)
        raw = np.bincount([sample.argmax() for sample in samples[200:]], minlength=4) / 200
        calibrated = [label_preferences(sample, measured.labels).argmax() for sample in samples[200:]]
        assert raw.max() > 0.7
        assert np.bincount(calibrated, minlength=4) / 200 == pytest.approx(np.full(4, 0.25), abs=0.1)

    def test_a_label_that_was_not_reported_is_unlikely_and_not_impossible(self):
        assert label_preferences(np.array([-1.0, -np.inf]), None) == pytest.approx([3.0, -3.0])

    def test_without_samples_nothing_is_taken_off(self):
        assert label_bias([]).labels is None

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

    def cases(self) -> list[tuple[Briefing, list[Item]]]:
        return [(BRIEFING, FILMS[:3])] * 4

    async def test_a_model_that_only_knows_letters_is_no_longer_heard_once_that_is_measured(self):
        actor, model = self.biased()
        choice = await actor.choose(BRIEFING, FILMS[:3], 0, neutral=self.cases)
        assert choice.preferences == pytest.approx((0, 0, 0))
        assert len(model.requests) == 4 + 1
        await actor.choose(BRIEFING, FILMS[3:6], 1, neutral=self.cases)
        assert len(model.requests) == 4 + 2, "the bias of a kind of prompt is measured once"
        shaped = replace(BRIEFING, thought="a thought")
        await actor.choose(shaped, FILMS[3:6], 1, neutral=self.cases)
        assert len(model.requests) == 4 + 2 + 4 + 1, "another kind of prompt has a bias of its own"

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
        choice = await actor.choose(BRIEFING, FILMS[:3], 0, advice=Advice((0.0, 0.0, 0.0), 0.04))
        assert (choice.preferences, choice.usage.calls) == ((), 0)
        curious, model = self.biased(stake=0.0)
        choice = await curious.choose(BRIEFING, FILMS[:3], 0, advice=Advice((0.0, 0.0, 0.0), 0.04))
        assert len(model.requests) == 1

    async def test_it_is_always_asked_where_that_is_wanted(self):
        actor, model = self.biased(ask="always")
        choice = await actor.choose(BRIEFING, FILMS[:3], 0, advice=Advice((0.0, 9.0, 0.0), 0.5))
        assert choice.position == 1
        assert len(model.requests) == 1

    async def test_both_orders_cancel_what_calibration_left(self):
        actor, model = self.biased(orders=2)
        choice = await actor.choose(BRIEFING, FILMS[:3], 0)
        assert len(model.requests) == 2
        assert choice.preferences[0] == pytest.approx(choice.preferences[2])
