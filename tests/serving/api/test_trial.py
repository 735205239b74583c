"""The control: who meets it, what it teaches, and how both compare."""

from __future__ import annotations

import numpy as np
import pytest

from billp.errors import SettingsError
from billp.experiments.stats.intervals import Estimate, difference_between
from billp.serving.api.arms import Arm, Arms
from billp.serving.api.trial import trial_of
from tests.serving.api.conftest import Open


async def test_a_share_of_the_users_meets_the_control_always_and_teaches_nothing(opening: Open):
    async with opening(memory="m", learns=True, untrained=True, control=0.4) as opened:
        records, people = opened.service.records, [f"person {number}" for number in range(12)]
        for rating, person in enumerate([*people, *people]):
            turn = await opened.begin(person)
            await opened.say(turn["session"], "1", rating=1 + rating % 5)
            await opened.say(turn["session"], "2", rating=3, leave=True)
        rows = await opened.service.database.rows("SELECT person, arm, method, memory, teaches FROM sessions")
        arms = {person: {row[1:] for row in rows if row[0] == person} for person in people}
        assert all(len(met) == 1 for met in arms.values()), "a user who comes again meets the same arm"
        assert {met for each in arms.values() for met in each} == {
            ("served", "billp-memory-only", "m", 1),
            ("control", "popular", "", 0),
        }
        trial = await trial_of(records)
        served, control = trial.arms
        assert (served.arm, served.methods, control.methods) == ("served", ["billp-memory-only"], ["popular"])
        assert served.users + control.users == 12
        assert (served.sessions, served.left) == (2 * served.users, 2 * served.users)
        assert served.length.mean == control.length.mean == 2
        assert trial.differences["length"] == Estimate(mean=0, ci95=(0, 0))
        low, high = trial.differences["reward_trajectory"].ci95 or (0.0, 0.0)
        assert low < (trial.differences["reward_trajectory"].mean or 0.0) < high


async def test_without_a_control_there_is_one_arm(opening: Open):
    async with opening() as opened:
        assert (await trial_of(opened.service.records)).arms == []
        turn = await opened.begin()
        await opened.say(turn["session"], "1", leave=True)
        trial = await trial_of(opened.service.records)
        assert ([arm.users for arm in trial.arms], trial.differences) == ([1], {})
        assert trial.arms[0].length.note == "one user"


async def test_a_control_is_another_method(opening: Open):
    with pytest.raises(SettingsError, match="another method"):
        async with opening(control=0.1, control_method="billp-memory-only"):
            pass


@pytest.mark.parametrize("share", [0.1, 0.5])
async def test_the_share_is_kept_and_the_names_do_not_tell(opening: Open, share: float):
    async with opening(control=share) as opened:
        arms = opened.service.sessions._arms
        met = [arms.of(f"user {number}").name == "control" for number in range(4000)]
        assert abs(np.mean(met) - share) < 0.03
        assert isinstance(arms, Arms)
        assert isinstance(arms.of("x"), Arm)


def test_an_interval_between_groups_holds_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(600):
        a, b = rng.normal(3.0, 1.0, (1, 30)), rng.normal(2.0, 2.0, (1, 12))
        found = difference_between(a, b)
        assert found.ci95 is not None
        held += found.ci95[0] <= 1.0 <= found.ci95[1]
    assert 0.93 <= held / 600 <= 0.985
