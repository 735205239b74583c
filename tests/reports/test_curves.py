"""Curves: probes over training, running means, and how much memory was given."""

from __future__ import annotations

from pathlib import Path

from billp.reports import find_runs
from billp.reports.curves import learning_curves, training_curves
from billp.reports.report_rows import group_rows
from tests.experiments.examples import failed
from tests.reports.examples import comparison, episode, put_run


def test_probes_make_the_learning_curve(tmp_path: Path):
    (curve,) = learning_curves(group_rows(find_runs(comparison(tmp_path / "all"))))
    assert curve.label == "billp"
    assert curve.trained == (0, 3, 6)
    assert [estimate.mean for estimate in curve.r_traj] == [3, 15, 27]


def test_a_result_that_met_the_probes_users_ends_the_curve_with_them_alone(tmp_path: Path):
    for seen in (0, 3):
        put_run(tmp_path / f"probe-{seen}", [episode("a", 2, user="u1")], trained=seen, probe=True)
    met = [episode("a", 4, user="u1"), episode("b", 1, user="u2")]
    put_run(tmp_path / "evaluation", met, trained=6)

    (curve,) = learning_curves(group_rows(find_runs(tmp_path)))

    assert curve.trained == (0, 3, 6)
    assert [estimate.mean for estimate in curve.r_traj] == [2, 2, 4]


def test_one_point_is_no_curve(tmp_path: Path):
    put_run(tmp_path / "one", [episode("a", 3)], trained=5)
    assert learning_curves(group_rows(find_runs(tmp_path))) == []


def test_results_of_known_training_make_a_curve_where_nothing_was_probed(tmp_path: Path):
    for seen in (10, 0):
        put_run(tmp_path / str(seen), [episode("a", 3, seen + 1)], trained=seen)
    (curve,) = learning_curves(group_rows(find_runs(tmp_path)))
    assert curve.trained == (0, 10)


def test_training_is_in_the_order_of_its_plan_and_a_failed_episode_gives_nothing(tmp_path: Path):
    lines = [
        episode("train-0-10", 5, split="train", judged=True),  # ended before the ninth; "10" is not below "9"
        episode("train-0-9", 1, 1, split="train", judged=True),
        failed("train-0-11"),
    ]
    put_run(tmp_path / "one", lines, command="train")
    (curve,) = training_curves(group_rows(find_runs(tmp_path)))
    assert curve.label == "billp"
    assert curve.episodes == (1, 2, 3)
    assert list(curve.r_traj) == [2, 3.5, 3.5]
    assert curve.reflections == (1, 2, 2)
    assert curve.experiences == (2, 3, 3)


def test_the_mean_runs_over_the_last_episodes(tmp_path: Path):
    lines = [episode(f"train-0-{n}", float(n), split="train") for n in range(8)]
    put_run(tmp_path / "one", lines, command="train")
    (curve,) = training_curves(group_rows(find_runs(tmp_path)))
    assert curve.window == 5
    assert curve.r_traj[-1] == 5  # 3 to 7


def test_a_method_without_micro_memory_gives_no_experiences(tmp_path: Path):
    lines = [episode("train-0-0", 3, split="train", method="reflexion", judged=True)]
    put_run(tmp_path / "one", lines, command="train", method="reflexion")
    (curve,) = training_curves(group_rows(find_runs(tmp_path)))
    assert (curve.reflections, curve.experiences) == ((1,), (0,))
