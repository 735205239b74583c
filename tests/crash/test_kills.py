"""Commands killed at any moment: nothing is lost, doubled or half there, and what they come to is what it would be.

`make test-crash KILLS=500 SEED=7` kills oftener and at other moments; the seed of a failure is in its message.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.cli.tiny import put_tiny
from tests.crash.harness import Ended, Nursery, contents, leftovers, moments, nursery
from tests.fakes.server import Script, serving
from tests.fakes.worlds import tiny_dataset, write_atomic

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket]
KILLS, SEED = int(os.environ.get("CRASH_KILLS", "30")), int(os.environ.get("CRASH_SEED", "0"))
# How many of 32 kills a scenario gets.
SHARES = {
    "train": 6, "train-clock": 4, "train-llm": 5, "compare": 5, "data": 3, "simulator": 3, "import": 2, "report": 2,
    "play": 2,
}  # fmt: skip
_OF_TIME = ("second", "serving")
AT = ("--dataset", "tiny")
TRAIN = ("train", *AT, "--episodes", "12", "--run", "run", "--memory", "m", "--set", "run.batch=4", "--resume")
COMPARE = (
    "compare", *AT, "--methods", "random,billp-memory-only", "--users", "3", "--episodes", "6", "--run", "run",
    "--set", "run.batch=3", "--probe-at", "0,3", "--resume",
)  # fmt: skip
PLAY = ("play", *AT, "--method", "billp-memory-only", "--user", "Ada", "--run", "run", "--learn", "--json")
BUILD = ("simulator", "build", "tiny", "--set", "simulator.model=factorisation", "--set", "simulator.epochs=2")


@pytest.fixture(scope="module")
def born(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    home = tmp_path_factory.mktemp("crash")
    put_tiny(home / "data", home / "source")
    with nursery(home) as made:
        yield made


@pytest.fixture
def homes(born: Nursery, tmp_path: Path) -> Callable[[str], Nursery]:
    """Makes a nursery with a home of that name, which holds the tiny dataset and its simulator."""

    def make(name: str) -> Nursery:
        shutil.copytree(born.home / "data", tmp_path / name / "data")
        return born.at(tmp_path / name)

    return make


def kills_of(scenario: str) -> int:
    return max(1, round(KILLS * SHARES[scenario] / sum(SHARES.values())))


def random_of(scenario: str) -> Random:
    return Random(f"{SEED}-{scenario}")  # noqa: S311 -- to be repeated


def whole_lines(run: Path) -> bytes:
    path = run / "episodes.jsonl"
    content = path.read_bytes() if path.exists() else b""
    return content[: content.rfind(b"\n") + 1]


def played(folder: Path) -> dict[str, Any]:
    """What happened in each episode of every run below `folder`, without times."""
    episodes = {}
    for file in sorted(folder.rglob("episodes.jsonl")):
        lines = [json.loads(line) for line in whole_lines(file.parent).splitlines()]
        assert len({line["id"] for line in lines}) == len(lines), "an episode was run twice"
        for line in lines:
            output = {name: value for name, value in line["output"].items() if name != "usage"}
            key = f"{file.parent.relative_to(folder)}/{line['id']}"
            episodes[key] = (line["user"], line["status"], line["batch"], output)
    return episodes


def results(folder: Path) -> dict[str, Any]:
    """The numbers of every run below `folder`, without what time they took."""
    found = {}
    for file in sorted([*folder.rglob("metrics.json"), *folder.rglob("comparison.json")]):
        found[str(file.relative_to(folder))] = timeless(json.loads(file.read_text()))
    return found


def timeless(value: Any) -> Any:  # noqa: ANN401 -- JSON
    if isinstance(value, list):
        return [timeless(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {name: timeless(each) for name, each in value.items() if not any(part in name for part in _OF_TIME)}


def remembered(at: Nursery) -> dict[str, list[str]]:
    """The lines of the export of each memory there is, without the header."""
    listed = json.loads(at.run("memory", "list", "--json").said)["memories"]
    found = {}
    for name in listed.get("tiny", []):
        target = at.home / "exported.jsonl"
        at.run("memory", "export", target, *AT, "--memory", name)
        shared = re.sub("-[0-9a-f]{8}/", "/", name)  # that of a comparison tells where its run lies
        found[shared] = sorted(target.read_text(encoding="utf-8").splitlines()[1:])
    return found


def outcome(at: Nursery) -> tuple[dict[str, Any], dict[str, Any], dict[str, list[str]]]:
    return played(at.home / "runs"), results(at.home / "runs"), remembered(at)


def resumed(
    homes: Callable[[str], Nursery],
    command: tuple[str, ...],
    scenario: str,
    environment: dict[str, str] | None = None,
    clock_back_s: float = 0,
) -> None:
    """A run killed at moments until the kills of `scenario` are used up comes to what the unbroken run comes to."""
    whole = homes("whole")
    whole.environment.update(environment or {})
    unbroken = whole.run(*command)
    expected = outcome(whole)
    assert expected[0]
    left, chain = kills_of(scenario), 0
    drawn = moments(random_of(scenario), unbroken)
    while left > 0:
        at = homes(f"broken-{chain}")
        at.environment.update(environment or {})
        before: dict[Path, bytes] = {}
        for _ in range(min(left, 4)):
            ended = at.kill(next(drawn), *command, clock_back_s=clock_back_s)
            after = {run.parent: whole_lines(run.parent) for run in (at.home / "runs").rglob("episodes.jsonl")}
            for run, lines in before.items():
                assert after.get(run, b"").startswith(lines), f"what was recorded before a kill changed ({SEED=})"
            before = after
            left -= 1
            if not ended.killed:
                break
        at.run(*command)
        found = outcome(at)
        for which, (have, want) in enumerate(zip(found, expected, strict=True)):
            assert have == want, f"{SEED=} chain {chain}, part {which}"
        assert leftovers(at.home) == [], f"{SEED=} chain {chain}"
        chain += 1


def test_training_goes_on(homes: Callable[[str], Nursery]):
    resumed(homes, (*TRAIN, "--method", "billp-memory-only", "--set", "memory.limit=6"), "train")


def test_training_goes_on_where_the_clock_was_set_back(homes: Callable[[str], Nursery]):
    resumed(homes, (*TRAIN, "--method", "billp-memory-only"), "train-clock", clock_back_s=86_400.0)


def test_training_with_an_llm_goes_on(homes: Callable[[str], Nursery]):
    with serving(Script(delay_s=0.005)) as url:
        resumed(homes, (*TRAIN, "--method", "billp", "--side-by-side", "3"), "train-llm", {"BILLP_LLM_BASE_URL": url})


def test_a_comparison_goes_on(homes: Callable[[str], Nursery]):
    resumed(homes, COMPARE, "compare")


def replaced(at: Nursery, folder: Path, command: tuple[object, ...], scenario: str) -> None:
    """`folder` is the old one or the new one, each whole, whenever the command that replaces it is killed."""
    old = shutil.copytree(folder, at.home / "old")
    unbroken = at.run(*command)
    was, new = contents(old), contents(folder)
    assert was != new
    drawn = moments(random_of(scenario), unbroken)
    for number in range(kills_of(scenario)):
        shutil.rmtree(folder)
        shutil.copytree(old, folder)
        moment = next(drawn)
        at.kill(moment, *command)
        assert contents(folder) in (was, new), f"{SEED=} kill {number}, {moment}"
        at.run(*command)
        assert contents(folder) == new, f"{SEED=} kill {number}, {moment}"
        assert leftovers(at.home) == [], f"{SEED=} kill {number}, {moment}"


def test_a_dataset_is_there_whole(homes: Callable[[str], Nursery]):
    at = homes("home")
    write_atomic(at.home / "source", tiny_dataset(users=30))
    replaced(at, at.home / "data" / "datasets" / "tiny", ("data", "add", at.home / "source"), "data")


def test_a_simulator_is_there_whole(homes: Callable[[str], Nursery]):
    at = homes("home")
    replaced(at, at.home / "data" / "simulators" / "tiny", BUILD, "simulator")


def test_a_report_and_its_exports_are_there_whole(homes: Callable[[str], Nursery]):
    at = homes("home")
    at.run("evaluate", *AT, "--method", "random", "--users", "3", "--run", "run")
    out = at.home / "out"
    out.mkdir()
    for name in ("report.html", "episodes.csv", "steps.csv", "tables.md"):
        (out / name).write_text("old")
    command = ("report", "run", "--out", out / "report.html", "--csv", out, "--markdown", out / "tables.md")
    old = contents(out)
    unbroken = at.run(*command)
    new = contents(out)
    drawn = moments(random_of("report"), unbroken)
    for number in range(kills_of("report")):
        for name in old:
            (out / name).write_text("old")
        moment = next(drawn)
        at.kill(moment, *command)
        for name in old:
            assert (out / name).read_bytes() in (old[name], new[name]), f"{SEED=} kill {number}, {moment}: {name}"
        at.run(*command)
        assert contents(out) == new, f"{SEED=} kill {number}, {moment}"


def test_an_import_can_be_done_again(homes: Callable[[str], Nursery]):
    at = homes("home")
    for name, seed in (("a", 0), ("b", 1)):
        train = (*TRAIN[:5], "--run", name, "--memory", name, "--method", "billp-memory-only", "--seeds", seed)
        at.run(*train)
        at.run("memory", "export", at.home / f"{name}.jsonl", *AT, "--memory", name)
    unbroken = at.run("memory", "import", at.home / "b.jsonl", *AT, "--memory", "a")
    held = remembered(at)
    both = sorted(held["a"])
    assert set(both) > set(held["b"])
    kept = set(both) - set(held["b"])
    drawn = moments(random_of("import"), unbroken)
    for number in range(kills_of("import")):
        name = f"broken-{number}"
        at.run("memory", "import", at.home / "a.jsonl", *AT, "--memory", name)
        moment = next(drawn)
        at.kill(moment, "memory", "import", at.home / "b.jsonl", *AT, "--memory", name)
        assert kept <= set(remembered(at)[name]) <= set(both), f"{SEED=} kill {number}, {moment}"
        at.run("memory", "import", at.home / "b.jsonl", *AT, "--memory", name)
        assert remembered(at)[name] == both, f"{SEED=} kill {number}, {moment}"


def test_what_a_person_taught_is_recorded_and_learned(homes: Callable[[str], Nursery]):
    answers = "5\n3\n4\nq\n"
    whole = homes("whole")
    unbroken = [whole.run(*PLAY, stdin=answers) for _ in range(2)]
    expected = outcome(whole)
    drawn = moments(random_of("play"), unbroken[0])
    for number in range(kills_of("play")):
        at, moment = homes(f"broken-{number}"), next(drawn)
        at.kill(moment, *PLAY, stdin=answers)
        while whole_lines(at.home / "runs" / "run").count(b"\n") < 2:
            at.run(*PLAY, stdin=answers)
        assert outcome(at) == expected, f"{SEED=} kill {number}, {moment}"


def test_of_two_processes_on_one_run_one_is_refused(homes: Callable[[str], Nursery]):
    with serving(Script(delay_s=0.05)) as url:
        whole, both = homes("whole"), homes("both")
        whole.environment["BILLP_LLM_BASE_URL"] = both.environment["BILLP_LLM_BASE_URL"] = url
        command = (*TRAIN, "--method", "billp")
        whole.run(*command)
        ended = together(both, command, command)
        refused = [each for each in ended if each.code]
        assert len(refused) == 1
        assert refused[0].code == 2
        assert "in use by" in refused[0].said
        assert "Traceback" not in refused[0].said
        assert outcome(both) == outcome(whole)


def test_of_two_processes_on_one_memory_one_is_refused(homes: Callable[[str], Nursery]):
    with serving(Script(delay_s=0.05)) as url:
        whole, both = homes("whole"), homes("both")
        whole.environment["BILLP_LLM_BASE_URL"] = both.environment["BILLP_LLM_BASE_URL"] = url
        first, second = ((*TRAIN, "--method", "billp", "--run", name) for name in ("one", "two"))
        ended = together(both, first, second)
        assert sorted(each.code for each in ended) == [0, 2]
        refused = next(each for each in ended if each.code)
        assert "in use by" in refused.said
        assert "Traceback" not in refused.said
        won, lost = (first, second) if ended[1].code else (second, first)
        both.run(*lost)
        whole.run(*won)
        whole.run(*lost)
        assert outcome(both) == outcome(whole)


def together(at: Nursery, *commands: tuple[str, ...]) -> list[Ended]:
    return [at.wait(living) for living in [at.start(*command) for command in commands]]
