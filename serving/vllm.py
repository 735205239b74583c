"""The vLLM server: the command that starts it, its environment, and its address.

`billp serve` runs this command; `docker-compose.yml` holds the same flags, and a test compares the two.
"""

from __future__ import annotations

import importlib.util
import os
import shlex
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from billp.errors import ServingError
from billp.setting_groups import LLMSettings, VLLMSettings

_MODULE = "vllm.entrypoints.openai.api_server"  # the command `vllm` is missing from the wheel for CPUs
_KEY = "VLLM_API_KEY"
_KEY_SETTING = "BILLP_LLM_API_KEY"
_NO_KEY = "none"
_CPU = Path("/proc/cpuinfo")
_TOP_LOGPROBS = 20  # what the Actor and the Critic read of a first token


@dataclass(frozen=True)
class Launch:
    """A command with its environment. No text form of it contains the key."""

    command: tuple[str, ...]
    environment: Mapping[str, str]
    """Variables in addition to those of this process, without the key."""
    base_url: str
    model: str
    """The name that clients ask for."""
    key: str
    """What clients must send as bearer token; empty: any client is served."""

    def __repr__(self) -> str:
        return f"Launch({self.shown()!r})"

    def shown(self) -> str:
        """Returns the command for a shell; a variable stands for the key.

        The key may come from billp.toml, and an empty one would leave the server open: if the variable is empty, the
        shell refuses.
        """
        words = [f"{name}={shlex.quote(value)}" for name, value in self.environment.items()]
        if self.key and os.environ.get(_KEY) != self.key:
            words.append(f'{_KEY}="${{{_KEY_SETTING}:?}}"')
        return " ".join([*words, shlex.join(self.command)])

    def full_environment(self) -> dict[str, str]:
        """Returns the complete environment of the process, the key included."""
        return {**os.environ, **self.environment, **({_KEY: self.key} if self.key else {})}


def flags(settings: VLLMSettings) -> tuple[str, ...]:
    """Returns the flags that vLLM is started with, by `billp serve` or Docker. They hold no secret."""
    given = [f"--model={settings.model}"]
    if settings.name is not None:
        given.append(f"--served-model-name={settings.name}")
    given.append(f"--max-model-len={settings.max_model_len}")
    if settings.device == "cuda":
        given += [
            f"--gpu-memory-utilization={settings.gpu_memory}",
            f"--tensor-parallel-size={settings.tensor_parallel}",
        ]
        if settings.data_parallel > 1:
            given.append(f"--data-parallel-size={settings.data_parallel}")
    else:
        given += [
            f"--dtype={_cpu_dtype()}",
            # vLLM 0.32 on a CPU dies of a call with a seed whose prompt it computes in parts, as it does when calls
            # side by side bring more tokens than it computes at once ("CPU Generator does not use offset").
            "--no-enable-chunked-prefill",
            # A prefix cache keeps whole blocks; vLLM's 128 tokens on CPUs are most of one of our prompts.
            "--block-size=32",
        ]
    if settings.eager:
        given.append("--enforce-eager")
    return (
        *given,
        "--enable-prefix-caching" if settings.prefix_caching else "--no-enable-prefix-caching",
        "--enable-prompt-tokens-details",  # says how much of a prompt the cache served
        f"--max-logprobs={_TOP_LOGPROBS}",
        "--disable-uvicorn-access-log",
        f"--host={settings.host}",
        f"--port={settings.port}",
    )


def launch(settings: VLLMSettings, client: LLMSettings, *, dry: bool = False) -> Launch:
    """Returns the command for these settings, with a free port for port 0.

    Raises ServingError if the port is taken, or if vLLM is not installed where it is looked for; with `dry`, for a
    command that is only shown, it checks neither.
    """
    if not dry:
        _check_interpreter(settings)
    if not dry or settings.port == 0:
        settings = settings.model_copy(update={"port": _port(settings)})
    environment = {"VLLM_NO_USAGE_STATS": "1"}
    if settings.device == "cpu":
        environment |= {"VLLM_TARGET_DEVICE": "cpu", "VLLM_CPU_KVCACHE_SPACE": str(settings.cpu_cache_gb)}
    if Path(settings.model).is_dir():
        environment["HF_HUB_OFFLINE"] = "1"
    key = client.api_key.get_secret_value()
    return Launch(
        command=(_interpreter(settings), "-m", _MODULE, *flags(settings)),
        environment=environment,
        base_url=f"http://{_reachable(settings.host)}:{settings.port}/v1",
        model=settings.name or settings.model,
        # vLLM itself reads the variable, so a key that is already in it is required as well.
        key=key if key != _NO_KEY else os.environ.get(_KEY, ""),
    )


def _cpu_dtype() -> str:
    """Returns the type that this machine's processor multiplies fast.

    vLLM's choice, the type in a model's files, is emulated by processors without it: with AVX2 alone a matrix product
    in bfloat16 takes seven times as long as in float32 (10 against 70 GFLOP/s on one core).
    """
    native = {"avx512_bf16", "amx_bf16", "bf16"}  # the last is ARM's
    try:
        return "bfloat16" if native & set(_CPU.read_text(encoding="utf-8").split()) else "float32"
    except OSError:
        return "float32"


def _interpreter(settings: VLLMSettings) -> str:
    return sys.executable if settings.python is None else str(settings.python.expanduser())


def _check_interpreter(settings: VLLMSettings) -> None:
    path = _interpreter(settings)
    if settings.python is not None and not Path(path).is_file():
        raise ServingError(f"There is no interpreter {path}; set BILLP_VLLM_PYTHON to one that has vLLM.")
    if settings.python is None and importlib.util.find_spec("vllm") is None:
        raise ServingError(
            "The package vllm is not installed; `pip install vllm` (CUDA), or set BILLP_VLLM_PYTHON to the "
            "interpreter of an environment that has it."
        )


def _port(settings: VLLMSettings) -> int:
    """Returns the port asked for, or a free one; on a taken port another server would answer in vLLM's place."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            raise ServingError(
                f"vLLM cannot listen on {settings.host} port {settings.port} ({error.strerror or error}); "
                f"choose another --port, or 0 for a free one."
            ) from error
        return int(probe.getsockname()[1])


def _reachable(host: str) -> str:
    """Returns the address under which this machine reaches a server that listens on `host`."""
    if host in ("0.0.0.0", "::"):  # noqa: S104 -- compared with, not listened on
        return "127.0.0.1" if host == "0.0.0.0" else "[::1]"  # noqa: S104 -- the same
    return f"[{host}]" if ":" in host else host
