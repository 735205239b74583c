"""Curves over training steps, and where they pass what memory reaches."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from billp.baselines.rl.policy import PolicyRecord
from billp.baselines.rl.probe import CurvePoint
from billp.experiments.compare.comparison_tables import policies_table
from billp.experiments.compare.policy_curves import policy_training
from billp.experiments.stats.terminal_tables import terminal_tables
from billp.simulators.reference_policies import Outcome
from tests.experiments.compare.running import design, run


def record(seed: int, points: list[tuple[float, float | None]]) -> PolicyRecord:
    curve = [
        CurvePoint(
            epoch=number, steps=100 * number, seconds=2.0 * number, losses={},
            train_users=Outcome(len=1, r_each=1, r_traj=train),
            held_out=None if held_out is None else Outcome(len=1, r_each=1, r_traj=held_out),
        )
        for number, (train, held_out) in enumerate(points, start=1)
    ]  # fmt: skip
    return PolicyRecord(
        method="a2c", dataset="d", fingerprint="f", seed=seed, hyperparameters={}, history=1, horizon=5, mask=True,
        steps=curve[-1].steps, seconds=curve[-1].seconds + seed, curve=curve,
    )  # fmt: skip


def test_the_curve_is_the_mean_over_seeds_and_passes_an_arm_where_it_is_first_as_high():
    found = policy_training(
        "a2c", [record(0, [(10, 8), (30, 12), (50, 9)]), record(1, [(20, 8), (40, 8), (60, 9)])], {"billp": 35.0}
    )

    assert (found.arm, found.seeds, found.steps) == ("a2c", 2, 300)
    assert found.seconds == pytest.approx(6.5)
    assert [(p.steps, p.train_users, p.held_out) for p in found.curve] == [(100, 15, 8), (200, 35, 10), (300, 55, 9)]
    [passing] = found.passes
    assert (passing.arm, passing.r_traj, passing.train_users, passing.held_out) == ("billp", 35.0, 200, None)


def test_a_policy_that_met_no_held_out_users_has_no_such_curve():
    found = policy_training("a2c", [record(0, [(10, None)])], {"billp": 5.0})
    assert found.curve[0].held_out is None
    assert (found.passes[0].train_users, found.passes[0].held_out) == (100, None)


async def test_a_curve_ends_where_the_evaluation_stands_and_is_measured_against_memory(data: Path, tmp_path: Path):
    """The tiny world has ten test users; `dqn` takes the best item, so that meeting them twice is the same."""
    methods = ("random", "dqn", "billp-memory-only")
    found = await run(data, tmp_path / "c", design(methods, users=10, seeds=(0,), probes=(), epochs=2))

    [policy] = found.policies
    assert (policy.arm, policy.seeds, len(policy.curve)) == ("dqn", 1, 2)
    assert policy.curve[-1].held_out == pytest.approx(found.methods["dqn"].r_traj.mean)
    [passing] = policy.passes
    assert (passing.arm, passing.r_traj) == ("billp-memory-only", found.methods["billp-memory-only"].r_traj.mean)
    later = await run(data, tmp_path / "c", design(methods, users=10, seeds=(0, 1), probes=(), epochs=2), resume=True)
    [both] = later.policies
    assert (both.seeds, [point.steps for point in both.curve]) == (2, [point.steps for point in policy.curve])

    console = Console(width=200, record=True, file=None)
    for part in terminal_tables(policies_table(later), 200):
        console.print(part)
    shown = console.export_text()
    assert "held-out users first reach" in " ".join(shown.split())
    assert f"{both.curve[-1].held_out:.1f}" in shown
