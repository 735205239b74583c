"""Run folders: what is kept, what is refused, what a kill leaves behind."""

from __future__ import annotations

import copy
import json
import math
import re
import resource
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from billp.errors import ArtifactError, NotFiniteError
from billp.experiments.runs.episode_lines import EpisodeLine
from billp.experiments.runs.run_folder import RunFolder, read_lines
from tests.experiments.examples import failed, finished

CONFIG: dict[str, Any] = {
    "plan": {"command": "train", "episodes": 4},
    "settings": {"critic": {"gamma": 0.5}, "planner": {"steps": 3}},
}
LINES = [finished("a", 3, 4), failed("b"), finished("c", 5, user="Zoë\u2028\n")]


def opened(path: Path, *, resume: bool = False, config: dict[str, Any] | None = None) -> RunFolder:
    return RunFolder(path, config or CONFIG, {"python": "3.11"}, resume=resume)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run folder with three episodes."""
    with opened(tmp_path / "runs" / "one") as folder:
        for line in LINES:
            folder.append(line)
    return folder.path


def test_lines_come_back_as_they_were_written(run: Path):
    assert read_lines(run) == LINES
    with opened(run, resume=True) as folder:
        assert list(folder.lines()) == LINES
        folder.append(finished("d", 1))
    assert [line.id for line in read_lines(run)] == ["a", "b", "c", "d"]


def test_a_line_is_on_disk_when_append_returns(tmp_path: Path):
    with opened(tmp_path / "run") as folder:
        folder.append(LINES[0])
        assert read_lines(tmp_path / "run") == LINES[:1]


def test_of_an_episode_that_was_tried_again_the_last_try_counts(run: Path):
    with opened(run, resume=True) as folder:
        assert folder.failed == {"b"}
        folder.append(finished("b", 2))
        assert (list(folder.over), folder.failed) == (["a", "c", "b"], set())
    expected = [LINES[0], LINES[2], finished("b", 2)]
    assert read_lines(run) == expected
    with opened(run, resume=True) as folder:
        assert list(folder.lines()) == expected
        assert list(folder.lines(["b", "a"])) == [expected[2], expected[0]]


def test_an_open_run_keeps_no_episodes_in_memory(tmp_path: Path):
    with opened(tmp_path / "run") as folder:
        tracemalloc.start()
        for number in range(100):
            folder.append(finished(str(number), *[3.0] * 50))
        held, _ = tracemalloc.get_traced_memory()
        for _ in folder.lines():
            pass
        tracemalloc.stop()
    assert (tmp_path / "run" / "episodes.jsonl").stat().st_size > 1_500_000
    assert held < 100_000


def test_an_episode_that_the_disk_did_not_take_leaves_no_half_line(run: Path):
    size, limits = (run / "episodes.jsonl").stat().st_size, resource.getrlimit(resource.RLIMIT_FSIZE)
    with opened(run, resume=True) as folder:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 40, limits[1]))
        try:
            with pytest.raises(ArtifactError, match="cannot be written"):
                folder.append(finished("d", 1))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        folder.append(finished("e", 2))
        assert list(folder.lines(["e"])) == [finished("e", 2)]
    assert [line.id for line in read_lines(run)] == ["a", "b", "c", "e"]


def test_a_line_that_was_damaged_since_is_named(run: Path):
    with opened(run, resume=True) as folder:
        content = (run / "episodes.jsonl").read_bytes()
        (run / "episodes.jsonl").write_bytes(content.replace(b'"id":"b"', b'"id" "b"'))
        with pytest.raises(ArtifactError, match=r"episodes\.jsonl line 2 is no episode"):
            list(folder.lines())


def test_an_existing_run_is_not_touched_without_resume(run: Path):
    before = (run / "episodes.jsonl").read_bytes()
    with pytest.raises(ArtifactError, match=r"exists; add --resume"):
        opened(run)
    assert (run / "episodes.jsonl").read_bytes() == before


def test_resume_creates_the_run_where_the_kill_came_first(tmp_path: Path):
    with opened(tmp_path / "run", resume=True) as folder:
        assert not folder.over
    assert (tmp_path / "run" / "config.json").exists()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (
            {"settings": {"critic": {"gamma": 0.9}, "planner": {"steps": 3}}},
            r"settings\.critic\.gamma=0\.5, now it is 0\.9",
        ),
        ({"settings": {"critic": {"gamma": 0.5}, "planner": {"steps": 1}}}, r"settings\.planner\.steps=3, now it is 1"),
        ({"settings": {"critic": {"gamma": 0.9}, "planner": {"steps": 1}}}, r"settings\.critic\.gamma"),
        ({"plan": {"command": "train", "episodes": 5}}, r"plan\.episodes=4, now it is 5"),
        ({"plan": {"command": "train"}}, r"plan\.episodes=4, now it is None"),
        ({"model": "other"}, r"model=None, now it is 'other'"),
    ],
)
def test_another_config_is_refused_by_its_first_difference(run: Path, change: dict[str, Any], named: str):
    with pytest.raises(ArtifactError, match=named):
        opened(run, resume=True, config={**CONFIG, **change})
    with opened(run, resume=True) as folder:  # the refusal let go of the lock and changed nothing
        assert list(folder.lines()) == LINES


def test_a_setting_that_did_not_exist_yet_was_what_it_is_by_default(run: Path):
    critic = CONFIG["settings"]["critic"]
    later = {**CONFIG, "settings": {**CONFIG["settings"], "critic": {**critic, "llm_weight": 2.0}}}
    with opened(run, resume=True, config=later) as folder:
        assert list(folder.lines()) == LINES
    other = {**CONFIG, "settings": {**CONFIG["settings"], "critic": {**critic, "llm_weight": 0.5}}}
    with pytest.raises(ArtifactError, match=r"settings\.critic\.llm_weight=2\.0, now it is 0\.5"):
        opened(run, resume=True, config=other)


def test_surroundings_may_change(run: Path):
    with RunFolder(run, CONFIG, {"python": "3.12", "data_dir": "/elsewhere"}, resume=True) as folder:
        assert len(folder.over) == 3


@pytest.mark.parametrize("kept", [1, 20, -1])
def test_a_torn_last_line_is_removed(run: Path, kept: int):
    whole = (run / "episodes.jsonl").read_bytes()
    torn = finished("d", 2).model_dump_json().encode()[:kept]
    (run / "episodes.jsonl").write_bytes(whole + torn)
    assert read_lines(run) == LINES
    with opened(run, resume=True) as folder:
        assert list(folder.lines()) == LINES
        assert (run / "episodes.jsonl").read_bytes() == whole
        folder.append(finished("d", 2))
    assert [line.id for line in read_lines(run)] == ["a", "b", "c", "d"]


def test_a_line_without_its_newline_is_torn_too(run: Path):
    content = (run / "episodes.jsonl").read_bytes()
    (run / "episodes.jsonl").write_bytes(content[:-1])
    with opened(run, resume=True) as folder:
        assert [line.id for line in folder.lines()] == ["a", "b"]


@pytest.mark.parametrize("damage", [b"", b"{}", b"nonsense", b"\xff\xfe", b'{"id": "b"'])
def test_a_damaged_line_in_the_middle_is_named(run: Path, damage: bytes):
    lines = (run / "episodes.jsonl").read_bytes().split(b"\n")
    lines[1] = damage
    (run / "episodes.jsonl").write_bytes(b"\n".join(lines))
    with pytest.raises(ArtifactError, match=r"episodes\.jsonl line 2 is no episode"):
        opened(run, resume=True)
    with pytest.raises(ArtifactError, match="line 2"):
        read_lines(run)
    assert (run / "episodes.jsonl").read_bytes() == b"\n".join(lines)


def test_a_second_opener_is_refused_until_the_first_is_done(run: Path):
    with opened(run, resume=True), pytest.raises(ArtifactError, match="in use by another process"):
        opened(run, resume=True)
    with opened(run, resume=True):
        pass


@pytest.mark.parametrize("content", ["", "{", "[1, 2", "\x00"])
def test_a_damaged_config_is_refused(run: Path, content: str):
    (run / "config.json").write_text(content)
    with pytest.raises(ArtifactError, match=r"config\.json is damaged"):
        opened(run, resume=True)


def test_a_config_that_is_no_object_is_refused(run: Path):
    (run / "config.json").write_text("[1]")
    with pytest.raises(ArtifactError, match=r"config\.json is damaged"):
        opened(run, resume=True)


def test_metrics_are_written_whole_and_nothing_else_is_left(run: Path):
    with opened(run, resume=True) as folder:
        folder.write_metrics('{"len": 1}')
        folder.write_metrics('{"len": 2}')
    assert json.loads((run / "metrics.json").read_text()) == {"len": 2}
    assert sorted(path.name for path in run.iterdir()) == [".lock", "config.json", "episodes.jsonl", "metrics.json"]


def test_reading_where_no_run_is_says_so(tmp_path: Path):
    with pytest.raises(ArtifactError, match="There is no run in"):
        read_lines(tmp_path)


def test_of_a_run_with_parts_these_are_named(tmp_path: Path):
    for name in ("billp/seed-0", "random/seed-0"):
        (tmp_path / "paper" / name).mkdir(parents=True)
        (tmp_path / "paper" / name / "episodes.jsonl").touch()
    with pytest.raises(ArtifactError, match=r"has 2 parts, .*; name one, as paper/billp/seed-0, paper/random/seed-0"):
        read_lines(tmp_path / "paper")


@pytest.mark.parametrize("resume", [True, False])
def test_episodes_of_unknown_making_are_not_added_to(run: Path, resume: bool):
    (run / "config.json").unlink()
    with pytest.raises(ArtifactError, match=r"holds episodes but no config\.json"):
        opened(run, resume=resume)
    assert read_lines(run) == LINES


NUMBERS = ["reward_each", "reward_trajectory", "steps.1.reward", "steps.2.value", "steps.2.advantage", "usage.seconds"]


def with_number(place: str, number: float) -> EpisodeLine:
    """An episode with `number` at `place`, which no check has seen."""
    line = finished("x", 3, 4)
    done = copy.deepcopy(line.output)
    *way, name = place.split(".")
    there: Any = done
    for part in way:
        there = there[int(part) - 1] if part.isdigit() else there[part]
    there[name] = number
    return line.model_copy(update={"output": done})


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("place", NUMBERS)
def test_what_is_no_number_is_never_written(run: Path, place: str, number: float):
    before = (run / "episodes.jsonl").read_bytes()
    with (
        opened(run, resume=True) as folder,
        pytest.raises(NotFiniteError, match=rf"episode's {re.escape(place)} is no"),
    ):
        folder.append(finished("y", 1), with_number(place, number))
    assert (run / "episodes.jsonl").read_bytes() == before


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", '"NaN"'])
@pytest.mark.parametrize("place", NUMBERS)
def test_a_line_that_holds_what_is_no_number_is_refused_by_name(run: Path, place: str, number: str):
    line = with_number(place, 123456.5).model_dump_json().replace("123456.5", number)
    file = run / "episodes.jsonl"
    file.write_text(file.read_text(encoding="utf-8") + line + "\n", encoding="utf-8")
    with pytest.raises(ArtifactError, match=r"episodes\.jsonl line 4 .*finite number"):
        read_lines(run)
    with pytest.raises(ArtifactError, match=r"episodes\.jsonl line 4 .*finite number"):
        opened(run, resume=True)
