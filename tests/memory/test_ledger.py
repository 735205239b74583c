"""What all experiences say together."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory.ledger import Ledger
from memory.outcomes import Outcome

VECTORS = np.eye(8, dtype=np.float32)  # eight items that have nothing to do with one another


def outcome(number: int, relation: str = "0-0-0", *, after: float = 0.0, **given: float) -> Outcome:
    """`after` is what followed beyond the reward."""
    values = {"item": 0, "reward": 3.0, "liking": 0.0, "preference": 0.0, **given}
    reward = values["reward"]
    return Outcome(
        f"id {number}", relation, int(values["item"]), reward, reward + after, values["liking"], values["preference"]
    )


def ledger(*parts: tuple[int, str, dict[str, float]]) -> Ledger:
    """So many outcomes of each relation and kind."""
    kinds = [(relation, given) for count, relation, given in parts for _ in range(count)]
    return Ledger(outcome(number, relation, **given) for number, (relation, given) in enumerate(kinds))


def test_nothing_is_expected_where_nothing_is_known():
    assert [(e.advantage, e.support) for e in Ledger().estimate(["0-0-0"], [1], VECTORS, 2.0)] == [(0.0, 0.0)]
    assert Ledger().trust(0.5, 2.0) == 0.5


def test_a_relation_after_which_users_leave_is_worth_less():
    known = ledger((50, "0-0-0", {}), (25, "3-0-0", {"after": -30.0}), (25, "3-0-0", {}))
    fresh, repeated, unknown = known.estimate(["0-0-0", "3-0-0", "0-3-3"], [1, 1, 1], VECTORS, 0.0)
    assert fresh.staying == pytest.approx(7.5 * 50 / 51)  # the mean of all is -7.5; one doubt
    assert repeated.staying == pytest.approx(-7.5 * 50 / 51)
    assert unknown.staying == pytest.approx(0, abs=1e-6)
    assert (round(fresh.support), round(unknown.support)) == (50, 0)


def test_caution_prefers_what_is_known_to_be_good_to_what_is_hardly_known():
    known = ledger((200, "0-0-0", {}), (1, "0-1-0", {}), (20, "3-0-0", {"after": -30.0}))
    sure, thin = known.estimate(["0-0-0", "0-1-0"], [1, 1], VECTORS, 2.0)
    assert sure.advantage > thin.advantage


def test_items_like_those_that_were_rated_well_are_liked():
    known = ledger((10, "0-0-0", {"item": 0, "reward": 5.0}), (10, "0-0-0", {"item": 1, "reward": 1.0}))
    near = VECTORS.copy()
    near[2] = near[0]
    good, bad, like_good = known.estimate(["0-0-0"] * 3, [0, 1, 2], near, 0.0)
    assert good.liking > 1 > -1 > bad.liking
    assert like_good.liking > 0.5
    assert good.advantage == good.staying + good.liking


def test_trust_follows_what_the_llm_was_right_about():
    rng = np.random.default_rng(0)
    nats = rng.normal(size=500)
    right = Ledger(outcome(n, reward=3 + x, preference=x) for n, x in enumerate(nats))
    noise = Ledger(
        outcome(n, reward=3 + y, preference=x) for n, (x, y) in enumerate(zip(nats, rng.normal(size=500), strict=True))
    )
    wrong = Ledger(outcome(n, reward=3 - x, preference=x) for n, x in enumerate(nats))
    foreseen = Ledger(outcome(n, reward=3 + x, liking=x, preference=x) for n, x in enumerate(nats))
    assert right.trust(0.5, 0.0) == pytest.approx(1.0, abs=0.05)
    assert noise.trust(0.5, 0.0) == pytest.approx(0.0, abs=0.12)
    assert wrong.trust(0.5, 0.0) == 0
    assert foreseen.trust(0.5, 0.0) == pytest.approx(0.0, abs=0.1), "what memory knew itself is no merit of the LLM"


def test_caution_trusts_what_can_be_told_from_chance():
    rng = np.random.default_rng(1)
    nats, noise = rng.normal(size=(2, 400))
    of_use = Ledger(
        outcome(n, reward=3 + 0.5 * x + y, preference=x) for n, (x, y) in enumerate(zip(nats, noise, strict=True))
    )
    # The slope's standard error is 1 star a nat over the root of 400.
    assert of_use.trust(0.0, 0.0) - of_use.trust(0.0, 2.0) == pytest.approx(2 / 20, rel=0.15)
    assert of_use.trust(0.0, 2.0) > 0.3
    draws = [rng.normal(size=(2, 100)) for _ in range(200)]
    of_none = [Ledger(outcome(n, reward=3 + y, preference=x) for n, (x, y) in enumerate(draw.T)) for draw in draws]
    assert sum(each.trust(0.0, 0.0) > 0 for each in of_none) > 60, "by chance half of them look useful"
    assert sum(each.trust(0.0, 2.0) > 0 for each in of_none) < 15


def test_the_reach_of_the_llm_is_what_it_was_measured_to_be():
    nats = np.random.default_rng(2).normal(0, 0.2, 200)
    assert Ledger(outcome(n, preference=x) for n, x in enumerate(nats[:7])).reach(4.0) == 4.0
    assert Ledger(outcome(n, preference=x) for n, x in enumerate(nats)).reach(4.0) == pytest.approx(0.5, rel=0.1)


def test_what_nobody_asked_the_llm_about_says_nothing_of_it():
    asked = [outcome(n, reward=3 + n % 2, preference=0.5 - n % 2) for n in range(40)]
    others = [outcome(n, reward=3.5) for n in range(40, 90)]
    assert Ledger(asked + others).trust(0.5, 1.0) == pytest.approx(Ledger(asked).trust(0.5, 1.0))


@given(st.lists(st.tuples(st.integers(0, 9), st.sampled_from(["0-0-0", "1-0-2"]), st.floats(-9, 9)), max_size=30))
def test_counting_twice_is_counting_once_in_any_portions(rows: list[tuple[int, str, float]]):
    outcomes = [outcome(n, relation, item=n % 8, after=after) for n, relation, after in rows]
    whole, parts = Ledger(outcomes), Ledger()
    for each in [*outcomes, *outcomes]:
        parts.add([each])
    asked = (["0-0-0", "1-0-2"], [0, 1], VECTORS, 1.0)
    assert len(whole) == len(parts) == len({each.id for each in outcomes})
    for a, b in zip(whole.estimate(*asked), parts.estimate(*asked), strict=True):
        assert (a.advantage, a.support) == pytest.approx((b.advantage, b.support))
