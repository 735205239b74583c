"""`--tape`: a run whose replies are chance is repeated from its tape, episode by episode, with nobody to ask."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from billp.agents.llm.asking import Request
from billp.agents.llm.reading import Reply
from billp.errors import ModelUnavailableError
from billp.graphs import resources
from tests.cli.conftest import Billp, ServedFake
from tests.fakes.model import sensible_reply
from tests.fakes.server import Script, serving

TRAIN = (
    "train", "--dataset", "tiny", "--episodes", "6", "--run", "train", "--json",
    "--set", "run.batch=2", "--set", "memory.actor_distance=9",
)  # fmt: skip
EVALUATE = (
    "evaluate", "--dataset", "tiny", "--users", "3", "--seeds", "0,1", "--run", "test", "--json",
    "--set", "critic.always=true",
)  # fmt: skip
FAR = ("--set", "memory.critic_distance=9")


class Dice(ServedFake):
    """A server that never answers the same twice, and its tenth caller not at all."""

    stumbles: ClassVar[bool] = True

    async def answer(self, request: Request) -> Reply:
        if self.stumbles and len(self.requests) == 10:  # every run asks more often than that
            raise ModelUnavailableError("the server stumbled")
        reply = sensible_reply(replace(request, seed=secrets.randbelow(2**31)))
        return replace(reply, usage=replace(reply.usage, seconds=secrets.randbelow(1000) / 997))


@pytest.fixture
def dice(hashed: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that rolls dice."""
    monkeypatch.setenv("BILLP_LLM_BASE_URL", "http://llm/v1")
    monkeypatch.setattr(resources, "ServerChat", Dice)


def gone(*_: object, **__: object) -> None:
    raise AssertionError("a replay asks nobody")


def lines(run: Path) -> dict[str, Any]:
    """The episodes of a run by id, without the times they were played at."""
    found = [json.loads(line) for line in (run / "episodes.jsonl").read_text().splitlines()]
    return {line["id"]: {k: v for k, v in line.items() if k not in ("started", "ended")} for line in found}


def config(run: Path) -> dict[str, Any]:
    stored: dict[str, Any] = json.loads((run / "config.json").read_text())
    del stored["surroundings"]
    return stored


def record(billp: Billp, tiny: Path, folder: Path) -> None:
    """Records a training run and an evaluation that reads what was learned; keeps a data folder without memory."""
    shutil.copytree(tiny, folder / "fresh")
    for command in (TRAIN, EVALUATE):
        assert billp(*command, *FAR, "--tape", "record").code in (0, 1)
    billp("memory", "export", folder / "recorded.jsonl", "--dataset", "tiny")


def replay(billp: Billp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Replays both with nobody to ask, and compares episodes, configuration and memory."""
    runs = Path(os.environ["BILLP_RUNS_DIR"])
    monkeypatch.setattr(resources, "ServerChat", gone)
    monkeypatch.setattr(resources, "start", gone)
    monkeypatch.setenv("BILLP_DATA_DIR", str(tmp_path / "fresh"))
    monkeypatch.setenv("BILLP_RUNS_DIR", str(tmp_path / "again"))
    monkeypatch.delenv("BILLP_LLM_BASE_URL")
    for command, name in ((TRAIN, "train"), (EVALUATE, "test")):
        billp(*command, *FAR, "--tape", "replay", "--tape-file", runs / name / "tape.sqlite", "--side-by-side", "1")
        assert len(lines(runs / name)) == 6
        assert lines(tmp_path / "again" / name) == lines(runs / name)
        assert config(tmp_path / "again" / name) == config(runs / name)
        assert not (tmp_path / "again" / name / "tape.sqlite").exists()
    billp("memory", "export", tmp_path / "replayed.jsonl", "--dataset", "tiny")
    memory = (tmp_path / "recorded.jsonl").read_text()
    assert (tmp_path / "replayed.jsonl").read_text() == memory
    assert memory.count("\n") > 4


def test_a_run_is_replayed_exactly_without_an_llm(
    billp: Billp, tiny: Path, dice: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    record(billp, tiny, tmp_path)
    recorded = lines(Path(os.environ["BILLP_RUNS_DIR"]) / "test")
    assert {line["status"] for line in recorded.values()} == {"finished", "failed"}, "failures are replayed as well"
    replay(billp, tmp_path, monkeypatch)


@pytest.mark.integration
@pytest.mark.enable_socket
def test_a_run_is_replayed_exactly_when_the_server_is_gone(
    billp: Billp, tiny: Path, hashed: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    with serving(Script(dice=True)) as url:
        monkeypatch.setenv("BILLP_LLM_BASE_URL", url)
        record(billp, tiny, tmp_path)
    replay(billp, tmp_path, monkeypatch)


def test_a_run_recorded_again_repeats_itself(
    billp: Billp, tiny: Path, dice: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    runs = Path(os.environ["BILLP_RUNS_DIR"])
    tape = ("--tape", "record", "--tape-file", tmp_path / "tape.sqlite")
    at = ("evaluate", "--dataset", "tiny", "--users", "6", "--method", "react")
    assert billp(*at, "--run", "one", *tape).code == 1
    monkeypatch.setattr(Dice, "stumbles", False)
    assert billp(*at, "--run", "two", *tape).code == 0, "what failed before is asked again"
    once = {id_: line for id_, line in lines(runs / "one").items() if line["status"] == "finished"}
    assert once.items() <= lines(runs / "two").items()


def test_what_was_not_recorded_fails_by_name(billp: Billp, tiny: Path, answered: None):
    at = ("evaluate", "--dataset", "tiny", "--users", "2", "--method", "act-only", "--json")
    assert billp(*at, "--run", "one", "--tape", "record").code == 0
    tape = Path(os.environ["BILLP_RUNS_DIR"]) / "one" / "tape.sqlite"
    replay = ("--tape", "replay", "--tape-file", tape)
    said = billp(*at, "--run", "two", *replay, "--set", "actor.temperature=0.7")
    assert (said.code, said.json["failed"]) == (1, 2)
    (error,) = {line["error"] for line in lines(Path(os.environ["BILLP_RUNS_DIR"]) / "two").values()}
    assert error.startswith(f"This actor call is not on the tape {tape}: prompts, settings,")
    single = billp("episode", "--dataset", "tiny", "--user", "u0", "--method", "act-only", *replay)
    assert single.code == 1
    assert "is not on the tape" in single.words


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["evaluate", "--untrained", "--users", "1", "--tape", "replay"], "There is no tape"),
        (
            ["evaluate", "--untrained", "--users", "1", "--tape", "replay", "--tape-file", "nowhere"],
            "There is no tape nowhere",
        ),
        (["train", "--episodes", "1", "--tape", "replay", "--tape-file", "text"], "cannot be opened"),
        (["train", "--episodes", "1", "--tape", "record", "--tape-file", "text"], "cannot be opened"),
        (
            ["episode", "--untrained", "--user", "u0", "--tape", "record"],
            "needs a file; give --tape-file or set run.tape_file",
        ),
        (
            ["evaluate", "--users", "1", "--tape", "again"],
            "There is no --tape 'again'; choose one of",
        ),
    ],
)
def test_a_tape_that_cannot_be_used_ends_with_2(
    billp: Billp, tiny: Path, answered: None, arguments: list[str], words: str
):
    Path("text").write_text("no tape, and longer than a database's header is" * 9)
    said = billp(*arguments, "--dataset", "tiny")
    assert (said.code, words in said.words) == (2, True), said.words
    assert not list(Path(os.environ["BILLP_RUNS_DIR"]).glob("*/config.json"))


def test_another_model_than_the_recorded_one_ends_with_2(billp: Billp, tiny: Path, answered: None):
    at = ("episode", "--untrained", "--dataset", "tiny", "--user", "u0", "--tape-file", "tape.sqlite")
    assert billp(*at, "--tape", "record").code == 0
    assert billp(*at, "--tape", "replay").code == 0
    said = billp(*at, "--tape", "replay", "--set", "llm.model=other")
    assert said.code == 2
    assert "holds no call to model 'other', only to smollm2-135m-instruct" in said.words


def test_a_method_without_an_llm_needs_no_tape(billp: Billp, tiny: Path, hashed: None):
    said = billp("evaluate", "--dataset", "tiny", "--users", "2", "--method", "random", "--tape", "replay")
    assert said.code == 0


def test_an_episode_is_replayed(billp: Billp, tiny: Path, dice: None, monkeypatch: pytest.MonkeyPatch):
    at = ("episode", "--dataset", "tiny", "--user", "u1", "--method", "react", "--tape-file", "tape.sqlite")
    first = billp(*at, "--tape", "record")
    monkeypatch.setattr(resources, "ServerChat", gone)
    second = billp(*at, "--tape", "replay")
    assert (second.code, second.out) == (first.code, first.out)


def test_the_tape_can_be_set_without_a_flag(billp: Billp, tiny: Path, dice: None, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("BILLP_RUN_TAPE", "record")
    billp("evaluate", "--dataset", "tiny", "--users", "1", "--method", "act-only", "--run", "one")
    assert (Path(os.environ["BILLP_RUNS_DIR"]) / "one" / "tape.sqlite").is_file()
    assert billp(
        "evaluate", "--dataset", "tiny", "--untrained", "--users", "1", "--tape", "off", "--run", "two"
    ).code in (0, 1)
    assert not (Path(os.environ["BILLP_RUNS_DIR"]) / "two" / "tape.sqlite").exists()
