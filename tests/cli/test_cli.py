"""The command line: what each command prints, refuses and leaves behind."""

from __future__ import annotations

import io
import json
import logging
import os
import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import Billp
from tests.fakes.server import Script, serving
from tests.fakes.worlds import tiny_dataset, write_atomic

COMMANDS = (
    (), ("compare",), ("data",), ("data", "fetch"), ("data", "add"), ("data", "list"), ("data", "info"), ("simulator",),
    ("simulator", "build"), ("simulator", "info"), ("train",), ("evaluate",), ("episode",), ("play",), ("critic",),
    ("memory",),
    ("memory", "stats"), ("memory", "list"), ("memory", "search"), ("memory", "export"), ("memory", "import"),
    ("memory", "clear"), ("memory", "show"), ("memory", "blame"), ("memory", "prune"),
    ("prompts",), ("prompts", "list"), ("prompts", "show"), ("prompts", "check"), ("doctor",),
    ("serve",), ("graph",), ("settings",), ("demo",), ("report",),
)  # fmt: skip
PLANTED = "sk-planted-0123456789"
SUMMARY = {
    "method", "dataset", "users", "seeds", "len", "r_each", "r_traj", "failed", "quit_reasons", "tokens_per_step",
    "llm_calls_per_step", "seconds_per_step",
}  # fmt: skip


def files(folder: Path) -> dict[str, bytes]:
    """Everything under `folder`, to see that nothing changed."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_explains_itself(billp: Billp, command: tuple[str, ...]):
    said = billp(*command, "--help")
    assert said.code == 0
    assert "Usage:" in said.out
    assert said.err == ""


def test_every_command_is_in_the_table_above(billp: Billp):
    import typer

    import cli

    def leaves(app: typer.Typer, prefix: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
        found = {prefix}
        for command in app.registered_commands:
            assert command.callback is not None
            found.add((*prefix, command.name or command.callback.__name__))
        for group in app.registered_groups:
            assert group.name is not None
            assert group.typer_instance is not None
            found |= leaves(group.typer_instance, (*prefix, group.name))
        return found

    assert leaves(cli.app) == set(COMMANDS)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nonsense"], "No such command 'nonsense'"),
        (["data", "fetch", "ml-25m"], "'ml-25m' cannot be fetched, only ml-100k"),
        (["data", "info", "nowhere"], "No dataset 'nowhere' is registered (registered: tiny)"),
        (["data", "info", "../tiny"], "Dataset name '../tiny' is not usable"),
        (["data", "add", "nowhere"], "nowhere holds no file named *.inter"),
        (
            ["data", "add", "nowhere.csv"],
            "nowhere.csv says nothing of the items' titles; give their table with --items",
        ),
        (["data", "add", "nowhere.csv", "--items", "none.csv"], "nowhere.csv cannot be opened (No such file"),
        (["data", "add", "nowhere", "--items", "none.csv"], "nowhere is a folder, which holds its items itself"),
        (["data", "add", "a b.csv", "--items", "none.csv"], "Dataset name 'a b' is not usable"),
        (["data", "add", "nowhere", "--min-user", "-1"], "'--min-user': Input should be greater than or equal to 0"),
        (["simulator", "build", "nowhere"], "No dataset 'nowhere' is registered"),
        (["simulator", "info", "nowhere"], "No dataset 'nowhere' is registered"),
        (["train", "--dataset", "nowhere"], "No dataset 'nowhere' is registered"),
        (["train", "--dataset", "tiny", "--method", "bilp"], "There is no method 'bilp'; choose one of billp, "),
        (["train", "--dataset", "tiny", "--method", "random"], "Method 'random' has no memory to train"),
        (["train", "--dataset", "tiny", "--episodes", "0"], "'--episodes': Input should be greater than or equal to 1"),
        (["train", "--dataset", "tiny", "--seed", "-1"], "'--seed': Input should be greater than or equal to 0"),
        (["train", "--nonsense", "1"], "No such option: --nonsense"),
        (["evaluate", "--dataset", "tiny", "--method", "bilp"], "There is no method 'bilp'"),
        (
            ["evaluate", "--dataset", "tiny", "--method", "random", "--users", "99"],
            "has 10 users and 99 were asked for",
        ),
        (["evaluate", "--dataset", "tiny", "--method", "random", "--seeds", "a"], "'a' is not a list of numbers"),
        (["evaluate", "--dataset", "tiny", "--method", "random", "--seeds", "1,1"], "'1,1' names a seed twice"),
        (["evaluate", "--dataset", "tiny", "--method", "random", "--seeds", "-1"], "'-1' is not a list of numbers"),
        (["episode"], "Missing option '--user'"),
        (["episode", "--dataset", "tiny", "--method", "random", "--user", "u99"], "has no user 'u99'; ids like it are"),
        (["settings", "--set", "critic"], "'critic' has no '='; write NAME=VALUE"),
        (["settings", "--set", "nonsense=1"], "Setting nonsense: Extra inputs are not permitted"),
        (["settings", "--set", "critic.nonsense=1"], "Setting critic.nonsense: Extra inputs"),
        (["settings", "--set", "critic.gamma=2"], "Setting critic.gamma: Input should be less than 1"),
        (["settings", "--set", "critic.gamma=much"], "Setting critic.gamma: Input should be a valid number"),
        (["settings", "--set", "actor.mode=both"], "Setting actor.mode: Input should be 'shortlist' or 'free'"),
        (["train", "--dataset", "tiny", "--set", "run.batch=0"], "Setting run.batch: Input should be greater"),
        (["evaluate", "--dataset", "tiny", "--side-by-side", "0"], "Setting run.side_by_side"),
        (["prompts", "show", "nobody"], "There is no role 'nobody'; roles are "),
        (["prompts", "check", "nowhere"], "nowhere"),
        (["prompts", "list", "--prompts", "nowhere"], "nowhere"),
        (["memory", "list", "nonsense"], "'nonsense' is not one of 'reflections', 'actor', 'critic'"),
        (["memory", "import", "nowhere.jsonl"], "The export nowhere.jsonl cannot be read"),
        (["memory", "export", "no/where.jsonl"], "The export cannot be written to no/where.jsonl"),
        (["memory", "stats", "--memory", " "], "give both"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_ends_with_2_and_says_what_is_wrong(
    billp: Billp, tiny: Path, hashed: None, arguments: list[str], words: str
):
    before = files(tiny / "datasets") | files(tiny / "simulators")
    said = billp(*arguments)
    assert (said.code, words in said.words) == (2, True), said.words
    assert said.out == ""
    assert "Traceback" not in said.err
    assert files(tiny / "datasets") | files(tiny / "simulators") == before
    assert not Path(os.environ["BILLP_RUNS_DIR"]).exists()


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        ("tiny.inter", "rating:float", "rating", "tiny.inter line 1: column 'rating' is not field:type"),
        ("tiny.inter", "u0\t", "u0\tmore\t", "tiny.inter line 2: 5 fields where the header names 4"),
        ("tiny.item", "i7\t", "i6\t", "give every item one line and one id"),
        ("tiny.item", "Film 7, The", "", "item 'i7' has no title"),
        ("tiny.item", "movie_title", "heading", "tiny.item line 1: no column among item_id, heading, release_year"),
        ("tiny.inter", "user_id", "who", "that it holds the user; say which one does with --user-col."),
    ],
)
def test_a_bad_file_is_named_by_line_and_what_was_registered_stays(
    *, billp: Billp, tiny: Path, tmp_path: Path, file: str, old: str, new: str, words: str
):
    write_atomic(tmp_path / "bad", tiny_dataset(seed=1))
    path = tmp_path / "bad" / file
    path.write_text(path.read_text().replace(old, new, 1))
    before = files(tiny)
    said = billp("data", "add", tmp_path / "bad")
    assert said.code == 2
    assert words in said.words
    assert said.err.strip().startswith("billp: ")
    assert len(said.err.strip().splitlines()) == 1
    assert files(tiny) == before


def test_data_is_added_listed_and_described(billp: Billp, tmp_path: Path):
    assert billp("data", "list", "--json").json == {"datasets": []}
    write_atomic(tmp_path / "files", tiny_dataset())
    said = billp("data", "add", tmp_path / "files", "--name", "mine", "--categories", "class")
    assert said.code == 0
    assert "mine is in" in said.words
    assert billp("data", "list", "--json").json == {"datasets": ["mine"]}
    assert billp("data", "list").out.split() == ["mine"]
    described = billp("data", "info", "mine", "--json").json
    assert (described["users"], described["items"], described["interactions"]) == (40, 60, 1200)
    assert sum(described["rating_histogram"].values()) == 1200
    assert "Western" in described["categories"]
    shown = billp("data", "info", "mine")
    assert "reading mine" in shown.err, "a large log takes a while"
    table = shown.out
    assert "Western" in table
    assert "1200" in table


def test_a_simulator_is_built_and_described(billp: Billp, tiny: Path):
    shutil.rmtree(tiny / "simulators")
    said = billp("simulator", "info", "tiny")
    assert said.code == 2
    assert "billp simulator build" in said.words
    built = billp("simulator", "build", "tiny", "--set", "simulator.epochs=3", "--set", "simulator.test_share=0.5")
    assert built.code == 0
    assert ("reading tiny" in built.err, "fitting tiny" in built.err) == (True, True)
    described = billp("simulator", "info", "tiny", "--json").json
    assert (described["train"]["users"], described["test"]["users"]) == (20, 20)
    assert described["train"]["split"] == "train"
    for world in (described["train"], described["test"]):
        assert world.keys() >= {"items", "interactions", "beta", "window", "horizon", "quit_rule", "rmse"}
        assert sum(world["reward_histogram"].values()) == pytest.approx(1)
        assert world["policies"].keys() == {"random", "popular", "greedy", "oracle"}
        for outcome in world["policies"].values():
            assert outcome.keys() == {"len", "r_each", "r_traj"}
            assert 1 <= outcome["len"] <= world["horizon"]
    table = billp("simulator", "info", "tiny")
    assert table.code == 0
    for word in ("horizon", "beta", "oracle", "R_traj"):
        assert word in table.out
    other = billp("simulator", "info", "tiny", "--set", "run.quit_rule=category-window", "--json").json
    assert (other["test"]["quit_rule"], other["test"]["limit"], other["test"]["beta"]) == ("category-window", 2, None)


def test_evaluate_prints_one_json_object_and_stores_the_same(billp: Billp, tiny: Path, hashed: None):
    arguments = ["evaluate", "--method", "random", "--dataset", "tiny", "--users", "5", "--seeds", "0,1", "--json"]
    said = billp(*arguments, "--run", "one")
    assert said.code == 0
    assert said.json.keys() >= SUMMARY
    assert (said.json["method"], said.json["dataset"]) == ("random", "tiny")
    assert (said.json["users"], said.json["seeds"], said.json["failed"]) == (5, [0, 1], 0)
    for name in ("len", "r_each", "r_traj"):
        assert said.json[name].keys() == {"mean", "ci95"}
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
    assert "0 of 3" in said.out
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
    assert set(billp("memory", "stats", *at, "--json").json["counts"].values()) == {0}
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
    at = ["episode", "--dataset", "tiny", "--user", "u0"]
    said = billp(*at)
    assert said.code == 0
    for word in ("thought", "item", "reward", "value", "advantage", "Ended after", "R_traj"):
        assert word in said.out
    done = billp(*at, "--json").json
    assert done["length"] == len(done["steps"])
    assert set(billp("memory", "stats", "--dataset", "tiny", "--json").json["counts"].values()) == {0}


def test_episodes_that_learn_write_to_memory_and_test_users_teach_nothing(billp: Billp, tiny: Path, answered: None):
    from simulators import load_dataset, load_worlds

    dataset = load_dataset(tiny, "tiny")
    worlds = load_worlds(tiny / "simulators" / "tiny", dataset)
    pupil, examiner = (dataset.user_keys[int(world.users[0])] for world in (worlds.train, worlds.test))
    assert billp("episode", "--dataset", "tiny", "--user", pupil, "--learn").code == 0
    counts = billp("memory", "stats", "--dataset", "tiny", "--json").json["counts"]
    assert counts["reflections"] == 1
    refused = billp("episode", "--dataset", "tiny", "--user", examiner, "--learn")
    assert refused.code == 2
    assert "is a test user" in refused.words
    assert billp("memory", "stats", "--dataset", "tiny", "--json").json["counts"] == counts


@pytest.mark.integration
@pytest.mark.enable_socket
def test_a_server_that_is_down_ends_with_1(billp: Billp, tiny: Path, hashed: None, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("BILLP_LLM_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("BILLP_LLM_RETRIES", "0")
    said = billp("evaluate", "--dataset", "tiny", "--method", "act-only", "--users", "2", "--json", "--run", "down")
    assert said.code == 1
    assert "is away" in said.words
    assert not (Path(os.environ["BILLP_RUNS_DIR"]) / "down").exists(), "it is refused before the run begins"
    single = billp("episode", "--dataset", "tiny", "--method", "act-only", "--user", "u0")
    assert single.code == 1
    assert "is away" in single.words


@pytest.mark.integration
@pytest.mark.enable_socket
def test_a_server_that_ignores_constraints_is_refused(
    billp: Billp, tiny: Path, hashed: None, monkeypatch: pytest.MonkeyPatch
):
    script = Script(nonsense=True)
    with serving(script) as base_url:
        monkeypatch.setenv("BILLP_LLM_BASE_URL", base_url)
        for command in ("train --episodes 1 --run r", "evaluate --users 1 --run r", "compare --users 1 --run r"):
            said = billp(*command.split(), "--dataset", "tiny")
            assert said.code == 2, said.words
            assert f"{base_url} ignores constraints: it said '?!'; use a server that enforces" in said.words
        assert len(script.bodies) == 3, "one call each"
    assert not (Path(os.environ["BILLP_RUNS_DIR"]) / "r").exists()


@pytest.mark.integration
@pytest.mark.enable_socket
def test_a_server_is_checked_once_a_run_and_not_for_methods_without_llm(
    billp: Billp, tiny: Path, hashed: None, monkeypatch: pytest.MonkeyPatch
):
    script = Script()
    with serving(script) as base_url:
        monkeypatch.setenv("BILLP_LLM_BASE_URL", base_url)
        assert billp("evaluate", "--dataset", "tiny", "--method", "random", "--users", "2").code == 0
        assert script.bodies == []
        assert billp("evaluate", "--dataset", "tiny", "--method", "act-only", "--users", "4").code == 0
    asked = [body for body in script.bodies if "zyzzyva" in str(body)]
    assert len(asked) == 1
    assert asked[0] is script.bodies[0]


@pytest.mark.integration
@pytest.mark.enable_socket
def test_episodes_that_a_failing_server_spoilt_are_recorded_as_failed(
    billp: Billp, tiny: Path, hashed: None, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("BILLP_LLM_RETRIES", "0")
    with serving(Script(statuses=[200] + [500] * 99)) as base_url:
        monkeypatch.setenv("BILLP_LLM_BASE_URL", base_url)
        at = ("--dataset", "tiny", "--method", "act-only", "--users", "2", "--json", "--run", "failing")
        said = billp("evaluate", *at)
    assert said.code == 1
    assert said.json["failed"] == 2
    assert said.json["len"] == {"mean": None, "ci95": None}
    lines = (Path(os.environ["BILLP_RUNS_DIR"]) / "failing" / "episodes.jsonl").read_text().splitlines()
    assert [json.loads(line)["status"] for line in lines] == ["failed", "failed"]
    assert "status 500" in json.loads(lines[0])["error"]


def test_an_api_key_is_shown_and_stored_nowhere(
    billp: Billp, tiny: Path, answered: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setenv("BILLP_LLM_API_KEY", PLANTED)
    caplog.set_level(logging.DEBUG)
    said = [
        billp("settings"),
        billp("settings", "--json"),
        billp("--verbose", "train", "--dataset", "tiny", "--episodes", "1", "--run", "one"),
        billp("evaluate", "--dataset", "tiny", "--users", "1", "--run", "two", "--json"),
        billp("train", "--dataset", "tiny", "--episodes", "2", "--run", "one", "--resume"),
        billp("settings", "--set", "llm.timeout_s=0"),
    ]
    assert [each.code for each in said] == [0, 0, 0, 0, 2, 2]
    assert all(PLANTED not in each.out + each.err for each in said)
    assert PLANTED not in caplog.text
    assert said[1].json["llm.api_key"]
    runs = Path(os.environ["BILLP_RUNS_DIR"])
    assert (runs / "one" / "config.json").exists()
    assert not [name for name, content in (files(runs) | files(tiny)).items() if PLANTED.encode() in content]


def test_settings_lists_every_setting_with_its_value(billp: Billp):
    from settings import setting_names

    assert billp("settings", "--json", "--set", "critic.gamma=0.25").json["critic.gamma"] == 0.25
    assert list(billp("settings", "--json").json) == list(setting_names())
    assert "critic.gamma" in billp("settings").out


def test_flag_beats_environment_beats_file_beats_default(billp: Billp, monkeypatch: pytest.MonkeyPatch):
    def gamma(*flags: str) -> object:
        return billp("settings", "--json", *flags).json["critic.gamma"]

    assert gamma() == 0.95
    Path("billp.toml").write_text("[critic]\ngamma = 0.6\n")
    assert gamma() == 0.6
    monkeypatch.setenv("BILLP_CRITIC_GAMMA", "0.7")
    assert gamma() == 0.7
    assert gamma("--set", "critic.gamma=0.8") == 0.8


@pytest.mark.parametrize(
    ("variable", "file", "words"),
    [
        ("BILLP_NONSENSE", "", "Environment variable BILLP_NONSENSE names no setting; see `billp settings`"),
        ("", "critic = [", "billp.toml cannot be read"),
        ("", "nonsense = 1", "Setting nonsense: Extra inputs"),
        ("", "[critic]\ngamma = 3", "Setting critic.gamma: Input should be less than 1"),
    ],
)
@pytest.mark.parametrize("command", [["settings"], ["data", "list"], ["memory", "stats"], ["prompts", "list"]])
def test_bad_settings_stop_every_command(
    *, billp: Billp, monkeypatch: pytest.MonkeyPatch, variable: str, file: str, words: str, command: list[str]
):
    if variable:
        monkeypatch.setenv(variable, "1")
    Path("billp.toml").write_text(file)
    said = billp(*command)
    assert said.code == 2
    assert words in said.words
    assert len(said.err.strip().splitlines()) <= 2


def test_prompts_are_listed_shown_and_checked(billp: Billp, tmp_path: Path):
    listed = billp("prompts", "list", "--json").json
    roles = [role["role"] for role in listed["roles"]]
    assert {"planner", "critic", "reflector"} <= set(roles)
    assert "planner" in billp("prompts", "list").out
    for role in roles:
        shown = billp("prompts", "show", role)
        assert shown.code == 0
        assert len(shown.out) > 40
        told = billp("prompts", "show", role, "--json").json
        assert (told["role"], told["fixed"] in shown.out, told["changing"] in shown.out) == (role, True, True)
        assert {"version", "purpose", "variables"} <= told.keys()
    own = tmp_path / "pack"
    shutil.copytree(listed["folder"], own)
    assert "whole prompt pack" in billp("prompts", "check", own).words
    checked = billp("prompts", "check", own, "--json").json
    assert checked == {"pack": "pack", "folder": str(own), "sha256": listed["sha256"], "roles": roles}
    assert billp("prompts", "list", "--prompts", own, "--json").json["sha256"] == listed["sha256"]
    (own / "critic.md").unlink()
    for flags in ([], ["--json"]):
        said = billp("prompts", "check", own, *flags)
        assert (said.code, said.out) == (2, "")
        assert "critic" in said.words


def test_the_graph_is_drawn(billp: Billp):
    said = billp("graph")
    assert said.code == 0
    assert "graph TD" in said.out
    for node in ("recall", "plan", "respond", "criticise", "reflect"):
        assert node in said.out


def test_an_interrupt_ends_with_130_and_says_how_to_go_on(
    billp: Billp, tiny: Path, hashed: None, monkeypatch: pytest.MonkeyPatch
):
    import commands.episodes

    def interrupted(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(commands.episodes, "run_to_end", interrupted)
    said = billp("evaluate", "--dataset", "tiny", "--method", "random")
    assert said.code == 130
    assert "--resume" in said.words
