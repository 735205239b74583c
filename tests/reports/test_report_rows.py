"""Rows: what is pooled, what is kept apart, and what each is called."""

from __future__ import annotations

from pathlib import Path

import pytest

from billp.experiments.stats.intervals import mean_of
from billp.experiments.stats.metrics import seed_table
from billp.graphs.methods import METHODS, Method
from billp.reports import find_runs
from billp.reports.report_rows import Row, group_rows
from tests.reports.examples import comparison, episode, put_run


def rows_of(*roots: Path) -> dict[str, Row]:
    rows = group_rows([run for root in roots for run in find_runs(root)])
    assert len({row.label for row in rows}) == len(rows), "two rows of one name"
    return {row.label: row for row in rows}


def test_seeds_are_pooled_and_probes_and_training_kept_apart(tmp_path: Path):
    rows = rows_of(comparison(tmp_path / "all"))
    assert list(rows) == [
        "react", "billp", "billp before learning (probe)", "billp after 3 episodes (probe)",
        "billp after 6 episodes (probe)", "billp (training)",
    ]  # fmt: skip
    billp = rows["billp"].summary
    assert (billp.seeds, billp.users, billp.episodes, billp.failed) == ([0, 1], 3, 6, 0)
    assert billp.r_traj.mean == 12
    assert (rows["react"].summary.episodes, rows["react"].summary.failed) == (6, 2)


def test_a_memory_of_unknown_training_is_told_by_its_size(tmp_path: Path):
    """One method before and after learning, nothing noted of how much."""
    put_run(tmp_path / "before", [episode("a", 1)], memory_records={"reflections": 0, "actor": 0})
    put_run(tmp_path / "after", [episode("a", 3, 3)], memory_records={"reflections": 30, "actor": 200})
    put_run(tmp_path / "micro", [episode("a", 3)], method="billp", memory_records={"actor": 9})
    rows = rows_of(tmp_path)
    assert list(rows) == ["billp before learning", "billp with 9 experiences", "billp with 30 reflections"]
    assert rows["billp with 30 reflections"].summary.r_traj.mean == 6


def test_packs_and_settings_are_kept_apart(tmp_path: Path):
    put_run(tmp_path / "a", [episode("a", 1)])
    put_run(tmp_path / "b", [episode("a", 2)], pack="terse")
    put_run(tmp_path / "c", [episode("a", 3)], pack="terse", settings={"critic": {"gamma": 0.9}})
    assert list(rows_of(tmp_path)) == ["billp · default", "billp · terse · b", "billp · terse · c"]


def test_a_run_from_before_a_setting_existed_is_of_one_kind_with_later_ones(tmp_path: Path):
    put_run(tmp_path / "all" / "before", [episode("test-0-a", 1)], settings={"critic": {"gamma": 0.9}})
    put_run(
        tmp_path / "all" / "later", [episode("test-1-a", 3, seed=1)],
        settings={"critic": {"gamma": 0.9, "eligibility": 0.0}, "run": {"batch": 10}},
    )  # fmt: skip
    (row,) = rows_of(tmp_path / "all").values()
    assert row.summary.episodes == 2


@pytest.mark.parametrize("method", list(METHODS.values()), ids=lambda method: method.name)
def test_an_arm_that_is_trained_or_tuned_has_the_interval_of_its_trainings(tmp_path: Path, method: Method):
    for seed, reward in enumerate([1, 3, 5]):
        lines = [episode(f"test-{seed}-{user}", reward, user=user, seed=seed, method=method.name) for user in "abc"]
        put_run(tmp_path / "all" / str(seed), lines, method=method.name, arm=method.name, seeds=[seed], trained=9)
    (row,) = rows_of(tmp_path / "all").values()
    done = [(line.seed, line.user, line.output["reward_trajectory"]) for line in row.lines if line.output is not None]
    tables = [seed_table(done)]
    assert row.summary.r_traj == mean_of(tables, trained=method.trains)
    assert mean_of(tables, trained=True) != mean_of(tables, trained=False)


def test_several_runs_are_rows_of_their_own(tmp_path: Path):
    one = put_run(tmp_path / "monday", [episode("a", 1)])
    other = put_run(tmp_path / "tuesday", [episode("a", 2)])
    third = put_run(tmp_path / "other" / "tuesday", [episode("a", 2, method="react")], method="react")
    assert list(rows_of(one, other, third)) == ["react · tuesday", "billp · monday", "billp · tuesday"]


def test_runs_of_one_name_are_told_apart_by_their_place(tmp_path: Path):
    roots = [put_run(tmp_path / place / "run", [episode("a", 1)]) for place in ("here", "there")]
    assert list(rows_of(*roots)) == [f"billp · run · {root}" for root in roots]


def test_seconds_in_which_others_of_the_comparison_ran_are_shared_with_them(tmp_path: Path):
    def running(method: str, started: float, ended: float) -> None:
        line = episode("a", 3.0, 3.0, method=method).model_copy(update={"started": started, "ended": ended})
        put_run(tmp_path / "all" / method, [line], method=method)

    running("react", 0.0, 10.0)
    running("billp", 0.0, 10.0)
    running("random", 10.0, 12.0)
    seconds = {label: row.summary.seconds_per_step for label, row in rows_of(tmp_path / "all").items()}
    assert seconds == {"random": 1.0, "react": 2.5, "billp": 2.5}
