"""What is measured on a GPU is counted right, and its checks can fail; none of it needs a GPU."""

from __future__ import annotations

import json
import lzma
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from benchmarks.gpu import checks, replay, serve, shape
from billp.serving.vllm import flags
from billp.settings import load_settings
from tests.fakes.processes import left_running
from tests.fakes.server import Script, serving

ROOT = Path(__file__).parents[2]
PROMPT, REPLY, CACHED = 200, 20, 50
CALLS: list[dict[str, Any]] = [
    {"messages": [{"role": "system", "content": "You plan."}, {"role": "user", "content": f"user {n}"}], "seed": n}
    for n in range(40)
]


def written(path: Path) -> Path:
    """The calls as `record` writes them."""
    with lzma.open(path, "wt") as file:
        file.writelines(json.dumps(line) + "\n" for line in (*CALLS, {"calls": 40, "steps": 20}))
    return path


async def stream(request: web.Request) -> web.StreamResponse:
    """A reply in two parts and its usage; user 13 is refused, user 14's reply breaks off."""
    body = await request.json()
    user = body["messages"][1]["content"]
    if user == "user 13":
        return web.json_response({"error": {"message": "thirteen is refused"}}, status=400)
    parts: list[dict[str, Any]] = [{"choices": [{"delta": {"content": words}}]} for words in ("", "a drama")]
    if user != "user 14":
        usage = {"prompt_tokens": PROMPT, "completion_tokens": REPLY}
        parts.append({"choices": [], "usage": usage | {"prompt_tokens_details": {"cached_tokens": CACHED}}})
    lines = [f"data: {json.dumps(part)}\n\n" for part in parts]
    return web.Response(text="".join([*lines, "data: [DONE]\n\n"]), content_type="text/event-stream")


@pytest.fixture
async def base_url() -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_post("/v1/chat/completions", stream)
    async with TestServer(app) as server:
        yield str(server.make_url("/v1"))


@pytest.mark.enable_socket
async def test_a_replay_counts_calls_tokens_and_refusals(base_url: str, tmp_path: Path):
    path = written(tmp_path / "calls.jsonl.xz")
    found = await replay.measure(path, base_url=base_url, model="any", key="none", levels=(1, 16), seconds=60)
    for row in found["levels"]:
        assert (row["calls"], row["failed"]) == (38, 2)
        assert any("thirteen is refused" in error for error in row["errors"])
        assert (row["prompt_tokens_a_call"], row["reply_tokens_a_call"]) == (PROMPT, REPLY)
        assert row["cached_share"] == CACHED / PROMPT
        steps = 38 / 2
        assert row["steps_a_minute"] == pytest.approx(60 * steps / row["seconds"], rel=0.5)  # seconds are rounded
        assert row["first_token_s"]["median"] <= row["call_s_median"]
    speed = [row["steps_a_minute"] for row in found["levels"]]
    assert found["16_against_1"] == pytest.approx(speed[1] / speed[0], abs=0.01)


def test_levels_share_no_beginning_of_a_prompt():
    first, second = (replay.of_level(CALLS, level)[0]["messages"][0]["content"] for level in (1, 16))
    assert not first.startswith(second[:12])
    assert CALLS[0]["messages"][0]["content"] == "You plan.", "the recorded calls stay as they are"


def test_a_level_without_answers_says_what_went_wrong():
    row = replay.Level(4, errors=["TimeoutError: "] * 9).row(1.4)
    assert row == {"at_once": 4, "calls": 0, "failed": 9, "errors": ["TimeoutError: "] * 3}


@pytest.mark.enable_socket
@pytest.mark.parametrize("nonsense", [False, True])
def test_a_check_holds_only_where_it_should(nonsense: bool):
    with serving(Script(nonsense=nonsense)) as url:
        found = {name: one["holds"] for name, one in checks.check(checks.Server(url, "any", "none")).items()}
    assert found["a plain call is answered"]
    assert found["constrained choice at temperature 2"] is not nonsense
    unmet = ("a repeated prefix comes from the cache", "a wrong key is refused", "a wrong model is refused")
    assert not any(found[name] for name in (*unmet, "20 log-probabilities of the first token"))


@pytest.mark.enable_socket
def test_the_server_is_started_with_the_applications_own_flags(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("BILLP_VLLM_PYTHON", sys.executable)
    ready, _ = serve.planned("a/model", ["--load-format=dummy"])
    own = [flag for flag in flags(load_settings({"vllm.model": "a/model"}).vllm) if not flag.startswith("--port")]
    assert set(own) < set(ready.command)
    assert ready.command[-1] == "--load-format=dummy"
    assert ready.key
    assert ready.key not in ready.shown()


def test_a_shape_has_a_tokenizer_and_no_weights(tmp_path: Path):
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    (source / "config.json").write_text(json.dumps({"hidden_size": 576, "vocab_size": 49152, "layer_types": ["x"]}))
    (source / "tokenizer.json").write_text("{}")
    (source / "model.safetensors").write_text("weights")
    shape.write(source, target)
    assert {path.name for path in target.iterdir()} == {"config.json", "tokenizer.json"}
    config = json.loads((target / "config.json").read_text())
    assert (config["hidden_size"], config["vocab_size"]) == (3584, 49152)
    assert "layer_types" not in config


@pytest.mark.parametrize("module", [checks, replay, serve])
def test_every_script_explains_itself(module: ModuleType, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as ended:
        module.main(["--help"])
    assert ended.value.code == 0
    assert "python -m benchmarks.gpu" in capsys.readouterr().out


@pytest.mark.integration
@pytest.mark.enable_socket
def test_a_server_that_keeps_no_promise_is_measured_and_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    interpreter, pids, out = tmp_path / "python", tmp_path / "pids", tmp_path / "out"
    interpreter.write_text(f'#!/bin/sh\nexec {sys.executable} {ROOT / "tests" / "fakes" / "vllm.py"} "$@"\n')
    interpreter.chmod(0o755)
    monkeypatch.setenv("BILLP_VLLM_PYTHON", str(interpreter))
    monkeypatch.setenv("FAKE_VLLM_PIDS", str(pids))
    calls = written(tmp_path / "calls.jsonl.xz")
    arguments = ["--model", "a/model", "--calls", str(calls), "--out", str(out), "--levels", "1,2", "--", "--seed=1"]
    with pytest.raises(SystemExit) as ended:
        serve.main(arguments)
    assert ended.value.code == 1
    assert "--seed=1" in json.loads((out / "serve.json").read_text())["command"]
    found = json.loads((out / "checks.json").read_text())
    assert found.keys() == checks.CHECKS.keys()
    assert not any(one["holds"] for one in found.values())
    rows = json.loads((out / "replay.json").read_text())["levels"]
    assert [(row["calls"], row["failed"]) for row in rows] == [(0, 40), (0, 40)]
    assert left_running(map(int, pids.read_text().split())) == []
