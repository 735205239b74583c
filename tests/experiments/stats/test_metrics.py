"""Summaries: what enters a mean, what an interval covers, what time is counted."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from billp.experiments.stats.beyond_accuracy import BeyondAccuracy
from billp.experiments.stats.metrics import busy_seconds, summarise
from billp.experiments.stats.tables import summary_table
from billp.experiments.stats.terminal_tables import terminal_tables
from tests.experiments.examples import failed, finished, usage


def test_a_failed_episode_is_counted_apart_and_enters_no_mean():
    good = [finished("a", 4, 4, user="u0"), finished("b", 2, 4, 3, 3, user="u1")]
    alone, beside = summarise(good, "billp", "tiny"), summarise([*good, failed("c", "u2")], "billp", "tiny")
    assert (alone.failed, beside.failed) == (0, 1)
    assert (alone.episodes, beside.episodes) == (2, 3)
    assert beside.users == 3
    assert (beside.len, beside.r_each, beside.r_traj) == (alone.len, alone.r_each, alone.r_traj)
    assert beside.len.mean == 3
    assert beside.r_each.mean == 3.5
    assert beside.r_traj.mean == 10


def test_where_every_episode_failed_there_is_no_mean():
    summary = summarise([failed("a"), failed("b", "u1")], "billp", "tiny")
    assert summary.failed == summary.episodes == 2
    for each in (summary.len, summary.r_each, summary.r_traj):
        assert each.mean is None
        assert each.ci95 is None
    assert summary.quit_reasons == {}
    assert (summary.tokens_per_step, summary.llm_calls_per_step, summary.seconds_per_step) == (0, 0, 0)
    assert "- (none finished)" in summary_table({"billp": summary}).rows[0]


def test_the_seeds_of_a_user_are_averaged_first():
    lines = [
        finished("a", 1, user="u0", seed=0),
        finished("b", 1, 1, 1, user="u0", seed=1),
        finished("c", 1, 1, 1, 1, user="u1", seed=0),
    ]
    summary = summarise(lines, "billp", "tiny")
    assert summary.len.mean == 3  # (mean of 1 and 3, and 4), not the mean of 1, 3 and 4
    assert summary.seeds == [0, 1]
    assert summary.users == 2
    # One user with one seed failed keeps the other: still a mean over users.
    assert summarise([*lines[:1], failed("b", seed=1), lines[2]], "billp", "tiny").len.mean == 2.5


def test_seeds_of_one_user_do_not_narrow_the_interval():
    few = [finished(f"{user}", *[3.0] * (user + 1), user=f"u{user}") for user in range(4)]
    many = [line.model_copy(update={"id": f"{line.id}-{seed}", "seed": seed}) for line in few for seed in range(5)]
    wide, alike = summarise(few, "billp", "tiny").len, summarise(many, "billp", "tiny").len
    assert alike.mean == wide.mean
    assert alike.ci95 == pytest.approx(wide.ci95, rel=0.05)


def test_trainings_that_differ_widen_the_interval():
    """One seed's memory or policy was lucky: that is no more certain for being met by many users."""
    by_seed = {0: 2, 1: 10, 2: 3}
    lines = [
        finished(f"{user}-{seed}", *[3.0] * length, user=f"u{user}", seed=seed)
        for seed, length in by_seed.items()
        for user in range(40)
    ]
    trained, drawn = (summarise(lines, "a2c", "tiny", trained=trained).len for trained in (True, False))
    assert trained.mean == drawn.mean == 5
    assert trained.ci95 == pytest.approx((5 - 4.303 * 4.359 / 3**0.5, 5 + 4.303 * 4.359 / 3**0.5), abs=0.01)
    assert drawn.ci95 == (5, 5)


def test_one_user_or_one_training_has_a_dash_and_a_word_instead_of_an_interval():
    lines = [finished(f"{user}", *[3.0] * (user + 1), user=f"u{user}") for user in range(4)]
    one_user, one_seed = summarise(lines[:1], "random", "tiny"), summarise(lines, "dqn", "tiny", trained=True)
    assert [row[:4] for row in summary_table({"a": one_user, "b": one_seed}).rows] == [
        ("a", "1.0 [-] (one user)", "3.00 [-] (one user)", "3.0 [-] (one user)"),
        ("b", "2.5 [-] (one seed)", "3.00 [-] (one seed)", "7.5 [-] (one seed)"),
    ]


def test_who_was_met_twice_with_one_seed_has_the_mean():
    lines = [finished("a", 1), finished("b", 1, 1, 1), finished("c", 1, 1, 1, 1, user="u1")]
    assert summarise(lines, "billp", "tiny").len.mean == 3


@pytest.mark.parametrize("width", [60, 80])
def test_a_narrow_terminal_wraps_numbers_and_cuts_none_off(width: int):
    lines = [finished(f"{user}", *[3.0] * (user + 1), user=f"u{user}") for user in range(9)]
    summary = summarise(lines, "shortlist-random", "ml-100k")
    console = Console(width=width, record=True, file=io.StringIO())
    for part in terminal_tables(summary_table({"shortlist-random (training)": summary}), width):
        console.print(part)
    said = console.export_text()
    assert "…" not in said
    low, high = summary.r_traj.ci95 or (0, 0)
    assert f"[{low:.1f}," in said
    assert f"{high:.1f}]" in said


@pytest.mark.parametrize(
    ("times", "busy"),
    [
        ([], 0),
        ([(2, 5)], 3),
        ([(0, 2), (1, 3)], 3),  # overlap counted once
        ([(0, 10), (2, 3), (4, 5)], 10),  # contained
        ([(0, 1), (100, 102)], 3),  # a pause before --resume
        ([(5, 6), (0, 2), (1, 4)], 5),  # any order
        ([(0, 1), (1, 2)], 2),
    ],
)
def test_busy_seconds_are_the_union_of_the_times(times: list[tuple[float, float]], busy: float):
    assert busy_seconds([finished(str(n), 3, times=each) for n, each in enumerate(times)]) == pytest.approx(busy)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 20)), max_size=8))
def test_busy_seconds_agree_with_counting_seconds_one_by_one(spans: list[tuple[int, int]]):
    lines = [finished(str(n), 3, times=(start, start + length)) for n, (start, length) in enumerate(spans)]
    counted = {second for start, length in spans for second in range(start, start + length)}
    assert busy_seconds(lines) == pytest.approx(len(counted))


def test_costs_are_shared_out_over_steps():
    lines = [
        finished(
            "a", 3, 3, times=(0, 4), spent=usage(calls=4, prompt_tokens=80, cached_tokens=20, completion_tokens=20)
        ),
        finished(
            "b", 3, 3, times=(2, 6), spent=usage(calls=2, prompt_tokens=20, completion_tokens=40, format_failures=3)
        ),
        failed("c", times=(0, 1000)),
    ]
    summary = summarise(lines, "billp", "tiny")
    assert summary.tokens_per_step == 40
    assert summary.llm_calls_per_step == 1.5
    assert summary.cached_share == 0.2
    assert summary.seconds_per_step == 1.5
    assert summary.format_failures == 3


def test_quits_are_counted_by_reason():
    lines = [finished("a", 1), finished("b", 1), finished("c", 3, ended="horizon"), failed("d")]
    assert summarise(lines, "billp", "tiny").quit_reasons == {"horizon": 1, "low_reward": 2}


def test_seconds_are_shared_with_episodes_that_ran_beside():
    mine = [finished("a", 3, times=(0.0, 4.0))]
    others = [finished("b", 3, times=(2.0, 6.0)), finished("c", 3, times=(3.0, 4.0))]

    # 0 to 2 alone, 2 to 3 shared by two, 3 to 4 by three
    assert busy_seconds(mine, others) == pytest.approx(2 + 1 / 2 + 1 / 3)
    assert busy_seconds(mine, others) + busy_seconds(others, mine) == pytest.approx(busy_seconds([*mine, *others]))


def test_a_summary_carries_the_conduct_it_was_given():
    conduct = BeyondAccuracy(
        coverage=0.5, diversity=None, long_tail=None, grounding=None, avoidable_quits=None, bored_steps_back={}
    )

    assert summarise([finished("a", 3)], "billp", "tiny", conduct).conduct == conduct
