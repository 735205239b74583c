"""`billp train`, `evaluate`, `episode` and `memory`: numbers, run folders, and what is learned."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

import pytest

from tests.cli.conftest import Billp

SUMMARY = {
    "method", "dataset", "users", "seeds", "len", "r_each", "r_traj", "failed", "quit_reasons", "tokens_per_step",
    "llm_calls_per_step", "seconds_per_step",
}  # fmt: skip


def test_evaluate_prints_one_json_object_and_stores_the_same(billp: Billp, tiny: Path, hashed: None):
    arguments = ["evaluate", "--method", "random", "--dataset", "tiny", "--users", "5", "--seeds", "0,1", "--json"]
    said = billp(*arguments, "--run", "one")
    assert said.code == 0
    assert said.json.keys() >= SUMMARY
    assert (said.json["method"], said.json["dataset"]) == ("random", "tiny")
    assert (said.json["users"], said.json["seeds"], said.json["failed"]) == (5, [0, 1], 0)
    for name in ("len", "r_each", "r_traj"):
        assert said.json[name].keys() == {"mean", "ci95", "note"}
        low, high = said.json[name]["ci95"]
        assert low <= said.json[name]["mean"] <= high
    assert sum(said.json["quit_reasons"].values()) == 10
    run = Path(os.environ["BILLP_RUNS_DIR"]) / "one"
    assert json.loads((run / "metrics.json").read_text()) == said.json
    assert len((run / "episodes.jsonl").read_text().splitlines()) == 10
    assert json.loads((run / "config.json").read_text())["plan"]["command"] == "evaluate"

    again = billp(*arguments, "--run", "one")
    assert again.code == 2
    assert "add --resume" in again.words
    assert billp(*arguments, "--run", "one", "--resume").json == said.json
    other = billp(*arguments[:-1], "--run", "one", "--resume", "--set", "actor.pool=9")
    assert other.code == 2
    assert "settings.actor.pool=64, now it is 9" in other.words
    twin = billp(*arguments, "--run", "two", "--side-by-side", "1").json
    assert {name: twin[name] for name in ("len", "r_traj")} == {name: said.json[name] for name in ("len", "r_traj")}


def test_one_simulator_serves_both_quit_rules(billp: Billp, tiny: Path, hashed: None):
    arguments = ["evaluate", "--method", "random", "--dataset", "tiny", "--users", "10", "--seeds", "0,1,2", "--json"]
    by_distance = billp(*arguments).json["quit_reasons"]
    by_category = billp(*arguments, "--set", "run.quit_rule=category-window").json["quit_reasons"]
    assert "too_close" in by_distance
    assert "same_category" not in by_distance
    assert "same_category" in by_category
    assert "too_close" not in by_category


def test_without_repeats_a_recommender_that_repeats_loses_its_users(billp: Billp, tiny: Path, hashed: None):
    arguments = ["evaluate", "--method", "popular", "--dataset", "tiny", "--users", "3", "--json"]
    said = billp(*arguments, "--set", "actor.mask_shown=false", "--set", "run.repeats=false").json
    assert said["quit_reasons"].keys() <= {"repeat", "low_reward"}
    assert "repeat" in said["quit_reasons"]
    assert said["len"]["mean"] <= 2


def test_evaluate_as_a_table(billp: Billp, tiny: Path, hashed: None):
    said = billp("evaluate", "--method", "popular", "--dataset", "tiny", "--users", "3")
    assert said.code == 0
    assert "R_traj" in said.out
    assert "stars of an episode" in said.out, "the table says what its columns are"
    assert "failed" not in said.out
    (run,) = Path(os.environ["BILLP_RUNS_DIR"]).iterdir()
    assert run.name.startswith("evaluate-popular-")


def test_training_fills_a_memory_that_can_be_read_moved_and_cleared(
    billp: Billp, tiny: Path, tmp_path: Path, answered: None
):
    at = ["--dataset", "tiny", "--memory", "mine"]
    trained = billp("train", *at, "--episodes", "3", "--json", "--set", "run.batch=2")
    assert trained.code == 0
    assert trained.json["episodes"] == 3
    counts = billp("memory", "stats", *at, "--json").json["counts"]
    assert counts["reflections"] == 3
    assert counts["actor"] == counts["critic"] == round(3 * trained.json["len"]["mean"])
    assert "reflections" in billp("memory", "stats", *at).out
    assert billp("memory", "list", "--json").json == {"memories": {"tiny": ["mine"]}}
    assert "mine" in billp("memory", "list").out

    listed = billp("memory", "list", "actor", *at, "--limit", "500", "--json").json["records"]
    assert len(listed) == counts["actor"]
    assert (
        billp("memory", "list", "actor", *at, "--limit", "2", "--offset", "1", "--json").json["records"] == listed[1:3]
    )
    found = billp("memory", "search", listed[1]["text"], "--kind", "actor", *at, "-k", "2", "--json").json["matches"]
    assert len(found) == 2
    assert 0 <= found[0]["distance"] <= found[1]["distance"]
    assert "distance" in billp("memory", "search", "drama", *at).out

    first, second = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
    assert f"{sum(counts.values())} records written" in billp("memory", "export", first, *at).words
    assert billp("memory", "import", first, "--dataset", "tiny", "--memory", "copy").code == 0
    billp("memory", "export", second, "--dataset", "tiny", "--memory", "copy")
    assert first.read_text().splitlines()[1:] == second.read_text().splitlines()[1:]

    assert billp("memory", "clear", *at, "--kind", "critic", "--yes").code == 0
    assert billp("memory", "stats", *at, "--json").json["counts"] == {**counts, "critic": 0}
    assert billp("memory", "clear", *at, "--yes").code == 0
    assert "There is no memory 'mine' of 'tiny'" in billp("memory", "stats", *at).words
    kept = billp("memory", "stats", "--dataset", "tiny", "--memory", "copy", "--json").json["counts"]
    assert kept == counts


def test_a_memory_is_not_cleared_without_a_yes(
    billp: Billp, tiny: Path, answered: None, monkeypatch: pytest.MonkeyPatch
):
    billp("train", "--dataset", "tiny", "--episodes", "1")
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    assert billp("memory", "clear", "--dataset", "tiny").code == 1
    assert billp("memory", "stats", "--dataset", "tiny", "--json").json["counts"]["reflections"] == 1


def test_an_episode_is_shown_step_by_step(billp: Billp, tiny: Path, answered: None):
    at = ["episode", "--dataset", "tiny", "--user", "u0", "--untrained"]
    said = billp(*at)
    assert said.code == 0
    for word in ("thought", "item", "reward", "value", "advantage", "Ended after", "R_traj"):
        assert word in said.out
    done = billp(*at, "--json").json
    assert done["length"] == len(done["steps"])
    assert billp("memory", "list", "--json").json == {"memories": {}}


def test_episodes_that_learn_write_to_memory_and_test_users_teach_nothing(billp: Billp, tiny: Path, answered: None):
    from billp.simulators import load_dataset, load_worlds

    dataset = load_dataset(tiny, "tiny")
    worlds = load_worlds(tiny / "simulators" / "tiny", dataset)
    pupil, examiner = (dataset.user_keys[int(world.users[0])] for world in (worlds.train, worlds.test))
    assert billp("episode", "--dataset", "tiny", "--user", pupil, "--learn").code == 0
    counts = billp("memory", "stats", "--dataset", "tiny", "--json").json["counts"]
    assert counts["reflections"] == 1
    refused = billp("episode", "--dataset", "tiny", "--user", examiner, "--learn")
    assert refused.code == 2
    assert "test users are for measuring" in refused.words
    assert billp("memory", "stats", "--dataset", "tiny", "--json").json["counts"] == counts
