"""What the LLM says of items in the beliefs: who uses it, when it counts, and that a tape brings it along."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from billp.agents.llm.asking import Request
from billp.agents.llm.reading import Reply
from billp.agents.llm.tape import Tape
from billp.agents.prompt_pack import load_pack
from billp.agents.recommender import NO_ITEM
from billp.agents.roles.appraiser import Appraiser
from billp.errors import ModelUnavailableError
from billp.graphs.dependencies import Dependencies
from billp.graphs.item_knowledge import Filling, ask_about, open_items
from billp.graphs.methods import METHODS
from billp.graphs.ranking import Beliefs, MemoryRecommender
from billp.memory import AgentMemory, Answers, Knowledge, KnowledgeFile
from billp.memory.experiences import Outcome
from billp.memory.leaving import LONGEST
from tests.fakes.dependencies import fake_dependencies
from tests.fakes.model import RuleModel
from tests.fakes.worlds import tiny_dataset, tiny_worlds
from tests.graphs.test_beliefs import taught
from tests.memory import examples

PROMPT = load_pack()["item"]
NOTHING = Answers("", ())


def liked() -> np.ndarray:
    """(items,) the train users' mean ratings: what a model would say that knew everything."""
    data, train = tiny_dataset(), tiny_worlds().train.users
    mine = np.isin(data.users, train)
    counts = np.bincount(data.items[mine], minlength=len(data.catalogue))
    return np.bincount(data.items[mine], data.ratings[mine], len(data.catalogue)) / np.maximum(counts, 1)


def knowing(said: np.ndarray, **flags: Any) -> Dependencies:
    made = fake_dependencies(**flags)
    knowledge = Knowledge("model", len(said), "", said.astype(float))
    return replace(made, belief_model=made.belief_model.knowing(knowledge))


def slope(deps: Dependencies, method: str, memory: AgentMemory | None = None) -> float:
    """The stars that one deviation of the model's answers is believed to be worth; 0 where they are not used."""
    values = deps.belief_model.beliefs(METHODS[method], memory).values
    return float(values.weights[values.knowledge].sum())


def praised(answered: Iterable[int], mistaken: tuple[int, int] = (0, 0)) -> Beliefs:
    """Beliefs without logs where a model praises items by their number and the `answered` ones, met five times each,

    got stars to match; the item `mistaken[0]` got one star `mistaken[1]` times.
    """
    said = np.linspace(-2, 2, 60)
    stars = [(item, 3.5 + said[item] / 4) for item in answered for _ in range(5)] + [(mistaken[0], 1.0)] * mistaken[1]
    outcomes = [Outcome(f"run/{n:04d}", "", item, reward, reward, (), False) for n, (item, reward) in enumerate(stars)]
    return knowing(said).belief_model.after(METHODS["billp-no-logs"], outcomes)


def says(rule: Callable[[str], float]) -> RuleModel:
    """A model whose log-odds of yes are what `rule` says of the question."""

    def reply(request: Request) -> Reply:
        return Reply("Yes", {"Yes": rule(request.user) - 500.0, "No": -500.0})

    return RuleModel(reply)


class TestBeliefs:
    def test_ratings_prove_a_model_right_that_knows(self):
        assert slope(knowing(liked()), "billp") > 0.2

    def test_a_model_that_says_the_contrary_is_read_the_other_way_round(self):
        assert slope(knowing(-liked()), "billp") < -0.2

    def test_a_model_that_knows_nothing_is_worth_nothing(self):
        guesses = [np.random.default_rng(seed).standard_normal(60) for seed in range(8)]
        slopes = [slope(knowing(said), "billp") for said in guesses]
        assert abs(np.mean(slopes)) < 0.1
        assert abs(np.mean(slopes)) < slope(knowing(liked()), "billp") / 4

    def test_answers_prove_it_where_there_are_no_logs(self):
        deps = knowing(np.where(np.arange(60) == 5, 3.0, np.linspace(-1, 1, 60)))
        assert slope(deps, "billp-no-logs", taught(item=5, reward=5.0)) > 0
        assert slope(deps, "billp-no-logs", taught(item=5, reward=1.0)) < 0

    def test_before_any_rating_or_answer_it_moves_no_expectation_and_no_sureness_makes_up_for_that(self):
        said = np.where(np.arange(60) == 7, 1e6, np.linspace(-1, 1, 60))  # wildly sure of one
        told, plain = (
            deps.belief_model.beliefs(METHODS["billp-no-logs"], None) for deps in (knowing(said), fake_dependencies())
        )
        assert np.array_equal(told.values.mean, plain.values.mean)
        assert np.all(told.dislike >= plain.dislike - 1e-12), "it may be mistaken, so that nothing is safer by it"

    def test_what_a_model_alone_praises_is_less_safe_than_what_answers_prove(self):
        told = praised(answered=range(0, 40))
        untried = np.arange(40, 60)
        proven = told.values.variance[:40].max()
        assert np.all(told.values.variance[untried] > proven)
        as_if_proven = told.dislike_of(told.values.mean, told.values.spread + proven)
        assert np.all(told.dislike[untried] > as_if_proven[untried]), "of equal expectations, doubt is the greater risk"
        assert told.values.weights[told.values.knowledge].item() > 0.1, "though its praise has been right so far"

    def test_a_confident_mistake_ends_few_episodes(self):
        best = 59  # praised most, and disliked by all
        before, after = praised(answered=range(0, 40)), praised(answered=range(0, 40), mistaken=(best, 3))
        assert before.values.mean[best] > np.median(before.values.mean[40:])
        assert after.values.mean[best] < after.values.mean[40:59].min()
        assert after.dislike[best] > after.dislike[40:59].max()
        recommender = MemoryRecommender(after, explores=False, leave_cost=100.0, variety=0.0)
        ranked = np.argsort(-recommender.weigh(np.array([NO_ITEM] * LONGEST), np.zeros(60, dtype=bool), 0).scores)
        assert ranked[-1] == best
        slopes = [beliefs.values.weights[beliefs.values.knowledge].item() for beliefs in (before, after)]
        assert slopes[1] < slopes[0], "and the model is believed less"

    @pytest.mark.parametrize("method", ["billp-memory-only", "billp-memory-only-no-logs"])
    def test_memory_alone_never_looks_at_it(self, method: str):
        assert slope(knowing(liked()), method) == 0
        assert not METHODS[method].knows

    def test_it_can_be_switched_off(self):
        assert slope(knowing(liked(), memory__llm_knowledge=False), "billp") == 0

    def test_what_is_said_later_counts_from_the_next_change_of_memory_on(self):
        said, made = [Knowledge.nothing(60)], fake_dependencies()
        belief_model = made.belief_model.knowing(said[0], lambda: said[-1])
        memory, method = taught(item=5, reward=5.0), METHODS["billp"]
        before = belief_model.beliefs(method, memory)
        said.append(Knowledge("model", 60, "", liked()))
        assert belief_model.beliefs(method, memory) is before
        memory.actor.write([replace(examples.actor(1, 0), vector=memory.embedder.embed(["x"])[0], item=7)])
        after = belief_model.beliefs(method, memory).values
        assert after.weights[after.knowledge].size == 1


class TestAsking:
    async def test_every_item_is_asked_about_once_and_side_by_side(self, tmp_path: Path):
        deps, file = fake_dependencies(), KnowledgeFile(tmp_path / "k.jsonl")
        items = open_items(deps, NOTHING)
        asked: list[int] = []
        await ask_about(
            Appraiser(says(len), PROMPT), items, file, at_once=7, on_answer=lambda: asked.append(len(asked))
        )  # fmt: skip
        assert len(asked) == len(items) == 60
        assert file.read().of(deps.catalogue).asked == 60
        assert open_items(deps, file.read()) == []

    async def test_what_was_answered_before_a_failure_is_kept_and_not_asked_again(self, tmp_path: Path):
        deps, file = fake_dependencies(), KnowledgeFile(tmp_path / "k.jsonl")
        model = RuleModel(_failing_after(10))
        items = open_items(deps, NOTHING)
        with pytest.raises(ExceptionGroup) as caught:
            await ask_about(Appraiser(model, PROMPT), items, file, at_once=1)
        assert isinstance(caught.value.exceptions[0], ModelUnavailableError)
        assert open_items(deps, file.read()) == items[10:]

    def test_of_a_large_catalogue_the_most_rated_are_asked_about(self):
        deps = fake_dependencies(memory__llm_items=5)
        assert [item.index for item in open_items(deps, NOTHING)] == deps.ranking[:5].tolist()

    def test_knowledge_is_filled_in_behind_episodes_and_lets_their_calls_go_first(self, tmp_path: Path):
        deps, file, busy = fake_dependencies(), KnowledgeFile(tmp_path / "k.jsonl"), [True]
        items = open_items(deps, NOTHING)
        filling = Filling(lambda: says(len), PROMPT, items, file, lambda: busy[0]).start()
        try:
            assert file.read().lines == ()
            busy[0] = False
            filling.wait()
        finally:
            filling.stop()
        assert file.read().of(deps.catalogue).asked == 60

    def test_filling_stops_when_asked_to(self, tmp_path: Path):
        deps, file = fake_dependencies(), KnowledgeFile(tmp_path / "k.jsonl")
        filling = Filling(lambda: says(len), PROMPT, open_items(deps, NOTHING), file, lambda: True).start()
        filling.stop()
        assert file.read().lines == ()


def test_a_tape_brings_along_what_was_known_when_it_was_begun(tmp_path: Path):
    said = Answers("model-1", ('{"item":"Film 1","log_odds":1.5}',))
    tape = Tape(tmp_path / "tape.sqlite", replay=False)
    tape.add_model("m", "")
    tape.add_knowledge("m", "q", said.name, said.text)
    tape.add_knowledge("m", "q", "model-1", "")  # known later: the first stays
    tape.close()
    replay = Tape(tmp_path / "tape.sqlite", replay=True)
    recorded = replay.knowledge_of("m", "q")
    assert recorded is not None
    assert Answers.in_text(*recorded) == said
    assert replay.knowledge_of("m", "another question") is None
    replay.close()


def _failing_after(count: int) -> Callable[[Request], Reply]:
    left = [count]

    def reply(_: Request) -> Reply:
        left[0] -= 1
        if left[0] < 0:
            raise ModelUnavailableError("away")
        return Reply("No", {"No": -0.1, "Yes": -3.0})

    return reply
