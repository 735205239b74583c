"""The policy over a shortlist: what the LLM prefers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from billp.agents.actor_input import ActorInput
from billp.agents.llm.asking import Request
from billp.agents.llm.reading import Reply
from billp.agents.observation import AgentObservation
from billp.agents.preferences import choose, label_preferences, named_preferences, unbiased_preferences
from billp.agents.prompt_pack import load_pack
from billp.agents.roles.actor import Actor
from billp.agents.tools import CategoryAnalysis
from billp.catalogue import Item
from billp.settings import ActorSettings
from tests.fakes.model import RuleModel

real = st.floats(-5, 5)
BRIEFING = ActorInput(AgentObservation((), (), ()), "", CategoryAnalysis())
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
    @given(st.lists(real, min_size=2, max_size=6), st.floats(0, 3), st.integers(0, 9))
    def test_a_greedy_choice_is_the_preferred_candidate(self, nats: list[float], temperature: float, seed: int):
        chosen = choose(np.array(nats), temperature=temperature, greedy=True, seed=seed)
        assert nats[chosen] == pytest.approx(max(nats))

    @pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
    def test_other_choices_are_drawn_at_the_temperature(self, temperature: float):
        prior = np.array([0.5, 0.3, 0.2])
        drawn = [choose(np.log(prior), temperature=temperature, greedy=False, seed=seed) for seed in range(4000)]
        expected = prior ** (1 / temperature)
        assert np.bincount(drawn) / 4000 == pytest.approx(expected / expected.sum(), abs=0.03)

    def test_at_temperature_zero_the_preferred_candidate_is_drawn(self):
        drawn = {choose(np.array([0.0, 0.1, -1.0]), temperature=0, greedy=False, seed=seed) for seed in range(50)}
        assert drawn == {1}

    @pytest.mark.parametrize("greedy", [True, False])
    def test_of_equals_no_place_in_the_list_is_preferred(self, greedy: bool):
        drawn = [choose(np.zeros(4), temperature=1.0, greedy=greedy, seed=seed) for seed in range(2000)]
        assert np.bincount(drawn) / 2000 == pytest.approx(np.full(4, 0.25), abs=0.05)


class TestAsking:
    """What the Actor makes of a model's letters."""

    async def test_a_model_that_only_knows_letters_prefers_nobody(self):
        model = RuleModel(lambda _: Reply("A", {"A": -0.1, "B": -1.1, "C": -1.6}))  # always A, whoever stands there
        actor = Actor(model, load_pack(None), ActorSettings(orders=2), 6)
        choice = await actor.choose(BRIEFING, FILMS[:3], 0, greedy=True)
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
            choice = await actor.choose(BRIEFING, shortlist, 0, greedy=True)
            assert shortlist[choice.position] is FILMS[2]

    async def test_where_it_is_not_greedy_it_takes_the_second_choice_as_often_as_its_odds_say(self):
        model = RuleModel(lambda _: Reply("A", {"A": math.log(0.75), "B": math.log(0.25)}))
        actor = Actor(model, load_pack(None), ActorSettings(orders=1, temperature=1.0), 6)
        positions = [(await actor.choose(BRIEFING, FILMS[:2], seed, greedy=False)).position for seed in range(1000)]
        assert np.mean(positions) == pytest.approx(0.25, abs=0.04)
        assert (await actor.choose(BRIEFING, FILMS[:2], 0, greedy=True)).position == 0
