"""Malformed replies: no crash, no value from a wrong one, every failure counted.

`python -m benchmarks.replies` tries 20,000 of them.
"""

from __future__ import annotations

import pytest

from tests.fakes.malformed import ROLES, Case, as_sent, cases, streams, whole
from tests.fakes.trying import tried

pytestmark = [pytest.mark.enable_socket, pytest.mark.integration]


async def test_whole_replies_are_understood():
    good = [Case("whole", role, as_sent(whole(role)), right=True) for role in ROLES]
    outcomes = await tried(good)
    assert [outcome.fault for outcome in outcomes] == [""] * len(ROLES)
    assert sum(outcome.counted for outcome in outcomes) == 0


async def test_a_wrong_reply_is_an_error_that_is_foreseen_and_never_a_value():
    outcomes = await tried(cases(700))
    assert [(outcome.case.kind, outcome.case.role, outcome.fault) for outcome in outcomes if outcome.fault] == []
    assert {outcome.case.role for outcome in outcomes if outcome.error} == set(ROLES)
    assert {outcome.case.role for outcome in outcomes if not outcome.error} == set(ROLES)


async def test_a_second_try_makes_up_for_it_and_the_failure_is_counted():
    wrong = [case for case in cases(700, seed=1) if case.kind.startswith(("text", "logprob", "token", "entry"))]
    wrong = [case for case in wrong if not case.right or case.counted]
    good = [Case(case.kind, case.role, as_sent(whole(case.role)), right=True, counted=True) for case in wrong]
    outcomes = await tried(good, first=wrong)
    understood = [outcome for outcome in outcomes if not outcome.error]
    assert len(understood) > len(outcomes) / 2, "what is no chat completion at all is not asked for again"
    assert [(outcome.case.kind, outcome.case.role, outcome.fault) for outcome in understood if outcome.fault] == []


async def test_a_stream_that_is_wrong_or_breaks_off_is_no_value_either():
    outcomes = await tried(streams(240))
    assert [(outcome.case.kind, outcome.case.role, outcome.fault) for outcome in outcomes if outcome.fault] == []
    assert {bool(outcome.error) for outcome in outcomes} == {True, False}
