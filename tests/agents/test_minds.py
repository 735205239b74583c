"""Planner, Actor, Critic and Reflector against queue-fed models."""

from __future__ import annotations

import math

import pytest

from billp.agents.actor_input import ActorInput
from billp.agents.llm.reading import Reply
from billp.agents.llm.usage import Usage
from billp.agents.observation import AgentObservation
from billp.agents.prompt_pack import load_pack
from billp.agents.roles.actor import Actor, label_scores
from billp.agents.roles.critic import Critic, advantage, expected_score
from billp.agents.roles.planner import Known, Planner
from billp.agents.roles.reflector import Reflector
from billp.agents.tools import CategoryAnalysis
from billp.catalogue import Item
from billp.errors import ModelUnavailableError, ReplyFormatError
from billp.settings import ActorSettings, CriticSettings, PlannerSettings, ReflectorSettings
from tests.fakes.model import QueueModel

ITEMS = tuple(Item(n, f"k{n}", f"Film {n}", ("Drama",) if n % 2 else ("War", "Comedy"), 1990 + n) for n in range(30))
SITUATION = AgentObservation(history=ITEMS[:3], recommended=ITEMS[3:5], rewards=(4, 2))
PACK = load_pack()


class TestPlanner:
    async def test_shows_history_lessons_and_steps_and_returns_one_line(self):
        model = QueueModel(["  Try a\ncomedy. "])
        planner = Planner(model, PACK["planner"], PlannerSettings())
        thought = await planner.think(SITUATION, Known(["vary more"], ["users leave over War"]), ["Drama"], seed=3)
        assert thought.text == "Try a comedy."
        (asked,) = model.requests
        assert asked.system == PACK["planner"].fixed
        for words in (
            "Film 0",
            "vary more",
            "- users leave over War",
            "- Film 3 [Drama]: 4",
            "- Film 4 [War, Comedy]: 2",
        ):
            assert words in asked.user
        assert (asked.max_tokens, asked.seed) == (PlannerSettings().max_tokens, 3)

    async def test_silence_is_a_named_failure(self):
        planner = Planner(QueueModel(["", " ... ", "--"]), PACK["planner"], PlannerSettings(retries=2))
        with pytest.raises(ReplyFormatError, match="planner"):
            await planner.think(SITUATION, Known(), [], seed=0)

    async def test_the_prompt_grows_only_at_its_end_while_the_window_stands(self):
        model = QueueModel(["a thought"] * 2)
        planner = Planner(model, PACK["planner"], PlannerSettings(shown_steps=6))
        for steps in (12, 13):
            recommended = ITEMS[:steps]
            await planner.think(AgentObservation(ITEMS[:3], recommended, (4,) * steps), Known(), [], seed=0)
        first, second = (asked.user for asked in model.requests)
        until = first.index("- Film 11") + len("- Film 11")
        assert second[:until] == first[:until]

    @pytest.mark.parametrize("steps", [0, 1, 5, 6, 11, 12, 29])
    def test_shown_steps_are_the_last_ones_and_bounded(self, steps: int):
        shown = AgentObservation((), ITEMS[:steps], (3,) * steps).shown_steps(6)
        assert [step.number for step in shown] == list(range(steps - len(shown) + 1, steps + 1))
        assert min(steps, 6) <= len(shown) < 12


class TestActor:
    async def test_chooses_by_letter_under_a_constraint(self):
        model = QueueModel(['"B"'])
        choice = await Actor(model, PACK, ActorSettings(choice="schema"), 6).choose(
            ActorInput(SITUATION, "calm", CategoryAnalysis(("War",), ("Drama",)), (ITEMS[7],), (ITEMS[8],)),
            ITEMS[10:13],
            seed=1,
            greedy=True,
        )
        assert choice.position == 1
        (asked,) = model.requests
        assert asked.choices == ("A", "B", "C")
        for words in (
            "- Film 2",
            "- Film 3: 4",
            "Plan: calm",
            "lately: War",
            "Went well before: Film 7",
            "Went badly before: Film 8",
            "C. Film 12",
        ):
            assert words in asked.user

    async def test_a_server_that_ignores_the_constraint_fails_by_name(self):
        actor = Actor(QueueModel(["I like B", "Z", ""]), PACK, ActorSettings(choice="schema", retries=2), 6)
        with pytest.raises(ReplyFormatError, match="none of A to C"):
            await actor.choose(ActorInput(SITUATION, "", CategoryAnalysis()), ITEMS[:3], seed=0, greedy=True)

    async def test_takes_the_letter_of_one_token_that_is_likeliest(self):
        model = QueueModel([Reply("B", {"B": -0.1, " B": -3.0, "The": -0.5, "C": -90.0})])
        choice = await Actor(model, PACK, ActorSettings(orders=1), 6).choose(
            ActorInput(SITUATION, "", CategoryAnalysis()), ITEMS[:3], seed=4, greedy=True
        )
        assert choice.position == 1
        (asked,) = model.requests
        assert (asked.max_tokens, asked.scores, asked.choices) == (1, True, ())

    async def test_without_any_letter_the_schema_decides(self):
        model = QueueModel([Reply("The", {"The": -0.1}, Usage(calls=1)), '"C"'])
        choice = await Actor(model, PACK, ActorSettings(orders=1), 6).choose(
            ActorInput(SITUATION, "", CategoryAnalysis()), ITEMS[:3], seed=4, greedy=True
        )
        assert choice.position == 2
        assert model.requests[1].choices == ("A", "B", "C")
        assert (choice.usage.calls, choice.usage.format_failures) == (2, 1)

    async def test_letters_are_drawn_as_often_as_their_probabilities_say(self):
        scores = {"A": math.log(0.6), "B": math.log(0.3), "x": math.log(0.1)}
        model = QueueModel([Reply("A", scores)] * 500)
        actor = Actor(model, PACK, ActorSettings(temperature=1.0, orders=1), 6)
        drawn = [
            (
                await actor.choose(ActorInput(SITUATION, "", CategoryAnalysis()), ITEMS[:3], seed=seed, greedy=False)
            ).position
            for seed in range(500)
        ]
        assert drawn.count(0) / drawn.count(1) == pytest.approx(2, rel=0.25)
        assert drawn.count(2) < 10  # not among the alternatives: e^-6 times as likely as the likeliest

    def test_labels_are_read_with_and_without_a_space_before_them(self):
        scores = label_scores({"A": math.log(0.2), " A": math.log(0.1), "x": -0.1}, "ABC")
        assert scores is not None
        assert scores[0] == pytest.approx(math.log(0.3))
        assert list(scores[1:]) == [-math.inf, -math.inf]
        assert label_scores({"x": -0.1}, "ABC") is None

    async def test_proposes_in_words(self):
        actor = Actor(QueueModel(["The Godfather"]), PACK, ActorSettings(), 6)
        proposal = await actor.propose(ActorInput(SITUATION, "crime", CategoryAnalysis()), seed=0)
        assert proposal.text == "The Godfather"


class TestCritic:
    def critic(self, *replies: Reply | str, value: str = "logprobs") -> tuple[Critic, QueueModel]:
        model = QueueModel(list(replies))
        settings = CriticSettings(gamma=0.5, value=value, llm_weight=1.0)  # type: ignore[arg-type]
        return Critic(model, PACK["critic"], settings, 6), model

    async def test_value_is_the_expectation_over_score_tokens(self):
        logprobs = {"9": math.log(0.3), " 9": math.log(0.1), "0": math.log(0.4), "The": math.log(0.2)}
        critic, model = self.critic(Reply("9", logprobs))
        judged = await critic.judge(SITUATION, [10.0, 0.0, 99.0, 7.0], seed=0)
        # Score 4.5 of 9 is half the highest value, 5 / (1 - 0.5), and weighs as much as one of the remembered ones.
        assert judged.value == pytest.approx((5 + 10 + 0 + 99 + 7) / 5)
        assert model.requests[0].max_tokens == 1
        assert "Similar sessions: 9, 0, 9." in model.requests[0].user

    async def test_no_score_among_the_tokens_is_asked_again_then_fails(self):
        critic, _ = self.critic(*[Reply("x", {"x": -0.1})] * 3)
        with pytest.raises(ReplyFormatError, match="no score"):
            await critic.judge(SITUATION, [], seed=0)

    async def test_sampling_reads_one_constrained_digit(self):
        critic, model = self.critic('"6"', value="sample")
        assert (await critic.judge(SITUATION, [], seed=0)).value == pytest.approx(6 / 9 * 10)
        assert model.requests[0].choices == tuple("0123456789")

    @pytest.mark.parametrize("text", ["", "10", "good", "-1", "4.5", "7 of 9", "½"])
    async def test_a_sample_that_is_no_digit_is_never_guessed_at(self, text: str):
        critic, _ = self.critic(text, text, text, value="sample")
        with pytest.raises(ReplyFormatError, match="not a digit"):
            await critic.judge(SITUATION, [], seed=0)

    def test_advantage_is_the_one_step_difference(self):
        lesson = advantage(reward=4, value=5.0, next_value=6.0, gamma=0.5)
        assert (lesson.target, lesson.advantage) == (7.0, 2.0)
        assert advantage(3, 5.0, 0.0, 0.5).advantage == -2.0

    def test_missing_scores_do_not_count(self):
        assert expected_score(Reply("", {"3": -1.0, "cat": 0.0})) == pytest.approx(3)


class TestReflector:
    @pytest.mark.parametrize(("left", "words"), [(True, "Then the user left."), (False, "stayed to the end")])
    async def test_says_how_the_episode_ended(self, left: bool, words: str):
        model = QueueModel(["Vary more."])
        lesson = await Reflector(model, PACK["reflector"], ReflectorSettings()).reflect(SITUATION, left=left, seed=0)
        assert lesson.text == "Vary more."
        assert words in model.requests[0].user

    async def test_an_absent_server_is_passed_on(self):
        reflector = Reflector(QueueModel([ModelUnavailableError("away")]), PACK["reflector"], ReflectorSettings())
        with pytest.raises(ModelUnavailableError, match="away"):
            await reflector.reflect(SITUATION, left=True, seed=0)
